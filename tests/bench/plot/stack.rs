//! The activity of sessions, as stacked bars.

use anyhow::Result;
use plotters::prelude::*;

use super::{COLORS, NAMES, color, failed, height_of, name_bars, svg};
use crate::trial::Outcome;

/// How many names have a color of their own; the others share the last one.
const NAMED: usize = COLORS.len() - 1;

/// These have the same colors in all plots.
const EVERYWHERE: [&str; 5] = [
    "CPU",
    "LWLock:WALWrite",
    "between calls",
    "IO:WALSync",
    "between statements",
];

/// One bar per variant, with the activity of its sessions.
pub(super) fn plot(outcomes: &[Outcome]) -> Result<String> {
    let names = wait_names(outcomes);
    let legend = 20 * u32::try_from(names.len())? + 10;
    let bars = height_of(outcomes.len());
    svg(bars + legend, |area| {
        let (upper, lower) = area.split_vertically(bars);
        let mut chart = ChartBuilder::on(&upper)
            .caption("what the sessions were seen doing, %", ("sans-serif", 15))
            .margin(10)
            .margin_right(30)
            .x_label_area_size(28)
            .y_label_area_size(NAMES)
            .build_cartesian_2d(0.0..100.0, -(outcomes.len() as f64)..0.0)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(5)
            .draw()
            .map_err(failed)?;
        for (index, outcome) in outcomes.iter().enumerate() {
            let middle = -(index as f64) - 0.5;
            let mut start = 0.0;
            for (name, share) in outcome.waits() {
                let known = names.iter().position(|found| *found == name);
                let end = start + share * 100.0;
                let bar = [(start, middle - 0.32), (end, middle + 0.32)];
                let style = color(known.unwrap_or(NAMED)).filled();
                chart
                    .draw_series([Rectangle::new(bar, style)])
                    .map_err(failed)?;
                start = end;
            }
        }
        name_bars(&upper, outcomes)?;
        for (index, name) in names.iter().enumerate() {
            let y = 20 * i32::try_from(index)?;
            let left = i32::try_from(NAMES)? + 10;
            let square = Rectangle::new([(left, y), (left + 12, y + 12)], color(index).filled());
            lower.draw(&square).map_err(failed)?;
            lower
                .draw(&Text::new(
                    name.as_str(),
                    (left + 20, y),
                    ("sans-serif", 12),
                ))
                .map_err(failed)?;
        }
        Ok(())
    })
}

/// The names with a color of their own: those of every load, and then the most frequent ones; `other` stands for the rest.
fn wait_names(outcomes: &[Outcome]) -> Vec<String> {
    let mut sums: Vec<(String, f64)> = EVERYWHERE.map(|name| (name.to_owned(), f64::MAX)).to_vec();
    for (name, share) in outcomes.iter().flat_map(Outcome::waits) {
        match sums.iter_mut().find(|(found, _)| *found == name) {
            Some((_, sum)) => *sum += share,
            None => sums.push((name, share)),
        }
    }
    sums[EVERYWHERE.len()..].sort_by(|a, b| b.1.total_cmp(&a.1));
    let is_cut = sums.len() > NAMED;
    sums.truncate(NAMED);
    let mut names: Vec<String> = sums.into_iter().map(|(name, _)| name).collect();
    if is_cut {
        names.push("other".to_owned());
    }
    names
}
