//! Settings. Superusers set them, but for `engine.actor`, per database or role with `ALTER … SET`; they are read when the row is written.

mod integer;
mod machine;
mod worker;

use std::ffi::CString;

use engine_core::{
    Backoff, DebounceLimits, Heartbeats, Limits, Machine, Machines, Settings, Spreading, Timestamp,
    WorkerQueueOverrides,
};
use integer::{
    DEBOUNCE_BUCKET_MS, ENVIRONMENT_SHARDS, HEARTBEAT_EXECUTING_MS,
    HEARTBEAT_EXECUTING_WITH_WAITPOINTS_MS, HEARTBEAT_PENDING_CANCEL_MS,
    HEARTBEAT_PENDING_EXECUTING_MS, HEARTBEAT_SUSPENDED_MS, Integer, MAX_BATCH, MAX_DEBOUNCE_MS,
    MAX_METADATA_BYTES, MAX_PAYLOAD_BYTES, MAX_TTL_MS, QUEUE_BACKOFF_MAX_MS, QUEUE_BACKOFF_MIN_MS,
    QUEUE_MAX_ATTEMPTS, RETRY_REQUEUE_THRESHOLD_MS, SCHEDULE_AHEAD_MS,
};
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};
pub(crate) use worker::{database, role, tick_interval_ms};

static STALLS_ARE_OUT_OF_MEMORY: GucSetting<bool> = GucSetting::<bool>::new(false);
static ALLOW_TEST_CLOCK: GucSetting<bool> = GucSetting::<bool>::new(false);
static ACTOR: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static SCHEDULE_SECRET: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static SCHEDULE_SPREAD: GucSetting<f64> = GucSetting::<f64>::new(0.0);
static BASE_COST_IN_CENTS: GucSetting<f64> = GucSetting::<f64>::new(0.0);
static WORKER_QUEUE_OVERRIDES: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(None);

/// The inputs of decisions at `now`; `presets` are the configured machines.
pub(crate) fn settings(now: Timestamp, presets: Vec<(Machine, engine_core::Preset)>) -> Settings {
    let ms = |setting: &Integer| i64::from(setting.get());
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
        machines: Machines::built_in(machine::default()).with(presets),
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
    let bytes = |setting: &Integer| usize::try_from(setting.get()).unwrap_or(usize::MAX);
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

/// Who acts in this session, in its own words.
pub(crate) fn actor() -> Option<String> {
    let actor = ACTOR.get()?;
    Some(actor.to_string_lossy().into_owned())
}

/// Whether tests may move the clock of the database.
pub(crate) fn allows_test_clock() -> bool {
    ALLOW_TEST_CLOCK.get()
}

/// Number of shards, from the first one on, over which new environments are spread by their names.
pub(crate) fn environment_shards() -> i32 {
    ENVIRONMENT_SHARDS.get()
}

/// Most elements of one call.
pub(crate) fn max_batch() -> i32 {
    MAX_BATCH.get()
}

/// Defines the settings.
pub(crate) fn register() {
    integer::register();
    worker::register();
    GucRegistry::define_bool_guc(
        c"engine.stalls_are_out_of_memory",
        c"Assumes that a worker that stops beating ran out of memory.",
        c"Its run is then retried on the larger machine of its retry settings, or ends as CRASHED. Not in development.",
        &STALLS_ARE_OUT_OF_MEMORY,
        GucContext::Suset,
        GucFlags::empty(),
    );
    GucRegistry::define_bool_guc(
        c"engine.allow_test_clock",
        c"Lets tests move the clock of the database.",
        c"Only in databases for tests: every call then reads how far the clock was moved.",
        &ALLOW_TEST_CLOCK,
        GucContext::Suset,
        GucFlags::empty(),
    );
    GucRegistry::define_string_guc(
        c"engine.actor",
        c"Who acts in this session.",
        c"Actions of a session that says so are noted in engine.audit, with this name beside that of the role.",
        &ACTOR,
        GucContext::Userset,
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
    machine::register();
    reserve_prefix();
}

/// Makes a misspelled setting an error instead of a new one.
#[cfg(not(feature = "pg14"))]
#[allow(unsafe_code)]
fn reserve_prefix() {
    // SAFETY: a literal, read during the call.
    unsafe { pgrx::pg_sys::MarkGUCPrefixReserved(c"engine".as_ptr()) }
}

/// Warns about misspelled settings: all that this server version can do.
#[cfg(feature = "pg14")]
#[allow(unsafe_code)]
fn reserve_prefix() {
    // SAFETY: a literal, read during the call.
    unsafe { pgrx::pg_sys::EmitWarningsOnPlaceholders(c"engine".as_ptr()) }
}
