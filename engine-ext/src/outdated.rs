//! Symbols of functions whose parameters have changed since a release. Its catalog calls them until it is updated, with fewer
//! arguments than there are now: nothing here may look at an argument.
//!
//! The function itself is called anew by the release that changed it, as `engine_fail_0_2`, and keeps its name in SQL.

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

outdated!(engine_fail, engine_replay, engine_set_environment);
