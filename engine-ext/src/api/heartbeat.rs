//! Heartbeats: extend deadlines, and tell whether runs have moved on.

use engine_core::{Refusal, RunId, SnapshotId};
use pgrx::pg_extern;

use super::row::{Element, HeldRow};
use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::{OrRaise, required};
use crate::{api, flow, guc};

entries!(engine_heartbeat, engine_heartbeat_many, engine_moved);

row! {
    /// A run that has moved on.
    MovedRow {
        run_id: String,
    }
}

/// Moves the heartbeat deadline of a run, and returns its latest snapshot.
///
/// If that is not the given snapshot, nothing was moved: the run was cancelled, passed to another worker, or continued.
/// Waits only for a transition of the same run that is about to commit.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_heartbeat(
    run_id: Option<String>,
    snapshot_id: Option<String>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
) -> Rows<HeldRow> {
    api::enter_locking().or_raise();
    // The caller is not checked: the snapshot alone says which worker holds the run.
    api::caller(worker_id, runner_id).or_raise();
    let beaten = beat(vec![run_id], vec![snapshot_id]).or_raise();
    Rows::new(beaten.into_iter().map(|(run_id, row)| {
        let row = row.or_raise();
        match row.execution.snapshot_id {
            Some(_) => row,
            None => Err(Refusal::UnknownRun { run_id }).or_raise(),
        }
    }))
}

/// Moves the heartbeat deadlines of many runs in one statement; one row per element, in order.
///
/// The row of a run that has moved on has its latest snapshot, as in `engine_heartbeat`; for an unknown run all columns but
/// `run_id` are null. For a run whose shard is not here, or is being moved, `error_code` and `error_message` say so. No element
/// affects the others.
///
/// # Errors
/// - `22023` if the arrays differ in length, or have more than `engine.max_batch` elements.
/// - `22004` for a NULL element.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_heartbeat_many(
    run_ids: Option<Vec<Option<String>>>,
    snapshot_ids: Option<Vec<Option<String>>>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
) -> Rows<Element<HeldRow>> {
    api::enter_locking().or_raise();
    // The caller is not checked: the snapshot alone says which worker holds the run.
    api::caller(worker_id, runner_id).or_raise();
    let run_ids = required("run_ids", run_ids).or_raise();
    let snapshot_ids = required("snapshot_ids", snapshot_ids).or_raise();
    let beaten = beat(run_ids, snapshot_ids).or_raise().into_iter();
    Rows::new(beaten.map(|(run_id, row)| Element::new(Some(&run_id), row)))
}

/// Returns the runs among many that have moved on from these snapshots, and writes nothing.
///
/// For workers, which call it about all their runs every second or so, to learn soon that a run was cancelled or lost: it
/// costs much less than a beat. A beat then returns the state of such a run. A run that does not exist, or whose shard is not here,
/// is returned as well.
///
/// # Errors
/// - `22023` if the arrays differ in length, or have more than `engine.max_batch` elements.
/// - `22004` for a NULL element.
#[pg_extern(sql = false)]
fn engine_moved(
    run_ids: Option<Vec<Option<String>>>,
    snapshot_ids: Option<Vec<Option<String>>>,
) -> Rows<MovedRow> {
    api::enter().or_raise();
    let run_ids = required("run_ids", run_ids).or_raise();
    let snapshot_ids = required("snapshot_ids", snapshot_ids).or_raise();
    let held = pairs(run_ids, snapshot_ids).or_raise();
    let refused = flow::right::refused_runs(held.iter().map(|(run_id, _)| run_id));
    let held: Vec<_> = held
        .into_iter()
        .filter(|(run_id, _)| !refused.contains_key(run_id))
        .collect();
    let mut moved = flow::attempt::heartbeat::moved(&held);
    // To its caller a run of another tenant does not exist, as one that was removed.
    moved.extend(refused.into_keys().map(|run_id| run_id.as_str().to_owned()));
    Rows::new(moved.into_iter().map(|run_id| MovedRow { run_id }))
}

/// Runs and the snapshots that their holders know.
fn pairs(
    run_ids: Vec<Option<String>>,
    snapshot_ids: Vec<Option<String>>,
) -> Result<Vec<(RunId, SnapshotId)>, Refusal> {
    engine_core::check_pairs(run_ids.len(), snapshot_ids.len(), guc::max_batch())?;
    let mut pairs = Vec::with_capacity(run_ids.len());
    for (index, (run_id, snapshot_id)) in run_ids.into_iter().zip(snapshot_ids).enumerate() {
        let read = || {
            Ok((
                RunId::parse(&required("run_id", run_id)?),
                SnapshotId::parse(&required("snapshot_id", snapshot_id)?),
            ))
        };
        pairs.push(read().map_err(|refusal: Refusal| refusal.in_element(index))?);
    }
    Ok(pairs)
}

/// A run, and the answer to its beat.
type Beaten = (RunId, Result<HeldRow, Refusal>);

/// Beats for these runs; the answer for each, in order.
fn beat(
    run_ids: Vec<Option<String>>,
    snapshot_ids: Vec<Option<String>>,
) -> Result<Vec<Beaten>, Refusal> {
    let beats = pairs(run_ids, snapshot_ids)?;
    let refused = flow::right::refused_runs(beats.iter().map(|(run_id, _)| run_id));
    let own: Vec<_> = beats
        .iter()
        .filter(|(run_id, _)| !refused.contains_key(run_id))
        .cloned()
        .collect();
    let mut executions = flow::attempt::heartbeat::beat(&own).into_iter();
    let answer = |(run_id, _): (RunId, SnapshotId)| {
        let row = match refused.get(&run_id) {
            Some(Refusal::UnknownRun { .. }) => Ok(HeldRow::unknown(&run_id)),
            Some(refusal) => Err(refusal.clone()),
            None => Ok(executions.next()?.into()),
        };
        Some((run_id, row))
    };
    Ok(beats.into_iter().filter_map(answer).collect())
}
