//! Keys by which a trigger finds an existing run.

use engine_core::{KeyKind, RunId, Shard, SnapshotId, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::cells::Cells;
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
    /// The run, unless it is gone.
    pub(crate) run: Option<Existing>,
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
        run_id,
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

fn owner(cells: &mut Cells) -> Option<Owner> {
    let moment = |cells: &mut Cells| {
        let time = cells.nullable::<TimestampWithTimeZone>()?;
        Some(Timestamp::from_micros(time.into()))
    };
    let run_id: RunId = cells.nullable()?;
    let expires_at = moment(cells);
    let run = cells.nullable::<String>().map(|snapshot_id| Existing {
        run_id: run_id.clone(),
        snapshot_id: SnapshotId::parse(&snapshot_id),
        run_status: cells.value(),
        execution_status: cells.value(),
        created_at: cells.value(),
        delay_until: moment(cells),
    });
    Some(Owner {
        run_id,
        expires_at,
        run,
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
        run_id,
    )
}

fn run_id(cells: &mut Cells) -> RunId {
    cells.value()
}

/// Deletes keys that have expired; returns their number.
pub(crate) fn forget(shard: Shard, max_items: i32, now: Timestamp) -> usize {
    FORGET.execute(arguments!(FORGET {
        shard,
        now,
        max_items
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
