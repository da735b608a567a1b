//! Settings of the background worker.

use std::ffi::CString;

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

static DATABASE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static ROLE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static TICK_INTERVAL_MS: GucSetting<i32> = GucSetting::<i32>::new(1_000);

/// The database of the background worker.
pub(crate) fn database() -> Option<CString> {
    DATABASE.get().filter(|name| !name.is_empty())
}

/// The role of the background worker.
pub(crate) fn role() -> Option<CString> {
    ROLE.get().filter(|name| !name.is_empty())
}

/// The pause of the background worker between ticks, milliseconds.
pub(crate) fn tick_interval_ms() -> i64 {
    i64::from(TICK_INTERVAL_MS.get())
}

/// Defines the settings.
pub(super) fn register() {
    let texts = [
        (
            c"engine.database",
            c"Database in which the background worker calls the tick.",
            c"Read when the server starts with the library preloaded; empty for no worker.",
            &DATABASE,
        ),
        (
            c"engine.role",
            c"Role as which the background worker calls the tick.",
            c"It needs LOGIN and the right to execute engine_tick, and must not be a superuser.",
            &ROLE,
        ),
    ];
    for (name, short, long, setting) in texts {
        GucRegistry::define_string_guc(
            name,
            short,
            long,
            setting,
            GucContext::Sighup,
            GucFlags::empty(),
        );
    }
    GucRegistry::define_int_guc(
        c"engine.tick_interval_ms",
        c"Pause of the background worker between ticks.",
        c"While much is due, ticks follow each other without a pause.",
        &TICK_INTERVAL_MS,
        1,
        3_600_000,
        GucContext::Sighup,
        GucFlags::UNIT_MS,
    );
}
