//! Redrives: a run that its handler did not end is requeued.

use engine_core::{Command, Refusal, RunId, decide};

use crate::flow::transition::Transitions;
use crate::store::row::Caller;
use crate::{flow, store};

/// Requeues a run that ended without its handler's decision.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`), [`Refusal::WrongStatus`] (`RE004`), [`Refusal::InvalidValue`] (`22023`) for a run of which
/// nothing is kept.
pub(crate) fn redrive(run_id: &RunId) -> Result<(), Refusal> {
    let run = flow::lock(run_id)?;
    flow::keep::check(run_id)?;
    let settings = flow::settings(flow::now());
    let plan = decide(&run, Command::Redrive, &settings)?;
    let mut transitions = Transitions::new(run_id.shard(), Caller::default(), &settings);
    transitions.add_after(&run, store::run::last_ordinal(&run), plan);
    flow::settle::apply(transitions);
    Ok(())
}
