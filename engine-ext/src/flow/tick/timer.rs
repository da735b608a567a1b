//! Due timers: one timer, one action.

use std::collections::BTreeMap;

use engine_core::{Cancel, Command, Refusal, RunId, Settings, Shard, TimerKind, decide};

use super::{Done, Tick, batch, continuation, delay, fit, keep, promote, waitpoint};
use crate::flow::transition::Transitions;
use crate::store::row::Caller;
use crate::store::timer::Due;
use crate::{flow, store};

/// Does the actions of due timers, and deletes those that are done: a run that another session has locked comes later.
pub(super) fn run(tick: &mut Tick<'_>) -> Result<Vec<Done>, Refusal> {
    let due = match tick.left {
        0 => Vec::new(),
        left => store::timer::lock_due(&store::shard::unserved(), left, tick.settings.now),
    };
    let mut kinds: BTreeMap<TimerKind, Vec<&Due>> = BTreeMap::new();
    for timer in &due {
        kinds.entry(timer.kind).or_default().push(timer);
    }
    let (mut report, mut left) = (Vec::new(), Vec::new());
    for kind in TimerKind::ALL {
        let mut items = 0;
        let due = kinds.remove(kind).unwrap_or_default();
        for (shard, due) in flow::by_shard(due, |due| due.shard) {
            items += run_on(shard, tick, *kind, due, &mut left)?;
        }
        report.push((kind.reported_as(), items));
    }
    for (shard, left) in flow::by_shard(left, |due| due.shard) {
        store::timer::delete_orphans(shard, &left);
    }
    Ok(report)
}

/// Does the actions of a shard's due timers of one kind; returns the number of items, and adds to `left` those that are not done.
fn run_on<'a>(
    shard: Shard,
    tick: &mut Tick<'_>,
    kind: TimerKind,
    due: Vec<&'a Due>,
    left: &mut Vec<&'a Due>,
) -> Result<i32, Refusal> {
    let all = due.clone();
    let done = match kind {
        TimerKind::CancelRun => cancel_children(shard, tick.settings, due)?,
        TimerKind::EndDelay => delay::end(shard, tick.settings, due)?,
        TimerKind::Promote => {
            let (done, promoted) = promote::continue_promotions(tick, due);
            store::timer::delete(shard, &done);
            return Ok(tick.took(promoted));
        }
        TimerKind::FinishWaitpoint => waitpoint::finish(shard, tick.settings, due),
        TimerKind::ContinueRun => continuation::resume(shard, tick.settings, due),
        TimerKind::CompleteBatch => batch::complete(shard, tick.settings, due),
        TimerKind::ExpireBatch => batch::expire(shard, tick.settings, due),
        TimerKind::EndKeep => keep::end(shard, tick.settings, due),
        // The last of all: it may hold an environment's mutex until the tick has ended.
        TimerKind::FitLimits => fit::fit(tick, due),
    };
    store::timer::delete(shard, &done);
    left.extend(
        all.iter()
            .filter(|due| !done.iter().any(|done| done.id == due.id)),
    );
    Ok(tick.took(done.len()))
}

/// Cancels runs whose parents ended cancelled.
fn cancel_children<'a>(
    shard: Shard,
    settings: &Settings,
    due: Vec<&'a Due>,
) -> Result<Vec<&'a Due>, Refusal> {
    let ids: Vec<RunId> = due.iter().map(|due| RunId::parse(&due.id)).collect();
    let runs = store::run::lock_free(shard, &ids.iter().collect::<Vec<_>>());
    let mut transitions = Transitions::new(shard, Caller::default(), settings);
    let mut done = Vec::new();
    for run in &runs {
        let Some(timer) = due.iter().find(|timer| timer.id == run.id.as_str()) else {
            continue;
        };
        let cancel = Cancel::of_child(timer.detail.as_ref());
        transitions.add(run, decide(run, Command::Cancel(&cancel), settings)?);
        done.push(*timer);
    }
    flow::settle::apply(transitions);
    Ok(done)
}
