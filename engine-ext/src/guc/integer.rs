//! Integer settings: each with its default, its bounds, and what Postgres shows of it.

use std::ffi::CStr;

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

/// An integer setting.
pub(super) struct Integer {
    value: GucSetting<i32>,
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    bounds: (i32, i32),
    unit: GucFlags,
}

impl Integer {
    pub(super) fn get(&self) -> i32 {
        self.value.get()
    }
}

pub(super) static HEARTBEAT_PENDING_EXECUTING_MS: Integer = Integer {
    value: GucSetting::<i32>::new(60_000),
    name: c"engine.heartbeat_pending_executing_ms",
    short: c"Time in which a dequeued run must be started.",
    long: c"A run that is not started in time is requeued.",
    bounds: (1, i32::MAX),
    unit: GucFlags::UNIT_MS,
};

pub(super) static HEARTBEAT_EXECUTING_MS: Integer = Integer {
    value: GucSetting::<i32>::new(60_000),
    name: c"engine.heartbeat_executing_ms",
    short: c"Time in which a running attempt must beat.",
    long: c"An attempt that does not beat in time is abandoned, and its run is requeued.",
    bounds: (1, i32::MAX),
    unit: GucFlags::UNIT_MS,
};

pub(super) static HEARTBEAT_EXECUTING_WITH_WAITPOINTS_MS: Integer = Integer {
    value: GucSetting::<i32>::new(60_000),
    name: c"engine.heartbeat_executing_with_waitpoints_ms",
    short: c"Time in which a waiting attempt must beat.",
    long: c"As engine.heartbeat_executing_ms, while the run waits.",
    bounds: (1, i32::MAX),
    unit: GucFlags::UNIT_MS,
};

pub(super) static HEARTBEAT_PENDING_CANCEL_MS: Integer = Integer {
    value: GucSetting::<i32>::new(60_000),
    name: c"engine.heartbeat_pending_cancel_ms",
    short: c"Time in which a worker must confirm a cancel.",
    long: c"Then the run ends cancelled without it.",
    bounds: (1, i32::MAX),
    unit: GucFlags::UNIT_MS,
};

pub(super) static HEARTBEAT_SUSPENDED_MS: Integer = Integer {
    value: GucSetting::<i32>::new(600_000),
    name: c"engine.heartbeat_suspended_ms",
    short: c"Time after which a suspended run is checked.",
    long: c"It resumes if everything that it waits for is completed.",
    bounds: (1, i32::MAX),
    unit: GucFlags::UNIT_MS,
};

pub(super) static RETRY_REQUEUE_THRESHOLD_MS: Integer = Integer {
    value: GucSetting::<i32>::new(30_000),
    name: c"engine.retry_requeue_threshold_ms",
    short: c"Delay from which on a retry goes through the queue.",
    long: c"After a shorter one the same worker starts the next attempt, and keeps its slot.",
    bounds: (0, i32::MAX),
    unit: GucFlags::UNIT_MS,
};

pub(super) static QUEUE_MAX_ATTEMPTS: Integer = Integer {
    value: GucSetting::<i32>::new(12),
    name: c"engine.queue_max_attempts",
    short: c"How often a run may be requeued because its worker was lost.",
    long: c"Then it ends as SYSTEM_FAILURE.",
    bounds: (1, i32::MAX),
    unit: GucFlags::empty(),
};

pub(super) static QUEUE_BACKOFF_MIN_MS: Integer = Integer {
    value: GucSetting::<i32>::new(1_000),
    name: c"engine.queue_backoff_min_ms",
    short: c"Shortest delay of a run that no worker started in time.",
    long: c"It doubles every time the run is requeued.",
    bounds: (1, i32::MAX),
    unit: GucFlags::UNIT_MS,
};

pub(super) static QUEUE_BACKOFF_MAX_MS: Integer = Integer {
    value: GucSetting::<i32>::new(3_600_000),
    name: c"engine.queue_backoff_max_ms",
    short: c"Longest delay of a run that no worker started in time.",
    long: c"",
    bounds: (1, i32::MAX),
    unit: GucFlags::UNIT_MS,
};

pub(super) static MAX_PAYLOAD_BYTES: Integer = Integer {
    value: GucSetting::<i32>::new(3 * 1024 * 1024),
    name: c"engine.max_payload_bytes",
    short: c"Largest payload of a run.",
    long: c"Store larger input elsewhere, with a reference in the payload.",
    bounds: (0, 512 * 1024 * 1024),
    unit: GucFlags::UNIT_BYTE,
};

pub(super) static MAX_METADATA_BYTES: Integer = Integer {
    value: GucSetting::<i32>::new(256 * 1024),
    name: c"engine.max_metadata_bytes",
    short: c"Largest metadata of a run.",
    long: c"Counted as JSON without spaces.",
    bounds: (0, 512 * 1024 * 1024),
    unit: GucFlags::UNIT_BYTE,
};

pub(super) static MAX_TTL_MS: Integer = Integer {
    value: GucSetting::<i32>::new(0),
    name: c"engine.max_ttl_ms",
    short: c"Longest time that a run may wait in its queue before its first dequeue.",
    long:
        c"Applies to runs with a longer time to live, and to those without one; 0 for no maximum.",
    bounds: (0, i32::MAX),
    unit: GucFlags::UNIT_MS,
};

pub(super) static DEBOUNCE_BUCKET_MS: Integer = Integer {
    value: GucSetting::<i32>::new(1_000),
    name: c"engine.debounce_bucket_ms",
    short: c"Steps in which debounced runs are postponed.",
    long: c"Of several triggers within a step one moves the run; 0 for no steps.",
    bounds: (0, i32::MAX),
    unit: GucFlags::UNIT_MS,
};

pub(super) static MAX_DEBOUNCE_MS: Integer = Integer {
    value: GucSetting::<i32>::new(0),
    name: c"engine.max_debounce_ms",
    short: c"Longest postponement of a debounced run after its creation.",
    long: c"Applies to triggers without maxDelay; 0 for no limit.",
    bounds: (0, i32::MAX),
    unit: GucFlags::UNIT_MS,
};

pub(super) static SCHEDULE_AHEAD_MS: Integer = Integer {
    value: GucSetting::<i32>::new(0),
    name: c"engine.schedule_ahead_ms",
    short: c"Longest time by which the run of a schedule is made in advance.",
    long: c"It is dequeued at its time; each schedule has its own moment, so that not all are made at once.",
    bounds: (0, 30_000),
    unit: GucFlags::UNIT_MS,
};

pub(super) static ENVIRONMENT_SHARDS: Integer = Integer {
    value: GucSetting::<i32>::new(1),
    name: c"engine.environment_shards",
    short: c"Shards over which new environments are spread by their names.",
    long: c"Counted from the first one on, of those that this database serves. An environment that is told its shard goes there.",
    bounds: (1, 1296),
    unit: GucFlags::empty(),
};

pub(super) static MAX_BATCH: Integer = Integer {
    value: GucSetting::<i32>::new(1_000),
    name: c"engine.max_batch",
    short: c"Most elements of one call.",
    long: c"Applies to every function that takes or returns many runs.",
    bounds: (1, 100_000),
    unit: GucFlags::empty(),
};

const ALL: [&Integer; 17] = [
    &HEARTBEAT_PENDING_EXECUTING_MS,
    &HEARTBEAT_EXECUTING_MS,
    &HEARTBEAT_EXECUTING_WITH_WAITPOINTS_MS,
    &HEARTBEAT_PENDING_CANCEL_MS,
    &HEARTBEAT_SUSPENDED_MS,
    &RETRY_REQUEUE_THRESHOLD_MS,
    &QUEUE_MAX_ATTEMPTS,
    &QUEUE_BACKOFF_MIN_MS,
    &QUEUE_BACKOFF_MAX_MS,
    &MAX_PAYLOAD_BYTES,
    &MAX_METADATA_BYTES,
    &MAX_TTL_MS,
    &DEBOUNCE_BUCKET_MS,
    &MAX_DEBOUNCE_MS,
    &SCHEDULE_AHEAD_MS,
    &ENVIRONMENT_SHARDS,
    &MAX_BATCH,
];

/// Defines the settings.
pub(super) fn register() {
    for setting in ALL {
        GucRegistry::define_int_guc(
            setting.name,
            setting.short,
            setting.long,
            &setting.value,
            setting.bounds.0,
            setting.bounds.1,
            GucContext::Suset,
            setting.unit,
        );
    }
}
