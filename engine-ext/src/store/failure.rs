//! Runs that failed.

use engine_core::{Failure, RunId, Shard};

use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;

statement!(INSERT, "failure_insert.sql");
statement!(DELETE, "failure_delete.sql");

/// Notes these runs as failed: they are locked, or new, and their states say so.
pub(crate) fn insert(shard: Shard, failed: &[(&RunId, Failure)]) {
    if failed.is_empty() {
        return;
    }
    INSERT.execute(arguments!(INSERT {
        shard,
        run_id: column(failed, |(run_id, _)| run_id.as_str()),
        error_code: column(failed, |(_, failure)| failure.error_code.as_deref()),
        fingerprint: column(failed, |(_, failure)| failure.fingerprint.as_str()),
        message: column(failed, |(_, failure)| failure.message.as_str())
    }));
}

/// Forgets that these locked runs failed.
pub(crate) fn delete(shard: Shard, run_ids: &[&RunId]) {
    if !run_ids.is_empty() {
        DELETE.execute(arguments!(DELETE { shard, run_ids }));
    }
}
