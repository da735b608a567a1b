//! What is known of a run that its worker gives back.

use engine_core::{Release, Run};

use super::delay;
use super::statement::{Cells, Statement, arguments, statement};

static READ: Statement = statement!("release_read.sql");

/// Where a locked run stood in its queue, and whether it is between two attempts.
pub(crate) fn read(run: &Run) -> Release {
    let arguments = arguments![
        run.id.shard().number(),
        run.id.as_str(),
        run.snapshot_ordinal
    ];
    let is_between_attempts = READ.query(arguments, Cells::value).pop();
    Release {
        timing: delay::timing(run),
        is_between_attempts: is_between_attempts.unwrap_or(false),
    }
}
