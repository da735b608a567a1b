//! Resumes runs that waited.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{
    Plan, Rest, Run, RunId, Settings, Shard, Timestamp, Unblocking, WaitpointId, rest, unblock,
};
use serde_json::json;

use crate::backend::value::column;
use crate::flow::transition::Transitions;
use crate::store;
use crate::store::edge::Edge;
use crate::store::notice::Notice;
use crate::store::row::Caller;

/// Most runs that one call resumes; the tick resumes the others.
const AT_ONCE: usize = 1000;

/// Resumes the runs that wait for waitpoints completed in this transaction. It waits for no run: for one that another
/// session has locked it leaves a note.
pub(crate) fn after(shard: Shard, completed: &[WaitpointId], settings: &Settings) {
    if completed.is_empty() {
        return;
    }
    let edges = store::edge::of_waitpoints(shard, completed);
    let waiting: BTreeSet<&RunId> = edges.iter().map(|edge| &edge.run_id).collect();
    if waiting.is_empty() {
        return;
    }
    let first: Vec<&RunId> = waiting.into_iter().take(AT_ONCE).collect();
    let runs = store::run::lock_free(shard, &first);
    let mut transitions = Transitions::new(shard, Caller::default(), settings);
    for span in edges.iter().filter_map(span_completed) {
        transitions.tell(span);
    }
    let seen = resume(shard, &runs, transitions);
    let notes: Vec<_> = edges
        .iter()
        .filter(|edge| !seen.contains(&edge.run_id))
        .map(|edge| (&edge.run_id, &edge.waitpoint_id))
        .collect();
    store::edge::note(shard, &notes, settings.now);
}

/// Resumes those of these locked runs that have nothing left to wait for; returns those that were checked.
pub(crate) fn ready<'a>(
    shard: Shard,
    runs: &'a [Run],
    settings: &'a Settings,
) -> BTreeSet<&'a RunId> {
    let transitions = Transitions::new(shard, Caller::default(), settings);
    resume(shard, runs, transitions)
}

/// Resumes runs within existing `transitions`. A run whose deadline another session has locked is skipped.
fn resume<'a>(
    shard: Shard,
    runs: &'a [Run],
    mut transitions: Transitions<'a>,
) -> BTreeSet<&'a RunId> {
    let mut seen: BTreeSet<&RunId> = runs.iter().map(|run| &run.id).collect();
    let ids: Vec<&RunId> = seen.iter().copied().collect();
    let blocked = if ids.is_empty() {
        BTreeSet::new()
    } else {
        store::edge::pending(shard, &ids)
    };
    let ready: Vec<&RunId> = ids
        .into_iter()
        .filter(|id| !blocked.contains(*id))
        .collect();
    let (mut waiting, free) = if ready.is_empty() {
        (BTreeMap::new(), BTreeSet::new())
    } else {
        (
            store::edge::blockers(shard, &ready),
            store::heartbeat::lock_free(shard, &ready),
        )
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
            // engine_check reports a run that cannot resume; a call that completed something else is not to fail for it.
            Ok(Unblocking::Blocked | Unblocking::Skipped(_)) | Err(_) => {}
        }
    }
    write(transitions);
    seen
}

/// Resumes those of these suspended runs, whose deadlines have passed and are locked, that have nothing left to wait for;
/// the others rest. Returns the number of resumed runs.
pub(crate) fn ready_or_rest(shard: Shard, runs: &[&Run], settings: &Settings) -> usize {
    let mut waiting = store::edge::blockers(shard, &column(runs, |run| &run.id));
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
    let resumed = transitions.len();
    write(transitions);
    if !resting.is_empty() {
        store::heartbeat::rest(shard, &resting, settings.now);
    }
    resumed
}

/// Writes transitions that end nothing: the runs move on.
fn write(transitions: Transitions<'_>) {
    let ended = transitions.write();
    debug_assert!(ended.outputs.is_empty() && ended.members.is_empty());
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
