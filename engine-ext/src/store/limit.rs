//! Environments and queues that are set, and what that makes of slots and items that are there. The environment's mutex is
//! held.

use engine_core::{Environment, Queue, Timestamp};

use super::environment::{QUEUE_TABLE, TABLE};
use super::kept;
use super::run::time;
use super::statement::{Statement, arguments, statement};
use crate::document::JsonB;

static SET: Statement = statement!("environment_set.sql");
static SET_QUEUE: Statement = statement!("queue_set.sql");
static FIT_SLOTS: Statement = statement!("slots_fit.sql");
static FIT_LANES: Statement = statement!("lanes_fit.sql");
static SIZE: Statement = statement!("queue_size.sql");

/// Writes an environment.
pub(crate) fn set_environment(environment: &Environment, now: Timestamp) {
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
    ]);
    kept::changed(TABLE);
}

/// Writes a queue.
pub(crate) fn set_queue(environment: &Environment, name: &str, queue: Queue, now: Timestamp) {
    SET_QUEUE.execute(arguments![
        environment.id.as_str(),
        name,
        queue.concurrency_limit,
        queue.override_limit,
        queue.max_size,
        queue.is_paused,
        time(now),
    ]);
    kept::changed(QUEUE_TABLE);
}

/// Fits slots, lanes and items to the limits that `environment` has now.
pub(crate) fn fit(environment: &Environment) {
    let queues: Vec<&str> = environment.queue_caps().map(|(queue, _)| queue).collect();
    let (shard, id) = (environment.shard.number(), environment.id.as_str());
    let others = environment.other_limits();
    FIT_SLOTS.execute(arguments![
        shard,
        id,
        others.is_counted,
        queues.clone(),
        others.is_noted,
    ]);
    FIT_LANES.execute(arguments![shard, id, others.is_noted, queues]);
}

/// Has the queued runs of a queue, or of all queues of an environment, count against a limit on its length.
pub(crate) fn size(environment: &Environment, queue: Option<&str>) {
    SIZE.execute(arguments![
        environment.shard.number(),
        environment.id.as_str(),
        queue
    ]);
}
