//! Queue items by lane: what may be dequeued where there are limits.

use engine_core::{Environment, Lane, RunId, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use super::Source;
use crate::backend::cells::{Cells, cell};
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;

statement!(CANDIDATES, "dequeue_candidates.sql");
statement!(DUE, "lane_due.sql");
statement!(COUNT, "slot_count.sql");
statement!(COUNT_LANES, "lane_count.sql");
statement!(SETTLE, "lane_settle.sql");

/// A due item that a dequeue has read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// The item's run.
    pub(crate) run_id: RunId,
    /// Queue order.
    pub(crate) available_at: i64,
    /// Whether it is found through its lane.
    pub(crate) is_filed: bool,
}

/// The number of held slots of an environment, counted up to `cap`.
pub(crate) fn slots_held(from: Source<'_>, environment: &Environment, cap: i64) -> i64 {
    let arguments = arguments!(COUNT {
        shard: from.shard,
        environment_id: from.environment_id,
        cap,
        is_unfitted: !environment.is_fitted
    });
    let held: Option<i64> = COUNT.query(arguments, cell!(COUNT.count)).pop();
    held.unwrap_or(0)
}

/// Whether a dequeue has to look at lanes; it reads `unfiled` items that are not filed yet.
pub(crate) fn are_due(
    from: Source<'_>,
    environment: &Environment,
    unfiled: i32,
    now: Timestamp,
) -> bool {
    if environment.lane_cap().is_some() || !environment.is_fitted {
        return true;
    }
    let limited: Vec<&str> = environment.queue_caps().map(|(queue, _)| queue).collect();
    let due = from.scan(now, |low| {
        DUE.query(
            arguments!(DUE {
                worker_queue: from.worker_queue,
                environment_id: from.environment_id,
                now,
                max_unfiled: unfiled,
                limited_queues: limited,
                low
            }),
            cell!(DUE.are_due),
        )
    });
    due.into_iter().next().unwrap_or(true)
}

/// The lanes from which a dequeue chooses, each with whether a slot was given back, and one of its items: the rows of a lane
/// are adjacent.
pub(crate) fn candidates(
    from: Source<'_>,
    environment: &Environment,
    max_runs: i32,
    unfiled: i32,
    counts: bool,
    now: Timestamp,
) -> Vec<(Lane<Item>, bool, Option<Item>)> {
    let caps: Vec<(&str, i32)> = environment.queue_caps().collect();
    from.scan(now, |low| {
        CANDIDATES.query(
            arguments!(CANDIDATES {
                shard: from.shard,
                worker_queue: from.worker_queue,
                environment_id: from.environment_id,
                now,
                max_runs,
                max_unfiled: unfiled,
                limited_queues: column(&caps, |(queue, _)| *queue),
                caps: column(&caps, |(_, cap)| *cap),
                lane_cap: environment.lane_cap().unwrap_or(i32::MAX),
                low,
                counts_slots: counts,
                is_unfitted: !environment.is_fitted
            }),
            row,
        )
    })
}

/// The rows of a lane are adjacent.
fn row(cells: &Cells<CANDIDATES>) -> (Lane<Item>, bool, Option<Item>) {
    let lane = Lane {
        queue: cell!(cells, CANDIDATES.queue),
        concurrency_key: cell!(cells, CANDIDATES.concurrency_key),
        free: usize::try_from(cell!(cells, CANDIDATES.free as i64)).unwrap_or(0),
        items: Vec::new(),
    };
    let is_released = cell!(cells, CANDIDATES.is_released);
    let (run_id, available_at, is_filed) = (
        cell!(cells, CANDIDATES.run_id as Option<String>),
        cell!(
            cells,
            CANDIDATES.available_at as Option<TimestampWithTimeZone>
        ),
        cell!(cells, CANDIDATES.is_filed as Option<bool>),
    );
    let item = match (run_id, available_at, is_filed) {
        (Some(run_id), Some(available_at), Some(is_filed)) => Some(Item {
            run_id: RunId::parse(&run_id),
            available_at: available_at.into(),
            is_filed,
        }),
        _ => None,
    };
    (lane, is_released, item)
}

/// The number of free slots of held lanes, each given with its queue, its concurrency key and its limit.
pub(crate) fn free(
    from: Source<'_>,
    environment: &Environment,
    lanes: &[(&str, &str, i32)],
) -> Vec<usize> {
    let held = COUNT_LANES.query(
        arguments!(COUNT_LANES {
            shard: from.shard,
            environment_id: from.environment_id,
            queue: column(lanes, |(queue, ..)| *queue),
            concurrency_key: column(lanes, |(_, key, _)| *key),
            cap: column(lanes, |(.., cap)| *cap),
            is_unfitted: !environment.is_fitted
        }),
        cell!(COUNT_LANES.count),
    );
    let free = |((.., cap), held): (&(&str, &str, i32), i64)| {
        usize::try_from(i64::from(*cap) - held).unwrap_or(0)
    };
    lanes.iter().zip(held).map(free).collect()
}

/// Brings `lanes` up to date after a dequeue: `blocked` items are filed, and each lane records its state.
pub(crate) fn settle(
    from: Source<'_>,
    environment: &Environment,
    lanes: &[&Lane<Item>],
    blocked: &[RunId],
) {
    let cap = |lane: &&Lane<Item>| environment.cap_of(&lane.queue).unwrap_or(i32::MAX);
    SETTLE.execute(arguments!(SETTLE {
        shard: from.shard,
        environment_id: from.environment_id,
        blocked_run_ids: blocked,
        queue: column(lanes, |lane| lane.queue.as_str()),
        concurrency_key: column(lanes, |lane| lane.concurrency_key.as_str()),
        cap: column(lanes, cap),
        is_unfitted: !environment.is_fitted
    }));
}
