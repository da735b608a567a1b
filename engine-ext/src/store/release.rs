//! What a release must know of a run.

use engine_core::Run;

use crate::backend::statement::{Cells, Statement, arguments, statement};

static READ: Statement = statement!("release_read.sql");

/// Whether a locked run is between two attempts.
pub(crate) fn is_between_attempts(run: &Run) -> bool {
    let arguments = arguments![
        run.id.shard().number(),
        run.id.as_str(),
        run.snapshot_ordinal
    ];
    READ.query(arguments, Cells::value).pop().unwrap_or(false)
}
