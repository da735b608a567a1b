//! What update scripts call, so that rows of an earlier release become what this one would have written.

use engine_core::Failure;
use pgrx::pg_extern;

use crate::document::JsonB;

/// Error code, fingerprint and message of a stored error, as `engine.failure` has them. The script drops the function at its end.
#[pg_extern(sql = false)]
fn engine_failure_of(error: JsonB) -> Vec<Option<String>> {
    let failure = Failure::of(Some(&error.0));
    vec![
        failure.error_code,
        Some(failure.fingerprint),
        Some(failure.message),
    ]
}
