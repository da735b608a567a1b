//! Environments and queues that are set.
//!
//! Who sets one writes its row, and waits for no claim: claims that begin after the commit go by it. What is there is fitted to it
//! later, by the tick ([`super::fit`]).

use engine_core::{Environment, Queue, TimerKind, Timestamp};

use super::environment::{QUEUE_TABLE, TABLE};
use super::run::time;
use super::statement::{Cells, Statement, arguments, statement};
use super::{kept, timer};
use crate::document::JsonB;
use crate::wakeup::bell;

static SET: Statement = statement!("environment_set.sql");
static SET_QUEUE: Statement = statement!("queue_set.sql");
static LOOK: Statement = statement!("lane_look.sql");
static QUEUED: Statement = statement!("queued_worker_queues.sql");

/// So many closed lanes are looked at again at once; the others once what is there is fitted.
const AT_ONCE: i64 = 1_000;

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
        environment.is_fitted,
    ]);
    kept::changed(TABLE);
}

/// Writes a queue, to which nothing is fitted yet.
pub(crate) fn set_queue(environment: &Environment, name: &str, queue: Queue, now: Timestamp) {
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
    kept::changed(QUEUE_TABLE);
}

/// Has the tick fit what is there to the settings of an environment, once claims that began before have ended.
pub(crate) fn fit_later(environment: &Environment, now: Timestamp) {
    let timer = (environment.shard, environment.id.as_str(), now, None);
    timer::move_to(TimerKind::FitLimits, &[timer]);
}

/// Has claimers look again, once this transaction commits, at a queue, or at all of an environment, and wakes those who wait.
pub(crate) fn look_again(environment: &Environment, queue: Option<&str>) {
    let (shard, id) = (environment.shard.number(), environment.id.as_str());
    LOOK.execute(arguments![shard, id, queue, AT_ONCE]);
    if !bell::can_ring() {
        return;
    }
    let queued = QUEUED.query(arguments![shard, id], |cells: &mut Cells| {
        (cells.value::<String>(), cells.value::<i64>())
    });
    for (worker_queue, times) in queued {
        bell::ring_times_at_commit(&worker_queue, usize::try_from(times).unwrap_or(0));
    }
}
