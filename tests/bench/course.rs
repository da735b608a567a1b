//! Calls in the course of time.

use std::time::{Duration, Instant};

use super::figure::quantile;

/// How many windows a trial has that is too short for windows of ten seconds.
const FEWEST_WINDOWS: u32 = 5;

/// The length of a window in a trial of this length.
pub(super) fn windows(time: Duration) -> Duration {
    Duration::from_secs(10).min(time / FEWEST_WINDOWS)
}

/// Calls with their times.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    calls: Vec<Call>,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    /// Seconds from the start of the trial to the end of the call.
    at: f64,
    took_ms: f64,
    runs: u64,
}

impl Course {
    /// Adds a call that began at `call` and ends now.
    pub(super) fn add(&mut self, start: Instant, call: Instant, runs: u64) {
        self.calls.push(Call {
            at: start.elapsed().as_secs_f64(),
            took_ms: call.elapsed().as_secs_f64() * 1e3,
            runs,
        });
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.calls.extend(other.calls);
    }

    pub(super) fn runs(&self) -> u64 {
        self.calls.iter().map(|call| call.runs).sum()
    }

    /// Calls that found nothing.
    pub(super) fn empty(&self) -> usize {
        self.calls.iter().filter(|call| call.runs == 0).count()
    }

    /// Ascending.
    pub(super) fn latencies_ms(&self) -> Vec<f64> {
        ascending(self.calls.iter())
    }

    /// Runs per second of each whole window.
    pub(super) fn rates(&self, window: Duration) -> Vec<(f64, f64)> {
        let rate = |calls: &[Call]| {
            let runs: u64 = calls.iter().map(|call| call.runs).sum();
            runs as f64 / window.as_secs_f64()
        };
        self.by_window(window, rate)
    }

    /// Median latency of each whole window.
    pub(super) fn medians(&self, window: Duration) -> Vec<(f64, f64)> {
        self.by_window(window, |calls| quantile(&ascending(calls.iter()), 0.5))
    }

    /// The end of each window, and what `of` makes of its calls. The last calls end after the last whole window.
    fn by_window(&self, window: Duration, of: impl Fn(&[Call]) -> f64) -> Vec<(f64, f64)> {
        let window = window.as_secs_f64();
        let mut windows: Vec<Vec<Call>> = Vec::new();
        for call in &self.calls {
            let index = (call.at / window) as usize;
            if windows.len() <= index {
                windows.resize(index + 1, Vec::new());
            }
            windows[index].push(*call);
        }
        windows.pop();
        let end = |index: usize| (index + 1) as f64 * window;
        let points = windows.iter().enumerate();
        points
            .map(|(index, calls)| (end(index), of(calls)))
            .collect()
    }
}

fn ascending<'a>(calls: impl Iterator<Item = &'a Call>) -> Vec<f64> {
    let mut latencies: Vec<f64> = calls.map(|call| call.took_ms).collect();
    latencies.sort_by(f64::total_cmp);
    latencies
}
