//! Writes environments and queues.

use engine_core::{Environment, Queue, Timestamp};

use crate::backend::cache;
use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::document::JsonB;

statement!(SET, "environment_set.sql");
statement!(SET_QUEUE, "queue_set.sql");
statement!(LOOK, "lane_look.sql");
statement!(QUEUED, "queued_worker_queues.sql");

/// Writes an environment.
pub(crate) fn environment(environment: &Environment, now: Timestamp) {
    let pause = environment.pause.as_ref();
    SET.execute(arguments!(SET {
        id: environment.id.as_str(),
        kind: environment.kind.as_str(),
        project_id: environment.project_id.as_deref(),
        organization_id: environment.organization_id.as_deref(),
        concurrency_limit: environment.concurrency_limit,
        burst_factor: environment.burst_factor,
        max_queue_size: environment.max_queue_size,
        is_paused: environment.pause.is_some(),
        paused_at: pause.and_then(|pause| pause.since),
        paused_by: pause.and_then(|pause| pause.by.as_deref()),
        pause_reason: pause.and_then(|pause| pause.reason.as_deref()),
        requires_version: environment.requires_version,
        is_archived: environment.is_archived,
        now,
        reserves_slots: environment.reserves_slots,
        retry: environment.retry.clone().map(JsonB),
        is_fitted: environment.is_fitted,
        shard: environment.shard
    }));
    cache::changed();
}

/// Writes a queue, to which no rows are adapted yet.
pub(crate) fn queue(environment: &Environment, name: &str, queue: &Queue, now: Timestamp) {
    let pause = queue.pause.as_ref();
    SET_QUEUE.execute(arguments!(SET_QUEUE {
        environment_id: environment.id.as_str(),
        name,
        concurrency_limit: queue.concurrency_limit,
        override_limit: queue.override_limit,
        max_size: queue.max_size,
        is_paused: queue.pause.is_some(),
        paused_at: pause.and_then(|pause| pause.since),
        paused_by: pause.and_then(|pause| pause.by.as_deref()),
        pause_reason: pause.and_then(|pause| pause.reason.as_deref()),
        now,
        is_fitted: false
    }));
    cache::changed();
}

/// Reopens lanes of a queue, or of the whole environment, that were closed because they were full: up to `max_lanes`, or all.
pub(crate) fn look_again(environment: &Environment, queue: Option<&str>, max_lanes: Option<i64>) {
    let (shard, id) = (environment.shard.number(), environment.id.as_str());
    LOOK.execute(arguments!(LOOK {
        shard,
        environment_id: id,
        queue,
        max_lanes
    }));
}

/// The worker queues with queued runs, each with the number of its queue items, up to a maximum.
pub(crate) fn queued(environment: &Environment) -> Vec<(String, i64)> {
    let arguments = arguments!(QUEUED {
        shard: environment.shard,
        environment_id: environment.id.as_str()
    });
    QUEUED.query(arguments, |cells| {
        (
            cell!(cells, QUEUED.worker_queue),
            cell!(cells, QUEUED.item_count),
        )
    })
}
