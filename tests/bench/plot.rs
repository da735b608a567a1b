//! Plots of a table: rates as bars, waits as stacked bars, courses as lines.

mod bar;
mod line;
mod stack;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::figure::RATE;
use super::report::Table;
use super::trial::Outcome;

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

/// The plots of a table, as SVG.
pub(super) fn of(table: &Table) -> Result<Vec<String>> {
    let mut plots = Vec::new();
    let outcomes = &table.outcomes;
    if outcomes
        .iter()
        .any(|outcome| outcome.spread(RATE).is_some())
    {
        plots.push(bar::plot(outcomes, RATE)?);
    }
    if outcomes.iter().any(|outcome| !outcome.waits().is_empty()) {
        plots.push(stack::plot(outcomes)?);
    }
    for name in line::names(outcomes) {
        plots.push(line::plot(outcomes, &name)?);
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
