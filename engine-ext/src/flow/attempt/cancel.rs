//! Cancels runs.

use engine_core::{Cancel, Command, Plan, Refusal, RunId, decide};

use crate::flow::transition::Transitions;
use crate::store::row::Caller;
use crate::{flow, store};

/// Cancels a run; returns whether it had ended before.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`).
pub(crate) fn cancel(
    run_id: &RunId,
    cancel: &Cancel,
    bulk_action_id: Option<&str>,
) -> Result<bool, Refusal> {
    let run = flow::lock(run_id)?;
    let settings = flow::settings(flow::now());
    let plan = decide(&run, Command::Cancel(cancel), &settings)?;
    let already_finished = plan == Plan::Keep;
    let mut transitions = Transitions::new(run_id.shard(), Caller::default(), &settings);
    transitions.add(&run, plan);
    flow::settle::apply(transitions);
    if let Some(id) = bulk_action_id {
        store::run::add_bulk_action(&run, id);
    }
    Ok(already_finished)
}
