//! What a worker counts, through the facade `metrics`; without a recorder this costs next to nothing.
//!
//! The names are part of the crate's contract, and stand in its front page.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::AttemptStatus;

pub(super) fn dequeued(runs: usize) {
    counter!("engine_runs_dequeued_total").increment(runs as u64);
}

/// How many runs are held now.
pub(super) fn held(runs: usize) {
    gauge!("engine_runs_held").set(runs as f64);
}

pub(super) fn started(task: &str, waited: Duration) {
    counter!("engine_attempts_started_total", "task" => task.to_owned()).increment(1);
    histogram!("engine_attempt_start_seconds").record(waited);
}

pub(super) fn completed(task: &str, status: AttemptStatus, took: Duration) {
    let labels = [("task", task.to_owned()), ("status", status.to_string())];
    counter!("engine_attempts_completed_total", &labels).increment(1);
    histogram!("engine_attempt_seconds", "task" => task.to_owned()).record(took);
}

/// The attempt ended without a completion: it was lost, its deadline passed, or its completion was refused.
pub(super) fn abandoned(task: &str) {
    counter!("engine_attempts_abandoned_total", "task" => task.to_owned()).increment(1);
}

pub(super) fn batch(call: &'static str, runs: usize) {
    histogram!("engine_batch_runs", "call" => call).record(runs as f64);
}

pub(super) fn beat_took(time: Duration) {
    histogram!("engine_heartbeat_seconds").record(time);
}

pub(super) fn beat_failed() {
    counter!("engine_heartbeats_failed_total").increment(1);
}
