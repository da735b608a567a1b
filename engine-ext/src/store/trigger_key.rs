//! Keys by which a trigger finds an existing run.

use engine_core::{KeyKind, RunId, Shard, SnapshotId, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::statement::{Cells, Statement, arguments, statement};
use crate::backend::value::{column, time};
use crate::store::row::{Existing, execution_status, run_status};

static ACQUIRE: Statement = statement!("trigger_key_claim.sql");
static READ: Statement = statement!("trigger_key_read.sql");
static TAKE: Statement = statement!("trigger_key_take.sql");
static FORGET: Statement = statement!("trigger_key_forget.sql");
static RESET: Statement = statement!("trigger_key_reset.sql");

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
        arguments![
            kind.as_str(),
            column(keys, |key| key.shard.number()),
            column(keys, |key| key.digest.clone()),
            column(keys, |key| key.run_id.as_str()),
            column(keys, |key| key.expires_at.map(time)),
        ],
        run_id,
    )
}

/// The owners of these keys, in the given order; `None` for a key without one.
pub(crate) fn owners(kind: KeyKind, keys: &[&Key]) -> Vec<Option<Owner>> {
    READ.query(
        arguments![
            kind.as_str(),
            column(keys, |key| key.shard.number()),
            column(keys, |key| key.digest.clone()),
        ],
        owner,
    )
}

fn owner(cells: &mut Cells) -> Option<Owner> {
    let moment = |cells: &mut Cells| {
        let time = cells.nullable::<TimestampWithTimeZone>()?;
        Some(Timestamp::from_micros(time.into()))
    };
    let run_id = RunId::parse(&cells.nullable::<String>()?);
    let expires_at = moment(cells);
    let run = cells.nullable::<String>().map(|snapshot_id| Existing {
        run_id: run_id.clone(),
        snapshot_id: SnapshotId::parse(&snapshot_id),
        run_status: run_status(&cells.value::<String>()),
        execution_status: execution_status(&cells.value::<String>()),
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
        arguments![
            kind.as_str(),
            column(keys, |(key, _)| key.shard.number()),
            column(keys, |(key, _)| key.digest.clone()),
            column(keys, |(_, owner)| owner.as_str()),
            column(keys, |(key, _)| key.run_id.as_str()),
            column(keys, |(key, _)| key.expires_at.map(time)),
        ],
        run_id,
    )
}

fn run_id(cells: &mut Cells) -> RunId {
    RunId::parse(&cells.value::<String>())
}

/// Deletes keys that have expired; returns their number.
pub(crate) fn forget(shard: Shard, max_items: i32, now: Timestamp) -> usize {
    FORGET.execute(arguments![shard.number(), time(now), max_items]) as usize
}

/// Deletes a key; returns whether it existed.
pub(crate) fn reset(kind: KeyKind, shard: Shard, digest: Vec<u8>) -> bool {
    RESET.execute(arguments![shard.number(), kind.as_str(), digest]) > 0
}
