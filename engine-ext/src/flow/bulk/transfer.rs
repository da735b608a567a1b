//! Runs that wait elsewhere from now on: in another queue, or at another place in theirs. All are locked.

use engine_core::{
    Command, Environment, ExecutionStatus, Plan, Refusal, Run, RunId, Settings, Timestamp,
    Transfer, decide,
};

use crate::{flow, store};

/// Moves a run to another queue, into which `entering` runs are about to move; `None` if it is there.
///
/// # Errors
/// [`Refusal::WrongStatus`] (`RE004`), [`Refusal::QueueFull`] (`RE008`).
pub(super) fn to_queue(
    run: &Run,
    queue: &str,
    entering: &mut i64,
    settings: &Settings,
) -> Result<Option<Plan>, Refusal> {
    let (environment_id, old) = store::delay::place(&run.id);
    if old == queue {
        return Ok(None);
    }
    let environment = flow::environment(&environment_id)?;
    let is_queued = run.execution_status == ExecutionStatus::Queued;
    if is_queued {
        check_size(&environment, queue, *entering, settings.now)?;
    }
    let timing = flow::timing::of(run);
    let (available_at, expires_at) = order(&run.id, timing.available_at());
    let transfer = Transfer {
        available_at,
        expires_at,
        is_sized: environment.max_queued(queue).is_some(),
        description: format!("Moved from queue {old} to {queue}"),
    };
    let plan = decide(run, Command::Transfer(&transfer), settings)?;
    store::delay::transfer(&run.id, Some(queue), None);
    *entering += i64::from(is_queued);
    Ok(Some(plan))
}

/// Moves a run ahead in its queue, or back. One that waits for the time of a retry keeps that time.
///
/// # Errors
/// [`Refusal::WrongStatus`] (`RE004`).
pub(super) fn to_priority(
    run: &Run,
    priority_ms: i64,
    settings: &Settings,
) -> Result<Plan, Refusal> {
    let timing = flow::timing::of(run);
    let usual = timing.available_at();
    let (available_at, expires_at) = order(&run.id, usual);
    let next = engine_core::Timing {
        priority_ms,
        ..timing.clone()
    };
    let transfer = Transfer {
        available_at: if available_at == usual {
            next.available_at()
        } else {
            available_at
        },
        expires_at,
        is_sized: timing.is_sized,
        description: format!("Given a priority of {priority_ms} ms"),
    };
    let plan = decide(run, Command::Transfer(&transfer), settings)?;
    store::delay::transfer(&run.id, None, Some(priority_ms));
    Ok(plan)
}

/// The order of a run in its queue, and when it expires there; of one that is not queued, what it will be.
fn order(run_id: &RunId, usual: Timestamp) -> (Timestamp, Option<Timestamp>) {
    store::queue_item::order(run_id).unwrap_or((usual, None))
}

fn check_size(
    environment: &Environment,
    queue: &str,
    entering: i64,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(limit) = environment.max_queued(queue) else {
        return Ok(());
    };
    let queued = store::queue_item::size::of(environment, queue, limit, 0, now) + entering;
    if queued < i64::from(limit) {
        return Ok(());
    }
    Err(Refusal::QueueFull {
        queue: queue.to_owned(),
        queued,
        limit,
    })
}
