//! Replays: a new run does the work of another one again.

use engine_core::{Refusal, RunId, Timestamp, check_copied};

use crate::flow::trigger::outcome::Triggered;
use crate::store::trigger::InitialState;
use crate::{flow, mint, store};

/// Triggers a new run that does the work of another one again.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`), [`Refusal::InvalidValue`] (`22023`) for a run of which nothing is kept, or with too many steps;
/// those of a trigger.
pub(crate) fn replay(
    run_id: &RunId,
    keep_steps: bool,
    now: Timestamp,
) -> Result<Vec<Triggered>, Refusal> {
    let options = store::options::of_replay(run_id)?;
    flow::keep::check(run_id)?;
    let environment_id = options.environment_id().to_owned();
    let locate = |_, refusal| refusal;
    let triggered = flow::trigger::trigger(vec![options], &InitialState::QUEUED, now, locate)?;
    if keep_steps {
        for new in &triggered {
            keep(run_id, new.run_id(), &environment_id)?;
        }
    }
    Ok(triggered)
}

/// Copies the results of a run's steps, waits and children to a new run.
fn keep(from: &RunId, to: &RunId, environment_id: &str) -> Result<(), Refusal> {
    let now = flow::now();
    let waitpoints = store::waitpoint::copy::find(from, environment_id, now);
    let found = store::batch::find_succeeded(from, environment_id, now);
    store::batch::hold_children(from.shard(), &found);
    let batches = store::batch::find_succeeded(from, environment_id, now);
    let children: usize = batches
        .iter()
        .map(|(_, count)| usize::try_from(*count).unwrap_or(usize::MAX))
        .sum();
    check_copied(waitpoints.len().saturating_add(children))?;
    let shard = to.shard();
    let minted = |id| (id, mint::waitpoint_id(shard));
    let waitpoints: Vec<_> = waitpoints.into_iter().map(minted).collect();
    store::waitpoint::copy::copy(from, to, &waitpoints);
    if !batches.is_empty() {
        let minted = |(id, _)| (id, mint::batch_id(shard));
        let batches: Vec<_> = batches.into_iter().map(minted).collect();
        store::batch::copy(from, to, &batches);
    }
    Ok(())
}
