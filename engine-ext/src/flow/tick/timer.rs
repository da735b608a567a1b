//! Due timers: one timer, one action.

use std::collections::BTreeMap;

use engine_core::{Cancel, Command, Refusal, RunId, TimerKind, decide};

use super::{Done, Tick, batch, continuation, delay, fit, keep, promote, waitpoint};
use crate::flow::transition::Transitions;
use crate::store::row::Caller;
use crate::store::timer::Due;
use crate::{flow, store};

/// Does the actions of due timers, and deletes those that are done: a run that another session has locked comes later.
pub(super) fn run(tick: &mut Tick<'_>) -> Result<Vec<Done>, Refusal> {
    let due = match tick.left {
        0 => Vec::new(),
        left => store::timer::lock_due(tick.shard, left, tick.settings.now),
    };
    let mut kinds: BTreeMap<TimerKind, Vec<&Due>> = BTreeMap::new();
    for timer in &due {
        kinds.entry(timer.kind).or_default().push(timer);
    }
    let (mut report, mut left) = (Vec::new(), Vec::new());
    for kind in TimerKind::ALL {
        let Some(due) = kinds.remove(kind) else {
            report.push((kind.reported_as(), 0));
            continue;
        };
        let all = due.clone();
        let done = match kind {
            TimerKind::CancelRun => cancel_children(tick, due)?,
            TimerKind::EndDelay => delay::end(tick, due)?,
            TimerKind::Promote => {
                let (done, promoted) = promote::continue_promotions(tick, due);
                store::timer::delete(tick.shard, &done);
                report.push((kind.reported_as(), tick.took(promoted)));
                continue;
            }
            TimerKind::FinishWaitpoint => waitpoint::finish(tick, due),
            TimerKind::ContinueRun => continuation::resume(tick, due),
            TimerKind::CompleteBatch => batch::complete(tick, due),
            TimerKind::ExpireBatch => batch::expire(tick, due),
            TimerKind::EndKeep => keep::end(tick, due),
            // The last of all: it may hold an environment's mutex until the tick has ended.
            TimerKind::FitLimits => fit::fit(tick, due),
        };
        store::timer::delete(tick.shard, &done);
        left.extend(
            all.iter()
                .filter(|due| !done.iter().any(|done| done.id == due.id)),
        );
        report.push((kind.reported_as(), tick.took(done.len())));
    }
    store::timer::delete_orphans(tick.shard, &left);
    Ok(report)
}

/// Cancels runs whose parents ended cancelled.
fn cancel_children<'a>(tick: &Tick<'_>, due: Vec<&'a Due>) -> Result<Vec<&'a Due>, Refusal> {
    let ids: Vec<RunId> = due.iter().map(|due| RunId::parse(&due.id)).collect();
    let runs = store::run::lock_free(tick.shard, &ids.iter().collect::<Vec<_>>());
    let mut transitions = Transitions::new(tick.shard, Caller::default(), tick.settings);
    let mut done = Vec::new();
    for run in &runs {
        let Some(timer) = due.iter().find(|timer| timer.id == run.id.as_str()) else {
            continue;
        };
        let cancel = Cancel::of_child(timer.detail.as_ref());
        transitions.add(run, decide(run, Command::Cancel(&cancel), tick.settings)?);
        done.push(*timer);
    }
    flow::settle::apply(transitions);
    Ok(done)
}
