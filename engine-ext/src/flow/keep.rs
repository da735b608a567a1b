//! Runs that say themselves how long they are kept.

use engine_core::{KeepEnd, Refusal, RunId, Shard, TimerKind, Timestamp, check_details};

use crate::backend::locks;
use crate::flow::removal;
use crate::store;
use crate::store::removal::{EndedRun, Spans};

/// Removes what is due of these runs; returns those that have gone. The others have their timers moved, unless another session
/// sweeps.
pub(crate) fn end(shard: Shard, ids: &[RunId], now: Timestamp) -> Vec<RunId> {
    if !locks::try_sweep() {
        return Vec::new();
    }
    let spans = Spans::single(ids.iter().map(RunId::as_str));
    let ended = removal::lock(shard, &ids.iter().collect::<Vec<_>>(), &spans);
    let ends: Vec<(RunId, Timestamp)> = ended
        .iter()
        .map(|run| (run.id.clone(), run.completed_at))
        .collect();
    let (details, runs): (Vec<EndedRun>, Vec<EndedRun>) = ended.into_iter().partition(|run| {
        let keep_ms = run.keep_ms.unwrap_or_default();
        KeepEnd::of(keep_ms, run.completed_at, now) == KeepEnd::Details
    });
    let bare: Vec<&RunId> = details.iter().map(|run| &run.id).collect();
    let bare = removal::remove_details(shard, &bare, now);
    let gone = removal::remove(shard, runs, &spans, now);
    let next = |id: &RunId| match ends.iter().find(|(ended, _)| ended == id) {
        Some((_, ended_at)) if bare.contains(id) => KeepEnd::last(*ended_at),
        Some((_, ended_at)) => KeepEnd::again(*ended_at, now),
        // Another session has locked it, or it lives again.
        None => KeepEnd::again(now, now),
    };
    let stay = ids.iter().filter(|id| !gone.contains(id));
    let moved: Vec<_> = stay
        .map(|id| (shard, id.as_str(), next(id), None))
        .collect();
    store::timer::move_to(TimerKind::EndKeep, &moved);
    gone
}

/// Refuses to repeat a run that has ended and of which nothing is kept.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`).
pub(crate) fn check(run_id: &RunId) -> Result<(), Refusal> {
    check_details(run_id, store::run::keeps_nothing(run_id))
}
