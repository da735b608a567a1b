//! Plots of a table: rates as bars, waits as stacked bars, courses as lines.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::figure::{Figure, RATE, Spread};
use super::report::Table;
use super::trial::{Outcome, Series};

const WIDTH: u32 = 560;
const BAR_HEIGHT: u32 = 34;
/// Room for names of variants, beside the bars.
const NAMES: u32 = 210;

const COLORS: [RGBColor; 10] = [
    RGBColor(78, 121, 167),
    RGBColor(242, 142, 43),
    RGBColor(89, 161, 79),
    RGBColor(225, 87, 89),
    RGBColor(118, 183, 178),
    RGBColor(237, 201, 72),
    RGBColor(176, 122, 161),
    RGBColor(255, 157, 167),
    RGBColor(156, 117, 95),
    RGBColor(186, 176, 172),
];

/// Names that get a color of their own; the others share the last one.
const NAMED_WAITS: usize = COLORS.len() - 1;

/// The plots of a table, as SVG.
pub(super) fn of(table: &Table) -> Result<Vec<String>> {
    let mut plots = Vec::new();
    let outcomes = &table.outcomes;
    if outcomes
        .iter()
        .any(|outcome| outcome.spread(RATE).is_some())
    {
        plots.push(bars(outcomes, RATE)?);
    }
    if outcomes.iter().any(|outcome| !outcome.waits().is_empty()) {
        plots.push(stacks(outcomes)?);
    }
    for name in series_names(outcomes) {
        plots.push(lines(outcomes, &name)?);
    }
    Ok(plots)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws on a new white area and gives its SVG.
fn svg(height: u32, draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        draw(&area)?;
        area.present().map_err(failed)?;
    }
    Ok(text)
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot plot: {error}")
}

fn color(index: usize) -> RGBColor {
    COLORS[index.min(COLORS.len() - 1)]
}

fn height_of(bars: usize) -> u32 {
    80 + BAR_HEIGHT * u32::try_from(bars).unwrap_or(1)
}

/// One bar per variant, the first one on top; a line from least to greatest.
fn bars(outcomes: &[Outcome], figure: Figure) -> Result<String> {
    let spreads: Vec<Option<Spread>> = outcomes.iter().map(|o| o.spread(figure)).collect();
    let greatest = spreads
        .iter()
        .flatten()
        .fold(0.0_f64, |most, s| most.max(s.max));
    svg(height_of(outcomes.len()), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption(figure.name, ("sans-serif", 15))
            .margin(10)
            .margin_right(30)
            .x_label_area_size(28)
            .y_label_area_size(NAMES)
            .build_cartesian_2d(0.0..greatest.max(1.0) * 1.05, -(outcomes.len() as f64)..0.0)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(5)
            .x_label_formatter(&|value| figure.format(*value))
            .draw()
            .map_err(failed)?;
        for (index, spread) in spreads.iter().enumerate() {
            let Some(spread) = spread else { continue };
            let middle = -(index as f64) - 0.5;
            let bar = [(0.0, middle - 0.32), (spread.median, middle + 0.32)];
            let range = vec![(spread.min, middle), (spread.max, middle)];
            chart
                .draw_series([Rectangle::new(bar, color(index).filled())])
                .map_err(failed)?;
            chart
                .draw_series([PathElement::new(range, BLACK.stroke_width(2))])
                .map_err(failed)?;
        }
        name_bars(area, outcomes)
    })
}

/// The names of the variants, left of their bars.
fn name_bars(area: &Area<'_>, outcomes: &[Outcome]) -> Result<()> {
    let top = 10 + 24;
    let height = i32::try_from(BAR_HEIGHT)?;
    for (index, outcome) in outcomes.iter().enumerate() {
        let y = top + height * i32::try_from(index)? + height / 2 - 4;
        area.draw(&Text::new(
            outcome.variant.as_str(),
            (10, y),
            ("sans-serif", 12),
        ))
        .map_err(failed)?;
    }
    Ok(())
}

/// One bar per variant, of what its sessions were seen doing.
fn stacks(outcomes: &[Outcome]) -> Result<String> {
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
                let style = color(known.unwrap_or(NAMED_WAITS)).filled();
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

/// The most frequent waits of all variants, the most frequent first; the last color stands for all others.
fn wait_names(outcomes: &[Outcome]) -> Vec<String> {
    let mut sums: Vec<(String, f64)> = Vec::new();
    for (name, share) in outcomes.iter().flat_map(Outcome::waits) {
        match sums.iter_mut().find(|(found, _)| *found == name) {
            Some((_, sum)) => *sum += share,
            None => sums.push((name, share)),
        }
    }
    sums.sort_by(|a, b| b.1.total_cmp(&a.1));
    let is_cut = sums.len() > NAMED_WAITS;
    sums.truncate(NAMED_WAITS);
    let mut names: Vec<String> = sums.into_iter().map(|(name, _)| name).collect();
    if is_cut {
        names.push("other".to_owned());
    }
    names
}

/// The series of the first valid trial of each variant.
fn courses(outcome: &Outcome) -> &[Series] {
    outcome.valid().next().map_or(&[], |trial| &trial.series)
}

fn series_names(outcomes: &[Outcome]) -> Vec<String> {
    let mut names = Vec::new();
    for series in outcomes.iter().flat_map(courses) {
        if !names.contains(&series.name) {
            names.push(series.name.clone());
        }
    }
    names
}

/// One line per variant.
fn lines(outcomes: &[Outcome], name: &str) -> Result<String> {
    let of_outcome = |outcome: &Outcome| {
        let mut all = courses(outcome).iter();
        all.find(|series| series.name == name)
            .map_or_else(Vec::new, |series| series.points.clone())
    };
    let courses: Vec<Vec<(f64, f64)>> = outcomes.iter().map(of_outcome).collect();
    let greatest = courses
        .iter()
        .flatten()
        .fold((1.0_f64, f64::EPSILON), |most, point| {
            (most.0.max(point.0), most.1.max(point.1))
        });
    svg(300, |area| {
        let mut chart = ChartBuilder::on(area)
            .caption(name, ("sans-serif", 15))
            .margin(10)
            .margin_right(30)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d(0.0..greatest.0, 0.0..greatest.1 * 1.05)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc("seconds")
            .x_labels(8)
            .y_labels(6)
            .draw()
            .map_err(failed)?;
        for (index, course) in courses.into_iter().enumerate() {
            let style = color(index).stroke_width(2);
            chart
                .draw_series(LineSeries::new(course, style))
                .map_err(failed)?
                .label(outcomes[index].variant.as_str())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 15, y)], style));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .draw()
            .map_err(failed)?;
        Ok(())
    })
}
