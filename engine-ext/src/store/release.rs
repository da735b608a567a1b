//! What a release must know of a run.

use engine_core::Run;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "release_read.sql");

/// Whether a locked run is between two attempts.
pub(crate) fn is_between_attempts(run: &Run) -> bool {
    let arguments = arguments!(READ {
        shard: run.id.shard(),
        run_id: run.id.as_str(),
        snapshot_ordinal: run.snapshot_ordinal
    });
    READ.query(arguments, cell!(READ.is_between))
        .pop()
        .unwrap_or(false)
}
