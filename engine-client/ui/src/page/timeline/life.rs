//! A run's life in parts, from its history: attempts, and what lies between them.

use super::bar::{Bar, Fill};
use crate::moment::Moment;
use crate::query::run::{Run, Snapshot};

/// An attempt of a run.
#[derive(Debug, Clone)]
pub(in crate::page) struct Attempt {
    pub(in crate::page) number: i64,
    pub(in crate::page) began: Moment,
    /// Until when; null while it goes on.
    pub(in crate::page) ended: Option<Moment>,
    /// How it ended: the transition.
    pub(in crate::page) end: Option<String>,
    pub(in crate::page) error: Option<serde_json::Value>,
    pub(in crate::page) worker: Option<String>,
    pub(super) bars: Vec<Bar>,
    pub(super) checkpoints: Vec<Moment>,
}

impl Attempt {
    /// Whether it failed.
    pub(in crate::page) fn has_failed(&self) -> bool {
        self.end.as_deref().is_some_and(|end| {
            matches!(
                end,
                "FAILED" | "RETRIED" | "RETRIED_BY_QUEUE" | "ATTEMPT_FAILED" | "STALLED_FOR_GOOD"
            )
        })
    }
}

/// What lies between attempts.
pub(super) enum Part {
    Between(Bar),
    Attempt(Attempt),
}

/// The parts of a run's life, from its history.
pub(super) fn parts(run: &Run, now: Moment) -> Vec<Part> {
    let steps: Vec<&Snapshot> = run.history.iter().filter(|step| step.is_valid).collect();
    let mut parts: Vec<Part> = Vec::new();
    let mut is_open = false;
    for (place, step) in steps.iter().enumerate() {
        let to = steps.get(place + 1).map_or(now, |next| next.at);
        let is_last = step.execution_status == "FINISHED";
        let begins = matches!(step.transition.as_str(), "STARTED");
        if is_open && ends_attempt(step) {
            if let Some(Part::Attempt(attempt)) = parts
                .iter_mut()
                .rev()
                .find(|part| matches!(part, Part::Attempt(_)))
            {
                close(attempt, step, run);
            }
            is_open = false;
        }
        if is_last {
            continue;
        }
        if begins {
            is_open = true;
            parts.push(Part::Attempt(Attempt {
                number: step.attempt.unwrap_or(1),
                began: step.at,
                ended: None,
                end: None,
                error: None,
                worker: step.worker.clone().or_else(|| worker_before(&steps, place)),
                bars: vec![bar(step, step.at, to)],
                checkpoints: Vec::new(),
            }));
        } else if is_open {
            if let Some(Part::Attempt(attempt)) = parts
                .iter_mut()
                .rev()
                .find(|part| matches!(part, Part::Attempt(_)))
            {
                attempt.bars.push(bar(step, step.at, to));
                if step.checkpoint_id.is_some() && step.transition == "SUSPENDED" {
                    attempt.checkpoints.push(step.at);
                }
            }
        } else {
            between(&mut parts, step, to);
        }
    }
    parts
}

fn worker_before(steps: &[&Snapshot], place: usize) -> Option<String> {
    steps[..place]
        .iter()
        .rev()
        .find_map(|step| step.worker.clone())
}

fn ends_attempt(step: &Snapshot) -> bool {
    step.execution_status == "FINISHED"
        || matches!(
            step.transition.as_str(),
            "RETRIED"
                | "RETRIED_BY_QUEUE"
                | "ATTEMPT_FAILED"
                | "STALLED_FOR_GOOD"
                | "REQUEUED"
                | "REDRIVEN"
        )
}

fn close(attempt: &mut Attempt, step: &Snapshot, run: &Run) {
    attempt.ended = Some(step.at);
    attempt.end = Some(step.transition.clone());
    let is_final =
        step.execution_status == "FINISHED" && step.run_status != "COMPLETED_SUCCESSFULLY";
    attempt.error = step
        .error
        .clone()
        .or_else(|| run.error.clone().filter(|_| is_final));
    let has_failed = attempt.has_failed();
    let fill = match step.transition.as_str() {
        "SUCCEEDED" => Fill::Done,
        _ if has_failed => Fill::Failed,
        _ => Fill::Runs,
    };
    for bar in attempt.bars.iter_mut().filter(|bar| bar.fill == Fill::Runs) {
        bar.fill = fill;
    }
}

/// What it does from a step on, within an attempt.
fn bar(step: &Snapshot, from: Moment, to: Moment) -> Bar {
    let (fill, title) = match step.execution_status.as_str() {
        "EXECUTING_WITH_WAITPOINTS" => (Fill::Waits, "waits, holds a slot"),
        "SUSPENDED" => (Fill::Waits, "suspended, holds no slot"),
        "QUEUED" | "QUEUED_EXECUTING" => (Fill::Queue, "in its queue, to go on"),
        "PENDING_CANCEL" => (Fill::Backoff, "asked to stop"),
        _ => (Fill::Runs, "runs, holds a slot"),
    };
    Bar {
        from,
        to,
        fill,
        title: title.to_owned(),
    }
}

/// What it does from a step on, between attempts.
fn between(parts: &mut Vec<Part>, step: &Snapshot, to: Moment) {
    let retry_at = step
        .retry_at
        .as_ref()
        .and_then(|at| at.as_str())
        .and_then(Moment::parse);
    let mut add = |from: Moment, to: Moment, fill, title: &str| {
        if to > from || parts.is_empty() {
            parts.push(Part::Between(Bar {
                from,
                to,
                fill,
                title: title.to_owned(),
            }));
        }
    };
    match step.execution_status.as_str() {
        "DELAYED" => add(step.at, to, Fill::Queue, "delayed"),
        "RUN_CREATED" => add(step.at, to, Fill::Queue, "no version"),
        "PENDING_EXECUTING" if step.transition == "RETRIED" => {
            add(step.at, to, Fill::Backoff, "backoff")
        }
        "PENDING_EXECUTING" => add(step.at, to, Fill::Runs, "starting"),
        _ => {
            let due = retry_at.map_or(step.at, |at| at.clamp(step.at, to));
            if retry_at.is_some() {
                add(step.at, due, Fill::Backoff, "backoff");
            }
            add(due, to, Fill::Queue, "in its queue");
        }
    }
}

/// The attempts of a run, in order.
pub(in crate::page) fn attempts(run: &Run, now: Moment) -> Vec<Attempt> {
    let parts = parts(run, now).into_iter();
    parts
        .filter_map(|part| match part {
            Part::Attempt(attempt) => Some(attempt),
            Part::Between(_) => None,
        })
        .collect()
}
