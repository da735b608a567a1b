//! Who waits for what, and who goes on.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{
    BatchId, Blocker, Plan, Rest, Run, RunId, Settings, Shard, Timestamp, Unblocking, Waiting,
    WaitpointId, WaitpointType, rest, unblock,
};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::json;

use super::heartbeat;
use super::notice::Notice;
use super::run::{Caller, column, lock_free, time};
use super::statement::{Statement, arguments, statement};
use super::transition::Transitions;

static INSERT: Statement = statement!("edge_insert.sql");
static OF_WAITPOINTS: Statement = statement!("edge_of_waitpoints.sql");
static PENDING: Statement = statement!("blocker_pending.sql");
static BLOCKERS: Statement = statement!("blocker_read.sql");
static NOTE: Statement = statement!("continuation_insert.sql");
static REST: Statement = statement!("heartbeat_rest.sql");

/// The most runs that go on with one completion; the tick goes on with the others.
const AT_ONCE: usize = 1000;

/// A run that is to wait for a waitpoint.
#[derive(Clone, Copy)]
pub(crate) struct NewEdge<'a> {
    pub(crate) run_id: &'a RunId,
    pub(crate) waitpoint_id: &'a WaitpointId,
    pub(crate) batch_index: Option<i32>,
    pub(crate) batch_id: Option<&'a BatchId>,
    pub(crate) span_id: Option<&'a str>,
}

/// Has locked runs of one shard wait.
pub(crate) fn insert(shard: Shard, edges: &[NewEdge<'_>], now: Timestamp) {
    INSERT.execute(arguments![
        shard.number(),
        time(now),
        column(edges, |edge| edge.run_id.as_str()),
        column(edges, |edge| edge.waitpoint_id.as_str()),
        column(edges, |edge| edge.batch_index.unwrap_or(-1)),
        column(edges, |edge| edge.batch_id.map(BatchId::as_str)),
        column(edges, |edge| edge.span_id),
    ]);
}

/// Has the tick see whether runs go on.
pub(crate) fn note(shard: Shard, runs: &[(&RunId, &WaitpointId)], now: Timestamp) {
    if runs.is_empty() {
        return;
    }
    NOTE.execute(arguments![
        shard.number(),
        time(now),
        column(runs, |(run_id, _)| run_id.as_str()),
        column(runs, |(_, waitpoint_id)| waitpoint_id.as_str()),
    ]);
}

/// A run that waits for a waitpoint that was completed.
struct Edge {
    run_id: RunId,
    waitpoint_id: WaitpointId,
    span_id: Option<String>,
    created_at: TimestampWithTimeZone,
    output_is_error: bool,
    completed_by: Option<String>,
}

/// Goes on with the runs that wait for waitpoints that were completed in this transaction. It waits for no run: of one that
/// somebody else has locked it leaves a note.
pub(super) fn completed(shard: Shard, ids: &[WaitpointId], settings: &Settings) {
    if ids.is_empty() {
        return;
    }
    let edges = OF_WAITPOINTS.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| Edge {
            run_id: RunId::parse(&cells.value::<String>()),
            waitpoint_id: WaitpointId::parse(&cells.value::<String>()),
            span_id: cells.nullable(),
            created_at: cells.value(),
            output_is_error: cells.value(),
            completed_by: cells.nullable(),
        },
    );
    let waiting: BTreeSet<&RunId> = edges.iter().map(|edge| &edge.run_id).collect();
    if waiting.is_empty() {
        return;
    }
    let first: Vec<&RunId> = waiting.into_iter().take(AT_ONCE).collect();
    let runs = lock_free(shard, &first);
    let mut transitions = Transitions::new(shard, Caller::default(), settings);
    for span in edges.iter().filter_map(span_completed) {
        transitions.tell(span);
    }
    let seen = go_on(shard, &runs, transitions);
    let notes: Vec<_> = edges
        .iter()
        .filter(|edge| !seen.contains(&edge.run_id))
        .map(|edge| (&edge.run_id, &edge.waitpoint_id))
        .collect();
    note(shard, &notes, settings.now);
}

/// Goes on with those of these locked runs that have nothing left to wait for; gives those that were looked at.
pub(crate) fn continue_all<'a>(
    shard: Shard,
    runs: &'a [Run],
    settings: &'a Settings,
) -> BTreeSet<&'a RunId> {
    let transitions = Transitions::new(shard, Caller::default(), settings);
    go_on(shard, runs, transitions)
}

/// The same. A run whose deadline somebody else has locked is not looked at.
fn go_on<'a>(
    shard: Shard,
    runs: &'a [Run],
    mut transitions: Transitions<'a>,
) -> BTreeSet<&'a RunId> {
    let mut seen: BTreeSet<&RunId> = runs.iter().map(|run| &run.id).collect();
    let ids: Vec<&RunId> = seen.iter().copied().collect();
    let blocked = if ids.is_empty() {
        BTreeSet::new()
    } else {
        pending(shard, &ids)
    };
    let ready: Vec<&RunId> = ids
        .into_iter()
        .filter(|id| !blocked.contains(*id))
        .collect();
    let (mut waiting, free) = if ready.is_empty() {
        (BTreeMap::new(), BTreeSet::new())
    } else {
        (blockers(shard, &ready), heartbeat::lock_free(shard, &ready))
    };
    for run in runs {
        let Some(waiting) = waiting.remove(&run.id) else {
            continue;
        };
        if run.execution_status.has_heartbeat() && !free.contains(&run.id) {
            seen.remove(&run.id);
            continue;
        }
        match unblock(run, &waiting) {
            Ok(Unblocking::Unblocked(moved)) => {
                transitions.add(run, Plan::Move(moved));
            }
            // Of a run that cannot go on, engine_check tells; whoever completed something else is not to suffer for it.
            Ok(Unblocking::Blocked | Unblocking::Skipped(_)) | Err(_) => {}
        }
    }
    transitions.apply();
    seen
}

/// Those of these locked runs that wait for something that is not there yet.
fn pending(shard: Shard, ids: &[&RunId]) -> BTreeSet<RunId> {
    let rows = PENDING.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| RunId::parse(&cells.value::<String>()),
    );
    rows.into_iter().collect()
}

/// What decides whether these locked runs go on.
pub(crate) fn blockers(shard: Shard, ids: &[&RunId]) -> BTreeMap<RunId, Waiting> {
    let rows = BLOCKERS.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| {
            let run_id = RunId::parse(&cells.value::<String>());
            let waiting = Waiting {
                has_checkpoint: cells.value(),
                position: Timestamp::from_micros(cells.value::<TimestampWithTimeZone>().into()),
                blockers: Vec::new(),
            };
            let waitpoint_id: Option<String> = cells.nullable();
            let kind: Option<String> = cells.nullable();
            let is_completed = cells.value();
            let batch_index = cells.nullable();
            let blocker = waitpoint_id.map(|id| Blocker {
                waitpoint_id: WaitpointId::parse(&id),
                kind: kind
                    .and_then(|kind| WaitpointType::parse(&kind))
                    .unwrap_or(WaitpointType::Manual),
                is_completed,
                batch_index,
            });
            (run_id, waiting, blocker)
        },
    );
    let mut all: BTreeMap<RunId, Waiting> = BTreeMap::new();
    for (run_id, waiting, blocker) in rows {
        let waiting = all.entry(run_id).or_insert(waiting);
        waiting.blockers.extend(blocker);
    }
    all
}

/// Suspended runs whose deadline has passed: those that have nothing left to wait for go on, the others rest. The deadlines are
/// locked. Gives the number of those that go on.
pub(crate) fn continue_or_rest(shard: Shard, runs: &[&Run], settings: &Settings) -> usize {
    let mut waiting = blockers(shard, &column(runs, |run| &run.id));
    let mut transitions = Transitions::new(shard, Caller::default(), settings);
    let mut resting: Vec<(&RunId, bool)> = Vec::new();
    for run in runs {
        let Some(waiting) = waiting.remove(&run.id) else {
            continue;
        };
        match unblock(run, &waiting) {
            Ok(Unblocking::Unblocked(moved)) => {
                transitions.add(run, Plan::Move(moved));
            }
            Ok(Unblocking::Blocked | Unblocking::Skipped(_)) | Err(_) => {
                resting.push((&run.id, rest(&waiting.blockers) == Rest::Longest));
            }
        }
    }
    let gone_on = transitions.len();
    transitions.apply();
    if !resting.is_empty() {
        REST.execute(arguments![
            shard.number(),
            time(settings.now),
            column(&resting, |(run_id, _)| run_id.as_str()),
            column(&resting, |(_, is_longest)| *is_longest),
        ]);
    }
    gone_on
}

/// The event of an edge whose span ends with the completion of its waitpoint.
fn span_completed(edge: &Edge) -> Option<Notice> {
    let span_id = edge.span_id.as_deref()?;
    let created_at = Timestamp::from_micros(edge.created_at.into());
    Some(Notice {
        run_id: edge.run_id.clone(),
        name: "cachedRunCompleted",
        body: json!({
            "span": {"id": span_id, "createdAt": created_at.to_rfc3339()},
            "hasError": edge.output_is_error,
            "blockedRunId": edge.run_id.as_str(),
            "cachedRunId": edge.completed_by,
        }),
    })
}
