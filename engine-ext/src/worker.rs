//! The background worker: calls the tick, if the library is preloaded.
//!
//! It is a session like any other: it connects as a role of its own, which may only call `engine_tick`, and its errors go to
//! the log. Postgres starts it once recovery has finished, so that it does nothing on a standby until that is promoted, and
//! restarts it when it ends with an error.

#![allow(unsafe_code)]

use std::ffi::{CString, c_int};
use std::time::Duration;

use pgrx::bgworkers::{BackgroundWorkerBuilder, BgWorkerStartTime};
use pgrx::pg_sys::panic::{CaughtError, ErrorReport};
use pgrx::{PgLogLevel, PgSqlErrorCode, PgTryBuilder, pg_sys};

use crate::{backend, guc, store};

/// Items of one tick; a tick that does this many is followed by another one at once.
const MAX_ITEMS: i32 = 1000;

/// Longest pause after failed ticks, milliseconds.
const LONGEST_PAUSE_MS: i64 = 30_000;

/// Delay before Postgres restarts it: its database or its role may not exist yet.
const RESTART: Duration = Duration::from_secs(5);

/// Makes Postgres start the worker, if the library is preloaded and the settings name a database.
pub(crate) fn register() {
    // SAFETY: plain values of this process, set before libraries are loaded.
    let is_preloading = unsafe { pg_sys::process_shared_preload_libraries_in_progress };
    // SAFETY: as above. An upgrade of the whole server starts it, and it must not work then.
    let is_upgrade = unsafe { pg_sys::IsBinaryUpgrade };
    if !is_preloading || is_upgrade || guc::database().is_none() {
        return;
    }
    if guc::role().is_none() {
        complain(
            "the engine's background worker has no role",
            "Set engine.role to a role that may log in and may execute engine_tick, and restart the server.",
        );
        return;
    }
    BackgroundWorkerBuilder::new("engine tick")
        .set_type("engine tick")
        .set_library("engine")
        .set_function("engine_worker_main")
        .set_start_time(BgWorkerStartTime::RecoveryFinished)
        .set_restart_time(Some(RESTART))
        .enable_spi_access()
        .load();
}

/// The worker's process.
#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn engine_worker_main(_argument: pg_sys::Datum) {
    let (Some(database), Some(role)) = (guc::database(), guc::role()) else {
        return;
    };
    connect(&database, &role);
    let mut failures = 0;
    loop {
        reload();
        match tick() {
            Ticked::Refused => return,
            Ticked::Done(items) => {
                failures = 0;
                if items < i64::from(MAX_ITEMS) {
                    backend::latch::sleep_ms(guc::tick_interval_ms());
                }
            }
            Ticked::Failed => {
                failures = (failures + 1).min(16);
                let pause_ms = guc::tick_interval_ms() << failures;
                backend::latch::sleep_ms(pause_ms.min(LONGEST_PAUSE_MS));
            }
        }
        pgrx::check_for_interrupts!();
    }
}

/// Connects to the database as the role.
fn connect(database: &CString, role: &CString) {
    // A role without LOGIN is enough, where Postgres supports that.
    #[cfg(any(feature = "pg17", feature = "pg18"))]
    const FLAGS: u32 = pg_sys::BGWORKER_BYPASS_ROLELOGINCHECK;
    #[cfg(not(any(feature = "pg17", feature = "pg18")))]
    const FLAGS: u32 = 0;
    #[cfg(not(feature = "pg18"))]
    use pg_sys::pqsignal as signal;
    #[cfg(feature = "pg18")]
    use pg_sys::pqsignal_be as signal;
    // Postgres's own handlers: pgrx's go through its guard, which must not be used in a signal handler.
    unsafe extern "C-unwind" {
        fn die(signal: c_int);
        fn SignalHandlerForConfigReload(signal: c_int);
    }
    // SAFETY: the handlers of ordinary sessions: a termination ends a running statement, and a pause.
    unsafe {
        signal(pg_sys::SIGTERM as i32, Some(die));
        signal(pg_sys::SIGHUP as i32, Some(SignalHandlerForConfigReload));
        pg_sys::BackgroundWorkerUnblockSignals();
    }
    // SAFETY: the first action of a worker, with names that outlive the call.
    unsafe {
        pg_sys::BackgroundWorkerInitializeConnection(database.as_ptr(), role.as_ptr(), FLAGS);
    }
    // SAFETY: a literal.
    unsafe { pg_sys::pgstat_report_appname(c"engine tick".as_ptr()) };
}

/// Reloads the settings if that was requested.
fn reload() {
    // SAFETY: set by the signal handler of this process, and read and reset here only.
    unsafe {
        if pg_sys::ConfigReloadPending != 0 {
            pg_sys::ConfigReloadPending = 0;
            pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP);
        }
    }
}

/// The outcome of a tick.
enum Ticked {
    /// This many items were done.
    Done(i64),
    /// An error was logged; everything was rolled back.
    Failed,
    /// The worker's role has too many rights.
    Refused,
}

fn tick() -> Ticked {
    let ticked = PgTryBuilder::new(|| {
        // SAFETY: a separate transaction, committed below; on an error the handler aborts it.
        unsafe {
            pg_sys::SetCurrentStatementStartTimestamp();
            pg_sys::StartTransactionCommand();
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
            pg_sys::pgstat_report_activity(
                pg_sys::BackendState::STATE_RUNNING,
                c"engine_tick()".as_ptr(),
            );
        }
        // SAFETY: reads the catalog's cache, within a transaction.
        let ticked = if unsafe { pg_sys::superuser() } {
            Ticked::Refused
        } else {
            Ticked::Done(store::tick::call(MAX_ITEMS))
        };
        // SAFETY: ends what began above.
        unsafe {
            pg_sys::PopActiveSnapshot();
            pg_sys::CommitTransactionCommand();
        }
        ticked
    })
    .catch_others(|error| {
        log(error);
        Ticked::Failed
    })
    .execute();
    match ticked {
        Ticked::Failed => {
            // SAFETY: the error is caught, and nothing of its transaction is used any more.
            unsafe { pg_sys::AbortCurrentTransaction() };
        }
        Ticked::Refused => complain(
            "the engine's background worker does not work as a superuser",
            "Set engine.role to a role that may execute engine_tick and nothing else, and restart the server.",
        ),
        Ticked::Done(_) => {}
    }
    // SAFETY: outside a transaction, as after a session's statement.
    unsafe {
        pg_sys::pgstat_report_stat(false);
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_IDLE, std::ptr::null());
    }
    ticked
}

/// Writes an error to the server's log with its fields, without raising it.
fn log(error: CaughtError) {
    let report = match &error {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
        CaughtError::RustPanic { ereport, .. } => ereport,
    };
    let message = format!("the engine's tick failed: {}", report.message());
    let mut logged = ErrorReport::new(report.sql_error_code(), message, "");
    if let Some(detail) = report.detail() {
        logged = logged.set_detail(detail);
    }
    if let Some(hint) = report.hint() {
        logged = logged.set_hint(hint);
    }
    logged.report(PgLogLevel::LOG);
}

fn complain(message: &'static str, hint: &'static str) {
    ErrorReport::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message, "")
        .set_hint(hint)
        .report(PgLogLevel::WARNING);
}
