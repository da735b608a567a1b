//! Replays: a new run does the work of another one again.

use engine_core::{Refusal, RunId, check_copied};
use pgrx::pg_extern;

use super::row::TriggeredRow;
use super::trigger::trigger;
use crate::backend::caller::entries;
use crate::backend::rows::Rows;
use crate::error::OrRaise;
use crate::store::trigger::InitialState;
use crate::{api, flow, mint, store};

entries!(engine_replay: engine_replay_0_2);

/// Triggers a new run that does the work of another one again, and returns it.
///
/// It takes over task, payload, queue, limits, tags and metadata, whatever the result of the other run, and begins with
/// attempt 1. With `keep_steps` it begins with the results of the other run's steps and waits: waitpoints whose key begins
/// with `run/`, the run's id and `/`, and that completed without an error, exist under its own id too; so do such batches, if
/// all their runs succeeded. Other children are triggered again.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `22023` if more than 10,000 steps and waits were to be kept, or for a run that has ended and of which nothing is kept.
/// - `54000` if its payload is over the present limit.
#[pg_extern(sql = false)]
fn engine_replay_0_2(run_id: Option<&str>, keep_steps: Option<bool>) -> Rows<TriggeredRow> {
    api::enter_writing().or_raise();
    Rows::new(replay(run_id, keep_steps.unwrap_or(false)).or_raise())
}

fn replay(run_id: Option<&str>, keep_steps: bool) -> Result<Vec<TriggeredRow>, Refusal> {
    let run_id = api::run_id(run_id)?;
    let options = store::options::of_replay(&run_id)?;
    flow::keep::check(&run_id)?;
    let environment_id = options.environment_id().to_owned();
    let rows = trigger(vec![options], &InitialState::QUEUED, |_, refusal| refusal)?;
    if keep_steps {
        for row in &rows {
            keep(&run_id, &RunId::parse(&row.run_id), &environment_id)?;
        }
    }
    Ok(rows)
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
