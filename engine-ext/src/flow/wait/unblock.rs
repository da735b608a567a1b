//! Unblock: resumes a run that has nothing left to wait for.

use engine_core::{Plan, Refusal, RunId, Unblocking};

use crate::flow::transition::Transitions;
use crate::store::row::Caller;
use crate::{flow, store};

/// Resumes a run if everything that it waits for is completed.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`), [`Refusal::WrongStatus`] (`RE004`) for a run that is suspended without a checkpoint.
pub(crate) fn unblock(run_id: &RunId) -> Result<Unblocking, Refusal> {
    let run = flow::lock(run_id)?;
    let settings = flow::settings(flow::now());
    let shard = run_id.shard();
    let Some(waiting) = store::edge::blockers(shard, &[run_id]).remove(run_id) else {
        unreachable!("there is a row for each run")
    };
    let unblocking = engine_core::unblock(&run, &waiting)?;
    if let Unblocking::Unblocked(moved) = &unblocking {
        let mut transitions = Transitions::new(shard, Caller::default(), &settings);
        transitions.add(&run, Plan::Move(moved.clone()));
        flow::settle::apply(transitions);
    }
    Ok(unblocking)
}
