//! The waitpoint of a run: created when a caller first waits for the end of the run.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{Output, Refusal, RunId, Shard, WaitpointId};

use crate::store::waitpoint::insert::{Of, WaitpointRow};
use crate::{flow, mint, store};

/// The waitpoints of runs of one shard, by run; those that have none get one, in the order of their ids.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`).
pub(crate) fn of_all(
    shard: Shard,
    runs: BTreeSet<&RunId>,
) -> Result<BTreeMap<RunId, WaitpointId>, Refusal> {
    let ids: Vec<&RunId> = runs.iter().copied().collect();
    let mut waitpoints = if ids.is_empty() {
        BTreeMap::new()
    } else {
        store::waitpoint::of_runs(shard, &ids)
    };
    for run_id in ids {
        if !waitpoints.contains_key(run_id) {
            waitpoints.insert(run_id.clone(), get_or_create(run_id)?.0);
        }
    }
    Ok(waitpoints)
}

/// The waitpoint of a run, and whether it existed before. An existing one is found without the run's lock.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`).
pub(crate) fn get_or_create(run_id: &RunId) -> Result<(WaitpointId, bool), Refusal> {
    let shard = run_id.shard();
    if let Some(id) = store::waitpoint::of_runs(shard, &[run_id]).remove(run_id) {
        return Ok((id, true));
    }
    let Some(run) = store::run::lock(run_id) else {
        return Err(Refusal::UnknownRun {
            run_id: run_id.clone(),
        });
    };
    if let Some(id) = store::waitpoint::of_runs(shard, &[run_id]).remove(run_id) {
        return Ok((id, true));
    }
    let result = store::run::result(&run);
    let id = mint::waitpoint_id(shard);
    let row = WaitpointRow {
        id: &id,
        environment_id: &result.environment_id,
        of: Of::Run(run_id),
        output: Output::of_run(
            run.run_status,
            result.output.as_deref(),
            result.output_type.as_deref(),
            run.error.as_ref(),
        )
        .filter(|_| run.has_ended()),
    };
    flow::wait::waitpoint::insert(shard, &[row], flow::now());
    store::run::mark_awaited(&run);
    Ok((id, false))
}
