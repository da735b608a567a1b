//! A turn of a worker: its completions first, then the runs that start, in one commit.
//!
//! Completions lock their runs, and may wait for these locks. The dequeue that follows waits for nothing, so that it cannot
//! close a circle of sessions that wait for each other.

use engine_core::{CompletionOf, DequeueRequest, Refusal, RunId, Settings, SnapshotId};

use crate::flow;
use crate::flow::attempt::start::With;
use crate::flow::dequeue::Request;
use crate::flow::turn::{Named, Refused, Turn};
use crate::store::queue_item::hand_out::{Begun, Dequeued};
use crate::store::row::Caller;

/// Takes a turn, or returns the answer to a named one that was taken before.
///
/// # Errors
/// [`Refusal::TurnTaken`] (`40001`), and those of a wait.
pub(crate) fn take(
    completions: Vec<Result<CompletionOf, Refusal>>,
    from: Request<'_>,
    request: Option<DequeueRequest>,
    named: Option<&Named<'_>>,
    caller: Caller<'_>,
) -> Result<Turn, Refusal> {
    let Some(named) = named else {
        return turn(completions, from, request, false, caller);
    };
    if let Some(answer) = named.answer(&completions) {
        return Ok(answer);
    }
    let turn = turn(completions, from, request, named.is_warm(), caller)?;
    named.record(&turn)?;
    Ok(turn)
}

/// Completes attempts, then dequeues and starts due runs. It waits only if there is nothing to complete. `is_warm` tells that
/// the worker is known to have executed runs before.
///
/// # Errors
/// Those of a wait.
fn turn(
    completions: Vec<Result<CompletionOf, Refusal>>,
    from: Request<'_>,
    request: Option<DequeueRequest>,
    is_warm: bool,
    caller: Caller<'_>,
) -> Result<Turn, Refusal> {
    if completions.is_empty() {
        let from = from.starting(is_warm);
        let (dequeued, settings) = match request {
            Some(request) => from.wait(request.wait_ms, caller)?,
            None => (Vec::new(), flow::settings(flow::now())),
        };
        return Ok(Turn {
            completed: Vec::new(),
            started: begin(dequeued, is_warm, caller, &settings),
            settings,
        });
    }
    let settings = flow::settings(flow::now());
    if request.is_some() {
        from.look_ahead(settings.now);
    }
    let completed = flow::attempt::complete::complete(completions, caller, &settings);
    // A slot that a completion frees serves a run that is dequeued now: slots are counted in a later statement.
    let is_warm = is_warm || completed.iter().any(Result::is_ok);
    let completed = completed
        .into_iter()
        .map(|answer| answer.map_err(|refusal| Refused::from(&refusal)))
        .collect();
    let dequeued = match request {
        Some(_) => from.starting(is_warm).dequeue_at_once(caller, &settings),
        None => Vec::new(),
    };
    Ok(Turn {
        completed,
        started: begin(dequeued, is_warm, caller, &settings),
        settings,
    })
}

/// Starts the runs that did not start with their dequeue, because they had an attempt before, and continues those with a
/// checkpoint. A run without attempts left ends instead, and is not in the result.
fn begin(
    dequeued: Vec<Dequeued>,
    is_warm: bool,
    caller: Caller<'_>,
    settings: &Settings,
) -> Vec<(Dequeued, Begun)> {
    let pairs: Vec<_> = dequeued
        .iter()
        .filter(|dequeued| dequeued.begun.is_none() && !continues(dequeued))
        .map(|dequeued| {
            Ok((
                dequeued.candidate.run.id.clone(),
                dequeued.snapshot_id.clone(),
            ))
        })
        .collect();
    let with = With {
        warm_start: is_warm,
        execution: false,
    };
    let mut answers = if pairs.is_empty() {
        Vec::new()
    } else {
        flow::attempt::start::start(&pairs, with, caller, settings)
    }
    .into_iter();
    let mut begun = Vec::with_capacity(dequeued.len());
    for mut dequeued in dequeued {
        let start = match dequeued.begun.take() {
            Some(start) => Some(start),
            None if continues(&dequeued) => Some(resume(&dequeued, caller, settings)),
            None => match answers.next() {
                Some(Ok(started)) => {
                    let number = started.heartbeat_ms.and(started.attempt_number);
                    number.map(|attempt_number| Begun {
                        attempt_number,
                        snapshot_id: started.snapshot_id,
                    })
                }
                Some(Err(refusal)) => {
                    unreachable!("a run under lock starts: {}", refusal.message())
                }
                None => unreachable!("each run has an answer"),
            },
        };
        begun.extend(start.map(|start| (dequeued, start)));
    }
    begun
}

/// Whether a run has a frozen attempt, which continues. One that was frozen in the queue, before its first attempt, starts it.
fn continues(dequeued: &Dequeued) -> bool {
    dequeued.carried.checkpoint.is_some() && dequeued.candidate.run.attempt_number.is_some()
}

/// Continues a run that was suspended.
fn resume(dequeued: &Dequeued, caller: Caller<'_>, settings: &Settings) -> Begun {
    let run = &dequeued.candidate.run;
    let (id, given): (&RunId, &SnapshotId) = (&run.id, &dequeued.snapshot_id);
    match flow::wait::checkpoint::resume(id, given, caller, settings) {
        Ok(snapshot_id) => Begun {
            attempt_number: run.attempt_number.unwrap_or(0),
            snapshot_id,
        },
        Err(refusal) => unreachable!("a run with a checkpoint continues: {}", refusal.message()),
    }
}
