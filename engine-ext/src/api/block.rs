//! Block: a run that a worker executes waits.

use std::collections::BTreeSet;

use engine_core::{
    BatchId, Command, Output, Refusal, Run, Settings, Timestamp, WaitpointId, check_edges,
    check_label, check_timeout, decide,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{default, name, pg_extern, search_path};

use crate::error::{OrRaise, required};
use crate::store::run::Caller;
use crate::store::transition::Transitions;
use crate::store::wait::NewEdge;
use crate::store::waitpoint::Shared;
use crate::{api, guc, store};

/// What a run is to wait for.
pub(super) struct Wait<'a> {
    /// The waitpoints, each with its place in what the run gets.
    pub(super) waitpoints: Vec<(WaitpointId, Option<i32>)>,
    /// The batch that this is about.
    pub(super) batch_id: Option<&'a BatchId>,
    /// Until when it waits.
    pub(super) timeout_at: Option<Timestamp>,
    /// The span that ends with the wait.
    pub(super) span_id: Option<&'a str>,
}

/// Has a run wait for waitpoints, and returns its latest snapshot.
///
/// A run whose attempt runs becomes EXECUTING_WITH_WAITPOINTS and keeps its slot; one that waits already waits for these, too.
/// It goes on when all are completed. `pending_count` is how many of the given ones are not: with 0 the run goes on with the
/// next tick, or with `engine_unblock` at once. `batch_indexes` are the places of the waitpoints in what the run gets, one for
/// each. At `timeout_at` those that are pending are completed with the error TRIGGER_WAITPOINT_TIMEOUT, unless they have an
/// earlier hour of their own. `span_id_to_complete` comes back in the event cachedRunCompleted. Waits for completions of the
/// waitpoints that are about to commit.
///
/// # Errors
/// - `RE001` for an unknown run, `RE010` for a waitpoint and `RE011` for a batch that is not in its environment.
/// - `RE003` if the run is finished, `RE004` if no attempt of it runs.
/// - `22023` for no waitpoints, more than `engine.max_batch`, as many indexes as do not fit, or a waitpoint that the end of the run
///   itself completes.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity, clippy::too_many_arguments)]
fn engine_block(
    run_id: Option<&str>,
    waitpoint_ids: Option<Vec<Option<String>>>,
    batch_id: default!(Option<&str>, "NULL"),
    batch_indexes: default!(Option<Vec<Option<i32>>>, "NULL"),
    worker_id: default!(Option<&str>, "NULL"),
    runner_id: default!(Option<&str>, "NULL"),
    timeout_at: default!(Option<TimestampWithTimeZone>, "NULL"),
    span_id_to_complete: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(run_id, String),
        name!(snapshot_id, Option<String>),
        name!(execution_status, Option<String>),
        name!(run_status, Option<String>),
        name!(attempt_number, Option<i32>),
        name!(description, Option<String>),
        name!(created_at, Option<TimestampWithTimeZone>),
        name!(heartbeat_ms, Option<i64>),
        name!(pending_count, i32),
    ),
> {
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let batch_id = batch_id.map(BatchId::parse);
    let wait = Wait {
        waitpoints: waitpoints(waitpoint_ids, batch_indexes).or_raise(),
        batch_id: batch_id.as_ref(),
        timeout_at: check_timeout(api::moment("timeout_at", timeout_at).or_raise()).or_raise(),
        span_id: check_label("span_id_to_complete", span_id_to_complete).or_raise(),
    };
    let settings = api::settings(api::now());
    let run = api::lock(run_id).or_raise();
    check_batch(&run, wait.batch_id).or_raise();
    let pending = block(&run, &wait, caller, &settings).or_raise();
    let execution = store::observe::execution(&run.id);
    TableIterator::once((
        execution.run_id,
        execution.snapshot_id,
        execution.execution_status,
        execution.run_status,
        execution.attempt_number,
        execution.description,
        execution.created_at,
        execution.heartbeat_ms,
        i32::try_from(pending).unwrap_or(i32::MAX),
    ))
}

/// Checks the batch that a wait is said to be about.
fn check_batch(run: &Run, batch_id: Option<&BatchId>) -> Result<(), Refusal> {
    match batch_id.filter(|batch_id| !store::batch::is_beside(batch_id, &run.id)) {
        Some(batch_id) => Err(Refusal::UnknownBatch {
            batch_id: batch_id.clone(),
        }),
        None => Ok(()),
    }
}

/// Checks what a caller names.
fn waitpoints(
    ids: Option<Vec<Option<String>>>,
    indexes: Option<Vec<Option<i32>>>,
) -> Result<Vec<(WaitpointId, Option<i32>)>, Refusal> {
    let ids = api::all_given("waitpoint_ids")(required("waitpoint_ids", ids)?)?;
    let indexes = api::all_given("batch_indexes")(indexes.unwrap_or_default())?;
    check_edges(ids.len(), Some(&indexes), guc::max_batch())?;
    let place =
        |(place, id): (usize, &String)| (WaitpointId::parse(id), indexes.get(place).copied());
    Ok(ids.iter().enumerate().map(place).collect())
}

/// Has a locked run wait: locks the waitpoints, decides, applies. Gives how many of the waitpoints are pending.
///
/// # Errors
/// [`Refusal::RunFinished`] (`RE003`), [`Refusal::WrongStatus`] (`RE004`), [`Refusal::UnknownWaitpoint`] (`RE010`), or
/// [`Refusal::InvalidValue`] (`22023`) for a run that would wait for its own end.
pub(super) fn block(
    run: &Run,
    wait: &Wait<'_>,
    caller: Caller<'_>,
    settings: &Settings,
) -> Result<usize, Refusal> {
    let batch_id = wait.batch_id;
    let plan = decide(run, Command::Block { batch_id }, settings)?;
    let waitpoints = share(run, &wait.waitpoints)?;
    let edges: Vec<NewEdge<'_>> = wait
        .waitpoints
        .iter()
        .map(|(waitpoint_id, batch_index)| NewEdge {
            run_id: &run.id,
            waitpoint_id,
            batch_index: *batch_index,
            batch_id,
            span_id: wait.span_id,
        })
        .collect();
    let shard = run.id.shard();
    store::wait::insert(shard, &edges, settings.now);
    let mut transitions = Transitions::new(shard, caller, settings);
    transitions.add(run, plan);
    transitions.apply();
    let pending: Vec<&WaitpointId> = waitpoints
        .iter()
        .filter(|waitpoint| !waitpoint.is_completed)
        .map(|waitpoint| &waitpoint.id)
        .collect();
    match (waitpoints.first(), wait.timeout_at) {
        (Some(first), _) if pending.is_empty() => {
            store::wait::note(shard, &[(&run.id, &first.id)], settings.now);
        }
        (_, Some(at)) => time_out(run, &pending, at),
        (_, None) => {}
    }
    Ok(pending.len())
}

/// Locks the waitpoints that a locked run is going to wait for. They cannot be completed any more before this transaction ends:
/// what is read here decides.
fn share(run: &Run, waitpoints: &[(WaitpointId, Option<i32>)]) -> Result<Vec<Shared>, Refusal> {
    let distinct: BTreeSet<&WaitpointId> = waitpoints.iter().map(|(id, _)| id).collect();
    let shared = store::waitpoint::share(run, &distinct.iter().copied().collect::<Vec<_>>());
    if shared.iter().any(|waitpoint| waitpoint.is_own_end) {
        return Err(Refusal::own_end("waitpoint_ids"));
    }
    let known: BTreeSet<&WaitpointId> = shared
        .iter()
        .filter(|waitpoint| waitpoint.is_own)
        .map(|waitpoint| &waitpoint.id)
        .collect();
    match distinct.into_iter().find(|id| !known.contains(id)) {
        Some(id) => Err(Refusal::UnknownWaitpoint {
            waitpoint_id: id.clone(),
        }),
        None => Ok(shared),
    }
}

fn time_out(run: &Run, pending: &[&WaitpointId], at: Timestamp) {
    let timers: Vec<_> = pending
        .iter()
        .map(|id| (*id, at, Output::timeout(at)))
        .collect();
    store::waitpoint::set_timers(run.id.shard(), &timers);
}
