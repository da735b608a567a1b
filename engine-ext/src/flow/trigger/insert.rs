//! What is written of new runs.

use engine_core::{ExecutionStatus, Failure, RunId, TimerKind, Timestamp};

use crate::backend::position::Positions;
use crate::shared::bell;
use crate::store::row::Caller;
use crate::store::trigger::RunRow;
use crate::{flow, store};

/// Writes new runs; some get a timer, and due ones wake sessions that wait for them.
pub(super) fn insert(runs: &[RunRow], now: Timestamp) {
    store::trigger::insert(runs, now);
    note_failed(runs);
    let mut positions = Positions::draw(runs.len());
    let first = runs.iter().map(RunRow::first_snapshot);
    store::snapshot::insert(first, &mut positions, Caller::default(), now);
    end_delays(runs);
    end_keeps(runs, now);
    let is_due =
        |new: &&RunRow| new.state.execution_status.is_queued() && new.run.available_at <= now;
    for new in runs.iter().filter(is_due) {
        let (environment, version) = (&new.run.environment, new.run.version.as_deref());
        let takers = flow::dequeue::takers(environment, version);
        bell::ring_at_commit(&new.run.worker_queue, &environment.id, takers);
    }
}

/// Makes the tick end the delays of runs.
fn end_delays(runs: &[RunRow]) {
    let is_delayed = |new: &&RunRow| new.state.execution_status == ExecutionStatus::Delayed;
    let timers: Vec<(&RunId, Timestamp)> = runs
        .iter()
        .filter(is_delayed)
        .filter_map(|new| Some((&new.run_id, new.run.delay_until?)))
        .collect();
    store::timer::end_delays(&timers);
}

/// Makes the tick remove runs that begin finished and say how long they are kept.
fn end_keeps(runs: &[RunRow], now: Timestamp) {
    let is_finished = |new: &&RunRow| new.state.execution_status == ExecutionStatus::Finished;
    let timers = runs.iter().filter(is_finished).filter_map(|new| {
        let due_at = now.plus_ms(new.run.keep_ms()?);
        Some((new.run_id.shard(), new.run_id.as_str(), due_at, None))
    });
    store::timer::move_to(TimerKind::EndKeep, &timers.collect::<Vec<_>>());
}

/// Runs that begin as failed are on the list of those that failed.
fn note_failed(runs: &[RunRow]) {
    let failed = runs.iter().filter(|new| new.state.run_status.is_failure());
    for (shard, failed) in flow::by_shard(failed, |new| new.run_id.shard()) {
        let failure = |new: &&RunRow| Failure::of(new.state.error.as_ref());
        let failed = failed.iter().map(|new| (&new.run_id, failure(new)));
        store::failure::insert(shard, &failed.collect::<Vec<_>>());
    }
}
