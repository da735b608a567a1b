//! From times to places.

use super::bar::Bar;
use crate::moment::Moment;

/// Most lines of the grid, and most of them with a time.
const LINES: i64 = 8;

/// Distances of lines, in milliseconds.
const STEPS: [i64; 20] = [
    1,
    5,
    10,
    50,
    100,
    500,
    1000,
    5000,
    10_000,
    30_000,
    60_000,
    300_000,
    900_000,
    3_600_000,
    14_400_000,
    43_200_000,
    86_400_000,
    604_800_000,
    2_592_000_000,
    31_536_000_000,
];

/// The scale of all rows.
pub(super) struct Scale {
    pub(super) from: Moment,
    pub(super) to: Moment,
}

impl Scale {
    /// A place in percent; what lies outside is at the edge.
    pub(super) fn x(&self, at: Moment) -> f64 {
        let length = (self.to.0 - self.from.0).max(1) as f64;
        ((at.0 - self.from.0) as f64 / length * 100.0).clamp(0.0, 100.0)
    }

    pub(super) fn is_within(&self, bar: &Bar) -> bool {
        bar.to >= self.from && bar.from <= self.to
    }

    /// The times of the grid.
    pub(super) fn lines(&self) -> (i64, Vec<Moment>) {
        let length = self.to.ms_since(self.from).max(1);
        let step = STEPS
            .into_iter()
            .find(|step| length / step <= LINES)
            .unwrap_or(length);
        let step_us = step * 1000;
        let first = (self.from.0.div_euclid(step_us) + 1) * step_us;
        let lines = (0..=LINES)
            .map(|line| Moment(first + line * step_us))
            .filter(|at| *at < self.to);
        (step, lines.collect())
    }
}
