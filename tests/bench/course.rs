//! Calls over time.

use std::time::{Duration, Instant};

use super::figure::quantile;

/// Number of windows of a trial that is too short for windows of ten seconds.
const FEWEST_WINDOWS: u32 = 5;

/// The duration of a window in a trial of this duration.
pub(super) fn window(time: Duration) -> Duration {
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

    /// Runs per second of each window of a trial of this duration.
    pub(super) fn rates(&self, time: Duration) -> Vec<(f64, f64)> {
        let window = window(time).as_secs_f64();
        self.by_window(time, |calls| {
            let runs: u64 = calls.iter().map(|call| call.runs).sum();
            runs as f64 / window
        })
    }

    /// Median latency of each window of a trial of this duration.
    pub(super) fn medians(&self, time: Duration) -> Vec<(f64, f64)> {
        self.by_window(time, |calls| quantile(&ascending(calls.iter()), 0.5))
    }

    /// The end of each whole window, and what `of` makes of the calls that ended in it.
    fn by_window(&self, time: Duration, of: impl Fn(&[Call]) -> f64) -> Vec<(f64, f64)> {
        let window = window(time).as_secs_f64();
        let count = (time.as_secs_f64() / window).round() as usize;
        let mut windows: Vec<Vec<Call>> = vec![Vec::new(); count];
        for call in &self.calls {
            // The last calls end after the trial.
            if let Some(calls) = windows.get_mut((call.at / window) as usize) {
                calls.push(*call);
            }
        }
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
