//! Runs whose worker stopped beating.

use std::collections::HashMap;

use engine_core::{
    Command, ExecutionStatus, Plan, Refusal, Run, RunId, Settings, Shard, Timestamp, decide,
};

use super::Tick;
use crate::flow::transition::Transitions;
use crate::store::heartbeat::Due;
use crate::store::row::Caller;
use crate::{flow, store};

/// Recovers runs whose deadline has passed; returns their number.
pub(super) fn recover(tick: &mut Tick<'_>) -> Result<i32, Refusal> {
    let due = store::heartbeat::lock_due(&store::shard::unserved(), tick.left, tick.settings.now);
    let mut recovered = 0;
    for (shard, due) in flow::by_shard(due, |due| due.shard) {
        recovered += recover_on(shard, &due, tick.settings)?;
    }
    Ok(tick.took(recovered))
}

/// Recovers those of a shard's runs whose deadline has passed; returns their number.
fn recover_on(shard: Shard, due: &[Due], settings: &Settings) -> Result<usize, Refusal> {
    let (alive, stalled): (Vec<&Due>, Vec<&Due>) = due.iter().partition(|due| due.is_alive);
    if !alive.is_empty() {
        store::heartbeat::postpone(shard, &ids(&alive));
    }
    if stalled.is_empty() {
        return Ok(0);
    }
    let runs = store::run::lock_free(shard, &ids(&stalled));
    let (suspended, runs): (Vec<&Run>, Vec<&Run>) = runs
        .iter()
        .partition(|run| run.execution_status == ExecutionStatus::Suspended);
    let resumed = if suspended.is_empty() {
        0
    } else {
        flow::wait::resume::ready_or_rest(shard, &suspended, settings)
    };
    let mut transitions = Transitions::new(shard, Caller::default(), settings);
    let mut kept = Vec::new();
    let orders = orders(shard, &runs);
    for run in runs {
        let order = orders.get(&run.id).copied();
        match decide(run, Command::Stall { order }, settings)? {
            Plan::Keep => kept.push(&run.id),
            plan => {
                transitions.add(run, plan);
            }
        }
    }
    let recovered = resumed + transitions.len();
    flow::settle::apply(transitions);
    if !kept.is_empty() {
        store::heartbeat::renew(shard, &kept, settings.now);
    }
    Ok(recovered)
}

fn ids<'a>(due: &[&'a Due]) -> Vec<&'a RunId> {
    due.iter().map(|due| &due.run_id).collect()
}

/// The order in their queues of those of these runs whose attempt runs.
fn orders(shard: Shard, runs: &[&Run]) -> HashMap<RunId, Timestamp> {
    use ExecutionStatus::*;
    let running: Vec<&RunId> = runs
        .iter()
        .filter(|run| matches!(run.execution_status, Executing | ExecutingWithWaitpoints))
        .map(|run| &run.id)
        .collect();
    if running.is_empty() {
        return HashMap::new();
    }
    let timings = flow::timing::of_all(shard, &running).into_iter();
    timings
        .map(|(id, timing)| (id, timing.available_at()))
        .collect()
}
