//! Forgets runs before their time has come, with all that belongs to them.

use std::collections::BTreeSet;

use engine_core::{ExecutionStatus, Forgotten, Refusal, RunFilter, RunId, Shard, Timestamp};

use crate::backend::locks;
use crate::flow::removal;
use crate::store::forget::Found;
use crate::store::removal::Spans;
use crate::store::run_match::{self, Source, Wanted};
use crate::{flow, store};

/// Runs that are read at once.
const PAGE: usize = 2_000;

const ENDED: [ExecutionStatus; 1] = [ExecutionStatus::Finished];

/// The others: every status but that one.
const LIVE: [ExecutionStatus; 9] = [
    ExecutionStatus::RunCreated,
    ExecutionStatus::Delayed,
    ExecutionStatus::Queued,
    ExecutionStatus::QueuedExecuting,
    ExecutionStatus::PendingExecuting,
    ExecutionStatus::Executing,
    ExecutionStatus::ExecutingWithWaitpoints,
    ExecutionStatus::Suspended,
    ExecutionStatus::PendingCancel,
];

/// What becomes of a run.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    Forgotten,
    /// Nothing stands in the way, and the call only looks.
    Removable,
    /// It has not ended.
    Live,
    /// A named reader has not read its events, and holds them.
    Unread,
    /// Something else needs it: a parent or a batch that has not ended, a child that stays.
    Needed,
    /// Another session has locked it.
    Locked,
}

impl Fate {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Forgotten => "forgotten",
            Self::Removable => "removable",
            Self::Live => "live",
            Self::Unread => "unread",
            Self::Needed => "needed",
            Self::Locked => "locked",
        }
    }
}

/// Forgets up to `max_runs` of these runs, or looks what would become of them.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`), [`Refusal::NotEnded`] (`RE004`) if one run is named.
pub(crate) fn forget(
    runs: &Forgotten,
    is_dry: bool,
    max_runs: i32,
) -> Result<Vec<(Found, Fate)>, Refusal> {
    let now = flow::now();
    let (filter, shards) = match runs {
        Forgotten::Run(run_id) => (of_one(run_id), vec![run_id.shard()].into()),
        Forgotten::Matching(filter) => ((**filter).clone(), store::shard::served()),
    };
    if !is_dry {
        // Before anything else is locked: the sweep may be removing the same runs.
        locks::wait_for_sweep();
    }
    let environments = flow::right::environments();
    let max_runs = usize::try_from(max_runs).unwrap_or(0);
    let (mut fates, mut live) = (Vec::new(), Vec::new());
    for &shard in &*shards {
        let ended = find(
            shard,
            &filter,
            &ENDED,
            max_runs - fates.len(),
            now,
            environments.as_deref(),
        );
        fates.extend(of_ended(shard, ended, is_dry, now));
        live.extend(find(
            shard,
            &filter,
            &LIVE,
            max_runs,
            now,
            environments.as_deref(),
        ));
    }
    if let Forgotten::Run(run_id) = runs
        && fates.is_empty()
    {
        return Err(refusal(run_id, live.pop()));
    }
    let left = max_runs - fates.len();
    fates.extend(live.into_iter().take(left).map(|run| (run, Fate::Live)));
    Ok(fates)
}

/// What matches one run.
fn of_one(run_id: &RunId) -> RunFilter {
    RunFilter {
        run_ids: Some(vec![run_id.clone()]),
        ..RunFilter::default()
    }
}

/// Up to `max_runs` runs that match, in the order of their ids.
fn find(
    shard: Shard,
    filter: &RunFilter,
    execution_statuses: &[ExecutionStatus],
    max_runs: usize,
    now: Timestamp,
    scope: Option<&[String]>,
) -> Vec<Found> {
    let is_live = !execution_statuses.contains(&ExecutionStatus::Finished);
    let wanted = Wanted {
        filter,
        execution_statuses,
        frozen_at: now,
        scope,
    };
    let source = Source::of(filter, is_live);
    let (mut ids, mut after) = (Vec::new(), Some(String::new()));
    while let Some(behind) = after.filter(|_| ids.len() < max_runs) {
        pgrx::check_for_interrupts!();
        let page = run_match::page(shard, source, &wanted, &behind, PAGE);
        ids.extend(page.runs.into_iter().map(|run| run.id));
        after = page.end.map(|id| id.as_str().to_owned());
    }
    ids.truncate(max_runs);
    store::forget::find(shard, &ids)
}

/// Why one run is not forgotten.
fn refusal(run_id: &RunId, live: Option<Found>) -> Refusal {
    match live {
        None => Refusal::UnknownRun {
            run_id: run_id.clone(),
        },
        Some(run) => Refusal::NotEnded {
            run_id: run.run_id,
            status: run.run_status,
        },
    }
}

/// Forgets runs that have ended.
fn of_ended(shard: Shard, found: Vec<Found>, is_dry: bool, now: Timestamp) -> Vec<(Found, Fate)> {
    if found.is_empty() {
        return Vec::new();
    }
    let ids: Vec<&RunId> = found.iter().map(|run| &run.run_id).collect();
    let spans = Spans::single(ids.iter().map(|id| id.as_str()));
    let locked = removal::lock(shard, &ids, &spans);
    let is_free: BTreeSet<RunId> = locked.iter().map(|run| run.id.clone()).collect();
    let gone: BTreeSet<RunId> = if is_dry {
        let removable = removal::removable(shard, locked, &spans, now);
        removable.into_iter().map(|run| run.id).collect()
    } else {
        let removed = removal::remove(shard, locked, &spans, now);
        removed.into_iter().collect()
    };
    let stays: Vec<&RunId> = ids
        .iter()
        .copied()
        .filter(|id| !gone.contains(*id))
        .collect();
    let unread: BTreeSet<RunId> = removal::held(shard, &stays, now).into_iter().collect();
    let fate = |id: &RunId| match (gone.contains(id), is_dry) {
        (true, true) => Fate::Removable,
        (true, false) => Fate::Forgotten,
        (false, _) if !is_free.contains(id) => Fate::Locked,
        (false, _) if unread.contains(id) => Fate::Unread,
        (false, _) => Fate::Needed,
    };
    let fates: Vec<Fate> = ids.iter().map(|id| fate(id)).collect();
    found.into_iter().zip(fates).collect()
}
