//! Symbols of functions whose parameters have changed since a release. That release's catalog calls them until it is
//! updated, with fewer arguments than today: nothing here may read an argument.
//!
//! The current function has a new symbol, with the version that changed it, such as `engine_fail_0_2`, and keeps its name in
//! SQL.

use pgrx::pg_extern;

use crate::error::OrRaise;
use crate::version;

macro_rules! outdated {
    ($($name:ident),* $(,)?) => {
        $(
            #[pg_extern(sql = false)]
            fn $name() {
                Err(version::mismatch()).or_raise()
            }
        )*
    };
}

outdated!(
    engine_block,
    engine_events,
    engine_fail,
    engine_replay,
    engine_set_environment,
    engine_set_queue,
    engine_start_attempt,
    engine_start_many,
    engine_trigger,
);
