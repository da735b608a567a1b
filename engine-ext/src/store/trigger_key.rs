//! Keys by which a trigger finds an existing run.

use engine_core::{ExecutionStatus, KeyKind, RunId, Shard, Timestamp};

use crate::backend::cells::{Cells, cell};
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::store::row::Existing;

statement!(ACQUIRE, "trigger_key_claim.sql");
statement!(READ, "trigger_key_read.sql");
statement!(TAKE, "trigger_key_take.sql");
statement!(FORGET, "trigger_key_forget.sql");
statement!(RESET, "trigger_key_reset.sql");

/// A key to take for a new run.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) shard: Shard,
    pub(crate) digest: Vec<u8>,
    /// The run that takes it.
    pub(crate) run_id: RunId,
    pub(crate) expires_at: Option<Timestamp>,
}

/// The owner of a key.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) run_id: RunId,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) run: Existing,
}

/// Takes the keys among these that no run has; returns the runs that took theirs.
pub(crate) fn acquire(kind: KeyKind, keys: &[&Key]) -> Vec<RunId> {
    ACQUIRE.query(
        arguments!(ACQUIRE {
            kind: kind.as_str(),
            shard: column(keys, |key| key.shard),
            digest: column(keys, |key| key.digest.clone()),
            run_id: column(keys, |key| key.run_id.as_str()),
            expires_at: column(keys, |key| key.expires_at)
        }),
        cell!(ACQUIRE.run_id),
    )
}

/// The owners of these keys, in the given order; `None` for a key without one.
pub(crate) fn owners(kind: KeyKind, keys: &[&Key]) -> Vec<Option<Owner>> {
    READ.query(
        arguments!(READ {
            kind: kind.as_str(),
            shard: column(keys, |key| key.shard),
            digest: column(keys, |key| key.digest.clone())
        }),
        owner,
    )
}

fn owner(cells: &Cells<READ>) -> Option<Owner> {
    let run_id: RunId = cell!(cells, READ.run_id as Option<RunId>)?;
    let status = cell!(cells, READ.execution_status as Option<ExecutionStatus>);
    Some(Owner {
        run: Existing {
            run_id: run_id.clone(),
            snapshot_id: cell!(cells, READ.snapshot_id),
            run_status: cell!(cells, READ.run_status),
            execution_status: status.unwrap_or(ExecutionStatus::Finished),
            created_at: cell!(cells, READ.created_at),
            delay_until: cell!(cells, READ.delay_until),
        },
        expires_at: cell!(cells, READ.expires_at),
        run_id,
    })
}

/// Transfers keys, compare-and-set on the current owner. Returns the runs that won.
pub(crate) fn take(kind: KeyKind, keys: &[(&Key, RunId)]) -> Vec<RunId> {
    TAKE.query(
        arguments!(TAKE {
            kind: kind.as_str(),
            shard: column(keys, |(key, _)| key.shard),
            digest: column(keys, |(key, _)| key.digest.clone()),
            owner: column(keys, |(_, owner)| owner.as_str()),
            taker: column(keys, |(key, _)| key.run_id.as_str()),
            expires_at: column(keys, |(key, _)| key.expires_at)
        }),
        cell!(TAKE.run_id),
    )
}

/// Deletes keys that have expired, on all shards but these; returns their number.
pub(crate) fn forget(unserved: &[Shard], max_items: i32, now: Timestamp) -> usize {
    FORGET.execute(arguments!(FORGET {
        now,
        max_items,
        unserved: unserved.to_vec()
    })) as usize
}

/// Deletes a key; returns whether it existed.
pub(crate) fn reset(kind: KeyKind, shard: Shard, digest: Vec<u8>) -> bool {
    RESET.execute(arguments!(RESET {
        shard,
        kind: kind.as_str(),
        digest
    })) > 0
}
