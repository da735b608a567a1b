//! Triggers: options are checked, ids minted, and runs written unless an existing one is found.

pub(crate) mod check;
mod debounce;
mod deduplicate;
pub(crate) mod family;
mod insert;
mod key;
mod link;
mod member;
pub(crate) mod outcome;

use engine_core::{ExecutionStatus, NewRun, Refusal, Timestamp, TriggerOptions};
use serde_json::json;

use self::check::Rules;
use self::family::{BatchJoin, Family};
use self::outcome::Triggered;
use crate::store::snapshot::NewSnapshot;
use crate::store::trigger::{InitialState, RunRow};
use crate::{flow, mint};

/// Checks the options of new runs, mints their ids and writes those without an existing run. `locate` names the refused
/// element.
pub(crate) fn trigger(
    options: Vec<TriggerOptions>,
    state: &InitialState,
    now: Timestamp,
    locate: impl Fn(usize, Refusal) -> Refusal,
) -> Result<Vec<Triggered>, Refusal> {
    if options.is_empty() {
        return Ok(Vec::new());
    }
    let rules = Rules::at(now);
    let mut runs = Vec::with_capacity(options.len());
    for (index, options) in options.into_iter().enumerate() {
        let run = rules
            .check(options)
            .map_err(|refusal| locate(index, refusal))?;
        runs.push(with_ids(run, state.clone()));
    }
    write(runs, BatchJoin::AS_RUNS, now, &locate)
}

/// A new run with its ids; one that is to be queued is delayed first if it has a due time.
pub(crate) fn with_ids(run: NewRun, state: InitialState) -> RunRow {
    let waits = state.execution_status == ExecutionStatus::Queued && run.delay_until.is_some();
    RunRow {
        run_id: mint::run_id(&run),
        run,
        snapshot_id: mint::first_snapshot_id(),
        root: None,
        state: if waits { InitialState::DELAYED } else { state },
    }
}

/// Writes new runs without an existing one, and links all to their parents and batches. `locate` names the refused element.
pub(crate) fn write(
    mut runs: Vec<RunRow>,
    join: BatchJoin<'_>,
    now: Timestamp,
    locate: &dyn Fn(usize, Refusal) -> Refusal,
) -> Result<Vec<Triggered>, Refusal> {
    check::parents(&mut runs)?;
    let family = Family::lock(&runs)?;
    flow::quota::lock(&runs);
    family.inherit_versions(&mut runs);
    let triggered = deduplicate::insert_or_find(runs, now, locate)?;
    family.link(&triggered, join, now)?;
    Ok(triggered)
}

impl RunRow {
    /// The snapshot that its history begins with.
    fn first_snapshot(&self) -> NewSnapshot<'_> {
        let state = &self.state;
        NewSnapshot {
            run_id: &self.run_id,
            ordinal: 1,
            transition: state.transition,
            execution_status: state.execution_status,
            run_status: state.run_status,
            attempt_number: state.attempt_number(),
            description: state.description,
            machine: None,
            detail: state.is_silent.then(|| json!({"isSilent": true})),
        }
    }
}
