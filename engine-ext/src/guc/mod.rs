//! Settings. Superusers set them, per database or role with `ALTER … SET`; they are read when the row is written.

mod worker;

use std::ffi::CString;

use engine_core::{
    Backoff, DebounceLimits, Heartbeats, Limits, Machine, Machines, Settings, Spreading, Timestamp,
    WorkerQueueOverrides,
};
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};

pub(crate) use worker::{database, role, tick_interval_ms};

static HEARTBEAT_PENDING_EXECUTING_MS: GucSetting<i32> = GucSetting::<i32>::new(60_000);
static HEARTBEAT_EXECUTING_MS: GucSetting<i32> = GucSetting::<i32>::new(60_000);
static HEARTBEAT_EXECUTING_WITH_WAITPOINTS_MS: GucSetting<i32> = GucSetting::<i32>::new(60_000);
static HEARTBEAT_PENDING_CANCEL_MS: GucSetting<i32> = GucSetting::<i32>::new(60_000);
static HEARTBEAT_SUSPENDED_MS: GucSetting<i32> = GucSetting::<i32>::new(600_000);
static STALLS_ARE_OUT_OF_MEMORY: GucSetting<bool> = GucSetting::<bool>::new(false);
static RETRY_REQUEUE_THRESHOLD_MS: GucSetting<i32> = GucSetting::<i32>::new(30_000);
static QUEUE_MAX_ATTEMPTS: GucSetting<i32> = GucSetting::<i32>::new(12);
static QUEUE_BACKOFF_MIN_MS: GucSetting<i32> = GucSetting::<i32>::new(1_000);
static QUEUE_BACKOFF_MAX_MS: GucSetting<i32> = GucSetting::<i32>::new(3_600_000);
static DEFAULT_MACHINE: GucSetting<MachineName> =
    GucSetting::<MachineName>::new(MachineName::Small1x);
static MAX_PAYLOAD_BYTES: GucSetting<i32> = GucSetting::<i32>::new(3 * 1024 * 1024);
static MAX_METADATA_BYTES: GucSetting<i32> = GucSetting::<i32>::new(256 * 1024);
static MAX_TTL_MS: GucSetting<i32> = GucSetting::<i32>::new(0);
static DEBOUNCE_BUCKET_MS: GucSetting<i32> = GucSetting::<i32>::new(1_000);
static MAX_DEBOUNCE_MS: GucSetting<i32> = GucSetting::<i32>::new(0);
static SCHEDULE_SECRET: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static SCHEDULE_SPREAD: GucSetting<f64> = GucSetting::<f64>::new(0.0);
static SCHEDULE_AHEAD_MS: GucSetting<i32> = GucSetting::<i32>::new(0);
static BASE_COST_IN_CENTS: GucSetting<f64> = GucSetting::<f64>::new(0.0);
static WORKER_QUEUE_OVERRIDES: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(None);
static MAX_BATCH: GucSetting<i32> = GucSetting::<i32>::new(1_000);

/// The names of the presets, as Postgres requires for an enum setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
enum MachineName {
    #[name = c"micro"]
    Micro,
    #[name = c"small-1x"]
    Small1x,
    #[name = c"small-2x"]
    Small2x,
    #[name = c"medium-1x"]
    Medium1x,
    #[name = c"medium-2x"]
    Medium2x,
    #[name = c"large-1x"]
    Large1x,
    #[name = c"large-2x"]
    Large2x,
}

/// The inputs of decisions at `now`; `presets` are the configured machines.
pub(crate) fn settings(now: Timestamp, presets: Vec<(Machine, engine_core::Preset)>) -> Settings {
    let ms = |setting: &GucSetting<i32>| i64::from(setting.get());
    Settings {
        now,
        jitter: rand::random_range(1.0..2.0),
        queue_backoff: Backoff {
            min_ms: ms(&QUEUE_BACKOFF_MIN_MS),
            max_ms: ms(&QUEUE_BACKOFF_MAX_MS),
            factor: 2.0,
        },
        queue_max_attempts: QUEUE_MAX_ATTEMPTS.get(),
        retry_requeue_threshold_ms: ms(&RETRY_REQUEUE_THRESHOLD_MS),
        stalls_are_out_of_memory: STALLS_ARE_OUT_OF_MEMORY.get(),
        heartbeats: Heartbeats {
            pending_executing_ms: ms(&HEARTBEAT_PENDING_EXECUTING_MS),
            executing_ms: ms(&HEARTBEAT_EXECUTING_MS),
            executing_with_waitpoints_ms: ms(&HEARTBEAT_EXECUTING_WITH_WAITPOINTS_MS),
            pending_cancel_ms: ms(&HEARTBEAT_PENDING_CANCEL_MS),
            suspended_ms: ms(&HEARTBEAT_SUSPENDED_MS),
        },
        machines: Machines::built_in(default_machine()).with(presets),
    }
}

/// The machine of a run that names none.
fn default_machine() -> Machine {
    match DEFAULT_MACHINE.get() {
        MachineName::Micro => Machine::Micro,
        MachineName::Small1x => Machine::Small1x,
        MachineName::Small2x => Machine::Small2x,
        MachineName::Medium1x => Machine::Medium1x,
        MachineName::Medium2x => Machine::Medium2x,
        MachineName::Large1x => Machine::Large1x,
        MachineName::Large2x => Machine::Large2x,
    }
}

/// Cost of every dequeue, whatever the run then uses, cents.
pub(crate) fn base_cost_in_cents() -> f64 {
    BASE_COST_IN_CENTS.get()
}

/// The operators' overrides of worker queues; `None` for none. An unreadable value counts as none, and is reported in the
/// server's log: an operator's typo must not stop triggers.
pub(crate) fn worker_queue_overrides() -> Option<WorkerQueueOverrides> {
    let setting = WORKER_QUEUE_OVERRIDES.get()?;
    let text = setting.to_str().unwrap_or_default();
    let overrides = WorkerQueueOverrides::parse(text);
    if overrides.is_none() {
        pgrx::log!(
            "engine.worker_queue_overrides is ignored: it is not an object of maps from texts to names"
        );
    }
    overrides
}

/// Limits on a trigger.
pub(crate) fn trigger_limits() -> Limits {
    let bytes = |setting: &GucSetting<i32>| usize::try_from(setting.get()).unwrap_or(usize::MAX);
    Limits {
        max_payload_bytes: bytes(&MAX_PAYLOAD_BYTES),
        max_metadata_bytes: bytes(&MAX_METADATA_BYTES),
        max_ttl_ms: i64::from(MAX_TTL_MS.get()),
    }
}

/// Limits on a debounce.
pub(crate) fn debounce_limits() -> DebounceLimits {
    DebounceLimits {
        bucket_ms: i64::from(DEBOUNCE_BUCKET_MS.get()),
        max_delay_ms: i64::from(MAX_DEBOUNCE_MS.get()),
    }
}

/// The settings that spread schedules.
pub(crate) fn spreading() -> Spreading {
    let secret = SCHEDULE_SECRET.get();
    Spreading {
        secret: secret.map_or_else(String::new, |secret| secret.to_string_lossy().into_owned()),
        fraction: SCHEDULE_SPREAD.get(),
        ahead_ms: i64::from(SCHEDULE_AHEAD_MS.get()),
    }
}

/// Most elements of one call.
pub(crate) fn max_batch() -> i32 {
    MAX_BATCH.get()
}

/// Defines the settings.
pub(crate) fn register() {
    let integers = [
        (
            c"engine.heartbeat_pending_executing_ms",
            c"Time in which a dequeued run must be started.",
            c"A run that is not started in time is requeued.",
            &HEARTBEAT_PENDING_EXECUTING_MS,
            (1, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.heartbeat_executing_ms",
            c"Time in which a running attempt must beat.",
            c"An attempt that does not beat in time is abandoned, and its run is requeued.",
            &HEARTBEAT_EXECUTING_MS,
            (1, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.heartbeat_executing_with_waitpoints_ms",
            c"Time in which a waiting attempt must beat.",
            c"As engine.heartbeat_executing_ms, while the run waits.",
            &HEARTBEAT_EXECUTING_WITH_WAITPOINTS_MS,
            (1, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.heartbeat_pending_cancel_ms",
            c"Time in which a worker must confirm a cancel.",
            c"Then the run ends cancelled without it.",
            &HEARTBEAT_PENDING_CANCEL_MS,
            (1, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.heartbeat_suspended_ms",
            c"Time after which a suspended run is checked.",
            c"It resumes if everything that it waits for is completed.",
            &HEARTBEAT_SUSPENDED_MS,
            (1, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.retry_requeue_threshold_ms",
            c"Delay from which on a retry goes through the queue.",
            c"After a shorter one the same worker starts the next attempt, and keeps its slot.",
            &RETRY_REQUEUE_THRESHOLD_MS,
            (0, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.queue_max_attempts",
            c"How often a run may be requeued because its worker was lost.",
            c"Then it ends as SYSTEM_FAILURE.",
            &QUEUE_MAX_ATTEMPTS,
            (1, i32::MAX),
            GucFlags::empty(),
        ),
        (
            c"engine.queue_backoff_min_ms",
            c"Shortest delay of a run that no worker started in time.",
            c"It doubles every time the run is requeued.",
            &QUEUE_BACKOFF_MIN_MS,
            (1, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.queue_backoff_max_ms",
            c"Longest delay of a run that no worker started in time.",
            c"",
            &QUEUE_BACKOFF_MAX_MS,
            (1, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.max_payload_bytes",
            c"Largest payload of a run.",
            c"Store larger input elsewhere, with a reference in the payload.",
            &MAX_PAYLOAD_BYTES,
            (0, 512 * 1024 * 1024),
            GucFlags::UNIT_BYTE,
        ),
        (
            c"engine.max_metadata_bytes",
            c"Largest metadata of a run.",
            c"Counted as JSON without spaces.",
            &MAX_METADATA_BYTES,
            (0, 512 * 1024 * 1024),
            GucFlags::UNIT_BYTE,
        ),
        (
            c"engine.max_ttl_ms",
            c"Longest time that a run may wait in its queue before its first dequeue.",
            c"Applies to runs with a longer time to live, and to those without one; 0 for no maximum.",
            &MAX_TTL_MS,
            (0, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.debounce_bucket_ms",
            c"Steps in which debounced runs are postponed.",
            c"Of several triggers within a step one moves the run; 0 for no steps.",
            &DEBOUNCE_BUCKET_MS,
            (0, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.max_debounce_ms",
            c"Longest postponement of a debounced run after its creation.",
            c"Applies to triggers without maxDelay; 0 for no limit.",
            &MAX_DEBOUNCE_MS,
            (0, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.schedule_ahead_ms",
            c"Longest time by which the run of a schedule is made in advance.",
            c"It is dequeued at its time; each schedule has its own moment, so that not all are made at once.",
            &SCHEDULE_AHEAD_MS,
            (0, 30_000),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.max_batch",
            c"Most elements of one call.",
            c"Applies to every function that takes or returns many runs.",
            &MAX_BATCH,
            (1, 100_000),
            GucFlags::empty(),
        ),
    ];
    for (name, short, long, setting, (min, max), flags) in integers {
        GucRegistry::define_int_guc(
            name,
            short,
            long,
            setting,
            min,
            max,
            GucContext::Suset,
            flags,
        );
    }
    worker::register();
    GucRegistry::define_bool_guc(
        c"engine.stalls_are_out_of_memory",
        c"Assumes that a worker that stops beating ran out of memory.",
        c"Its run is then retried on the larger machine of its retry settings, or ends as CRASHED. Not in development.",
        &STALLS_ARE_OUT_OF_MEMORY,
        GucContext::Suset,
        GucFlags::empty(),
    );
    GucRegistry::define_string_guc(
        c"engine.schedule_secret",
        c"Secret that determines the position of each schedule in its window.",
        c"Without one no further schedule is spread.",
        &SCHEDULE_SECRET,
        GucContext::Suset,
        GucFlags::SUPERUSER_ONLY | GucFlags::NO_SHOW_ALL,
    );
    GucRegistry::define_float_guc(
        c"engine.schedule_spread",
        c"Fraction of schedules that begin some time after their ticks instead of at once.",
        c"0 for none, 1 for all.",
        &SCHEDULE_SPREAD,
        0.0,
        1.0,
        GucContext::Suset,
        GucFlags::empty(),
    );
    GucRegistry::define_float_guc(
        c"engine.base_cost_in_cents",
        c"Cost of every dequeue, cents.",
        c"Part of the cost of the run and its events; the usage of attempts is added.",
        &BASE_COST_IN_CENTS,
        0.0,
        // As for a machine: the total stays a number.
        1_000_000.0,
        GucContext::Suset,
        GucFlags::empty(),
    );
    GucRegistry::define_string_guc(
        c"engine.worker_queue_overrides",
        c"Worker queues that replace those that new runs name.",
        c"A JSON object with the optional maps environmentId, projectId, orgId and workerQueue; the first match wins.",
        &WORKER_QUEUE_OVERRIDES,
        GucContext::Suset,
        GucFlags::empty(),
    );
    GucRegistry::define_enum_guc(
        c"engine.default_machine",
        c"Machine preset of a run that names none.",
        c"",
        &DEFAULT_MACHINE,
        GucContext::Suset,
        GucFlags::empty(),
    );
    reserve_prefix();
}

/// Makes a misspelled setting an error instead of a new one.
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
#[allow(unsafe_code)]
fn reserve_prefix() {
    // SAFETY: a literal, read during the call.
    unsafe { pgrx::pg_sys::MarkGUCPrefixReserved(c"engine".as_ptr()) }
}

/// Warns about misspelled settings: all that this server version can do.
#[cfg(any(feature = "pg13", feature = "pg14"))]
#[allow(unsafe_code)]
fn reserve_prefix() {
    // SAFETY: a literal, read during the call.
    unsafe { pgrx::pg_sys::EmitWarningsOnPlaceholders(c"engine".as_ptr()) }
}
