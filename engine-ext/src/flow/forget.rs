//! Forgets runs before their time has come, with all that belongs to them.

use std::collections::BTreeSet;

use engine_core::{Forgotten, Refusal, RunId, Shard, Timestamp};

use crate::backend::locks;
use crate::backend::value::count;
use crate::flow::removal;
use crate::store::forget::Found;
use crate::store::removal::Spans;
use crate::{flow, store};

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
    let shards = match &runs.run_id {
        Some(run_id) => vec![run_id.shard()],
        None => store::event_horizon::shards(),
    };
    if !is_dry {
        for shard in &shards {
            // Before anything else is locked: the sweep may be removing the same runs.
            locks::wait_for_sweep(*shard);
        }
    }
    let environments = flow::right::environments();
    let find = |shard, has_ended, max_runs| {
        store::forget::find(shard, runs, environments.as_deref(), has_ended, max_runs)
    };
    let (mut fates, mut live) = (Vec::new(), Vec::new());
    for shard in shards {
        let ended = find(shard, true, max_runs - count(&fates));
        fates.extend(of_ended(shard, ended, is_dry, now));
        live.extend(find(shard, false, max_runs));
    }
    if let Some(run_id) = &runs.run_id
        && fates.is_empty()
    {
        return Err(refusal(run_id, live.pop()));
    }
    let left = usize::try_from(max_runs).unwrap_or(0) - fates.len();
    fates.extend(live.into_iter().take(left).map(|run| (run, Fate::Live)));
    Ok(fates)
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
