//! Writes environments and queues.

use engine_core::{Environment, Queue, Timestamp};

use super::{QUEUE_TABLE, TABLE};
use crate::backend::cache;
use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::time;
use crate::document::JsonB;

static SET: Statement = statement!("environment_set.sql");
static SET_QUEUE: Statement = statement!("queue_set.sql");
static LOOK: Statement = statement!("lane_look.sql");
static QUEUED: Statement = statement!("queued_worker_queues.sql");

/// Writes an environment.
pub(crate) fn environment(environment: &Environment, now: Timestamp) {
    SET.execute(arguments![
        environment.id.as_str(),
        environment.kind.as_str(),
        environment.project_id.as_deref(),
        environment.organization_id.as_deref(),
        environment.concurrency_limit,
        environment.burst_factor,
        environment.max_queue_size,
        environment.is_paused,
        environment.requires_version,
        environment.is_archived,
        time(now),
        environment.reserves_slots,
        environment.retry.clone().map(JsonB),
        environment.is_fitted,
    ]);
    cache::changed(TABLE);
}

/// Writes a queue, to which no rows are adapted yet.
pub(crate) fn queue(environment: &Environment, name: &str, queue: Queue, now: Timestamp) {
    SET_QUEUE.execute(arguments![
        environment.id.as_str(),
        name,
        queue.concurrency_limit,
        queue.override_limit,
        queue.max_size,
        queue.is_paused,
        time(now),
        false,
    ]);
    cache::changed(QUEUE_TABLE);
}

/// Reopens lanes of a queue, or of the whole environment, that were closed because they were full: up to `max_lanes`, or all.
pub(crate) fn look_again(environment: &Environment, queue: Option<&str>, max_lanes: Option<i64>) {
    let (shard, id) = (environment.shard.number(), environment.id.as_str());
    LOOK.execute(arguments![shard, id, queue, max_lanes]);
}

/// The worker queues with queued runs, each with the number of its queue items, up to a maximum.
pub(crate) fn queued(environment: &Environment) -> Vec<(String, i64)> {
    let arguments = arguments![environment.shard.number(), environment.id.as_str()];
    QUEUED.query(arguments, |cells| (cells.value(), cells.value()))
}
