//! The course of a trial as lines.

use anyhow::Result;
use plotters::prelude::*;

use super::{color, failed, svg};
use crate::trial::{Outcome, Series};

/// The series of the first valid trial of each variant.
fn courses(outcome: &Outcome) -> &[Series] {
    outcome.valid().next().map_or(&[], |trial| &trial.series)
}

pub(super) fn names(outcomes: &[Outcome]) -> Vec<String> {
    let mut names = Vec::new();
    for series in outcomes.iter().flat_map(courses) {
        if !names.contains(&series.name) {
            names.push(series.name.clone());
        }
    }
    names
}

/// One line per variant.
pub(super) fn plot(outcomes: &[Outcome], name: &str) -> Result<String> {
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
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.8))
            .draw()
            .map_err(failed)?;
        Ok(())
    })
}
