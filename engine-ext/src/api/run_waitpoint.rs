//! The waitpoint of a run: made when somebody first waits for the run's end.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{Output, Refusal, RunId, Shard, WaitpointId};
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern, search_path};

use crate::error::{OrRaise, required};
use crate::store::waitpoint::{Minted, Of};
use crate::{api, mint, store};

/// Returns the waitpoint that the end of a run completes, and makes it if there is none.
///
/// The waitpoint of a run that has ended is completed already, with the run's output or error.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn engine_run_waitpoint(
    run_id: Option<&str>,
) -> TableIterator<
    'static,
    (
        name!(waitpoint_id, String),
        name!(status, &'static str),
        name!(is_cached, bool),
        name!(output, Option<String>),
        name!(output_type, String),
        name!(output_is_error, bool),
    ),
> {
    api::enter_locking().or_raise();
    let run_id = RunId::parse(required("run_id", run_id).or_raise());
    let (id, is_cached) = get_or_create(&run_id).or_raise();
    match store::waitpoint::read(&id, None) {
        Some(waitpoint) => TableIterator::once((
            id.as_str().to_owned(),
            waitpoint.status.as_str(),
            is_cached,
            waitpoint.output,
            waitpoint.output_type,
            waitpoint.output_is_error,
        )),
        None => unreachable!("it was just read or written"),
    }
}

/// The waitpoints of runs of one shard, by run; those that have none get one, in the order of their ids.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`).
pub(super) fn of_all(
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

/// The waitpoint of a run, and whether it was there before. One that is there is found without the run's lock.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`).
pub(super) fn get_or_create(run_id: &RunId) -> Result<(WaitpointId, bool), Refusal> {
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
    let minted = Minted {
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
    store::waitpoint::insert(shard, &[minted], api::now());
    store::run::mark_awaited(&run);
    Ok((id, false))
}
