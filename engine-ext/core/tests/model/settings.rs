//! The settings of the engine under a checker.

use engine_core::{Backoff, Heartbeats, Machine, Machines, Settings, Timestamp};

/// Settings under which the queue gives a run up after `queue_max_attempts`, which are few, so that all of them are used up soon.
pub fn settings(queue_max_attempts: i32) -> Settings {
    Settings {
        now: Timestamp::from_micros(0),
        jitter: 1.0,
        queue_backoff: Backoff {
            min_ms: 1_000,
            max_ms: 3_600_000,
            factor: 2.0,
        },
        queue_max_attempts,
        retry_requeue_threshold_ms: 0,
        stalls_are_out_of_memory: false,
        heartbeats: Heartbeats {
            pending_executing_ms: 60_000,
            executing_ms: 60_000,
            executing_with_waitpoints_ms: 60_000,
            pending_cancel_ms: 60_000,
            suspended_ms: 600_000,
        },
        machines: Machines::built_in(Machine::Small1x),
    }
}
