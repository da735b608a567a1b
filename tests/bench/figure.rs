//! Measurements of a trial, and of several trials of one variant together.

use serde::Serialize;

/// A quantity with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    decimals: usize,
}

pub(super) const RATE: Figure = Figure::new("runs per second", 0);
pub(super) const P50: Figure = Figure::new("call p50, ms", 2);
pub(super) const P99: Figure = Figure::new("call p99, ms", 2);
pub(super) const COMMITS: Figure = Figure::new("commits per run", 3);
pub(super) const WAL_BYTES: Figure = Figure::new("WAL bytes per run", 0);
pub(super) const WAL_FLUSHES: Figure = Figure::new("WAL flushes per run", 3);
pub(super) const PAGE_IMAGES: Figure = Figure::new("full-page images per run", 3);
pub(super) const ROWS: Figure = Figure::new("rows written per run", 2);
pub(super) const SERVER_CPU: Figure = Figure::new("server CPU per run, µs", 0);
pub(super) const CLIENT_CPU: Figure = Figure::new("client CPU per run, µs", 0);
pub(super) const DEAD_TUPLES: Figure = Figure::new("dead tuples left per run", 2);

impl Figure {
    pub(super) const fn new(name: &'static str, decimals: usize) -> Self {
        Self { name, decimals }
    }

    pub(super) fn format(self, value: f64) -> String {
        grouped(&format!("{value:.*}", self.decimals))
    }
}

/// Several measurements of one figure.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// None of no measurements.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, min, max })
    }

    /// Median, and if there were several, the least and the greatest.
    pub(super) fn format(self, figure: Figure) -> String {
        let median = figure.format(self.median);
        if self.min.total_cmp(&self.max).is_eq() {
            return median;
        }
        let (min, max) = (figure.format(self.min), figure.format(self.max));
        format!("{median} ({min}–{max})")
    }
}

/// The value below which the share `quantile` of `values` lies, which are in ascending order; 0 of none.
pub(super) fn quantile(values: &[f64], quantile: f64) -> f64 {
    let position = (values.len() as f64 * quantile).ceil() as usize;
    values
        .get(position.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// Thousands apart, in the digits before the point.
fn grouped(number: &str) -> String {
    let (sign, number) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (number, String::new()),
    };
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{sign}{text}{fraction}")
}
