//! Settings. Superusers set them, per database or role with `ALTER … SET`; they are read when the row is written.

use engine_core::{Backoff, ExecutionStatus, Limits, Machine};
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};

static HEARTBEAT_PENDING_EXECUTING_MS: GucSetting<i32> = GucSetting::<i32>::new(60_000);
static HEARTBEAT_EXECUTING_MS: GucSetting<i32> = GucSetting::<i32>::new(60_000);
static QUEUE_MAX_ATTEMPTS: GucSetting<i32> = GucSetting::<i32>::new(12);
static QUEUE_BACKOFF_MIN_MS: GucSetting<i32> = GucSetting::<i32>::new(1_000);
static QUEUE_BACKOFF_MAX_MS: GucSetting<i32> = GucSetting::<i32>::new(3_600_000);
static DEFAULT_MACHINE: GucSetting<MachineName> =
    GucSetting::<MachineName>::new(MachineName::Small1x);
static MAX_PAYLOAD_BYTES: GucSetting<i32> = GucSetting::<i32>::new(3 * 1024 * 1024);
static MAX_BATCH: GucSetting<i32> = GucSetting::<i32>::new(1_000);

/// The names of the presets, as Postgres wants an enum setting to have them.
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

/// How long a run in `status` may stay without a beat, milliseconds; 0 for a status that nobody watches yet.
pub(crate) fn heartbeat_ms(status: ExecutionStatus) -> i64 {
    use ExecutionStatus::*;
    match status {
        PendingExecuting => i64::from(HEARTBEAT_PENDING_EXECUTING_MS.get()),
        Executing => i64::from(HEARTBEAT_EXECUTING_MS.get()),
        RunCreated
        | Delayed
        | Queued
        | QueuedExecuting
        | ExecutingWithWaitpoints
        | Suspended
        | PendingCancel
        | Finished => 0,
    }
}

/// How often a run may come back into its queue unfinished.
pub(crate) fn queue_max_attempts() -> i32 {
    QUEUE_MAX_ATTEMPTS.get()
}

/// The delays before it does.
pub(crate) fn queue_backoff() -> Backoff {
    Backoff {
        min_ms: i64::from(QUEUE_BACKOFF_MIN_MS.get()),
        max_ms: i64::from(QUEUE_BACKOFF_MAX_MS.get()),
    }
}

/// The machine of a run that names none.
pub(crate) fn default_machine() -> Machine {
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

/// Limits on a trigger.
pub(crate) fn trigger_limits() -> Limits {
    Limits {
        max_payload_bytes: usize::try_from(MAX_PAYLOAD_BYTES.get()).unwrap_or(usize::MAX),
    }
}

/// The most elements of one call.
pub(crate) fn max_batch() -> i32 {
    MAX_BATCH.get()
}

/// Tells Postgres about the settings.
pub(crate) fn register() {
    let integers = [
        (
            c"engine.heartbeat_pending_executing_ms",
            c"Time in which a dequeued run must be started.",
            c"A run that is not started in time goes back into its queue.",
            &HEARTBEAT_PENDING_EXECUTING_MS,
            (1, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.heartbeat_executing_ms",
            c"Time in which a running attempt must beat.",
            c"An attempt that does not beat in time is given up, and its run goes back into its queue.",
            &HEARTBEAT_EXECUTING_MS,
            (1, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.queue_max_attempts",
            c"How often a run may come back into its queue unfinished.",
            c"Then it ends as SYSTEM_FAILURE.",
            &QUEUE_MAX_ATTEMPTS,
            (1, i32::MAX),
            GucFlags::empty(),
        ),
        (
            c"engine.queue_backoff_min_ms",
            c"Shortest delay of a run that no worker started in time.",
            c"It doubles with every time that the run comes back.",
            &QUEUE_BACKOFF_MIN_MS,
            (0, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.queue_backoff_max_ms",
            c"Longest delay of a run that no worker started in time.",
            c"",
            &QUEUE_BACKOFF_MAX_MS,
            (0, i32::MAX),
            GucFlags::UNIT_MS,
        ),
        (
            c"engine.max_payload_bytes",
            c"Largest payload of a run.",
            c"Larger input belongs into a store of its own, with a reference in the payload.",
            &MAX_PAYLOAD_BYTES,
            (0, 512 * 1024 * 1024),
            GucFlags::UNIT_BYTE,
        ),
        (
            c"engine.max_batch",
            c"Most elements of one call.",
            c"Holds for every function that takes or returns many runs.",
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

/// Makes a misspelt setting an error instead of a new one.
#[cfg(not(any(feature = "pg13", feature = "pg14")))]
#[allow(unsafe_code)]
fn reserve_prefix() {
    // SAFETY: a literal, read during the call.
    unsafe { pgrx::pg_sys::MarkGUCPrefixReserved(c"engine".as_ptr()) }
}

/// Says so where a misspelt setting was given: all that this server can do.
#[cfg(any(feature = "pg13", feature = "pg14"))]
#[allow(unsafe_code)]
fn reserve_prefix() {
    // SAFETY: a literal, read during the call.
    unsafe { pgrx::pg_sys::EmitWarningsOnPlaceholders(c"engine".as_ptr()) }
}
