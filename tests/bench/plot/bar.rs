//! A figure as bars.

use anyhow::Result;
use plotters::prelude::*;

use super::{NAMES, color, failed, height_of, name_bars, svg};
use crate::figure::{Figure, Spread};
use crate::trial::Outcome;

/// One bar per variant, the first one on top; a line from least to greatest.
pub(super) fn plot(outcomes: &[Outcome], figure: Figure) -> Result<String> {
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
