//! Keys by which a trigger finds a run that is there.

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

/// A key that a new run wants to have.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) shard: Shard,
    pub(crate) digest: Vec<u8>,
    /// The run that wants it.
    pub(crate) run_id: RunId,
    pub(crate) expires_at: Option<Timestamp>,
}

/// Who has a key.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) run_id: RunId,
    pub(crate) expires_at: Option<Timestamp>,
    /// The run, unless it is gone.
    pub(crate) run: Option<Existing>,
}

/// Takes those keys that no run has; gives the runs that got theirs.
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

/// Who has these keys, in the order given; `None` where nobody has.
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

/// Gives keys to those who want them, each if the run that had it still has it; gives the runs that got theirs.
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

/// Forgets keys that have expired; gives their number.
pub(crate) fn forget(shard: Shard, max_items: i32, now: Timestamp) -> usize {
    FORGET.execute(arguments![shard.number(), time(now), max_items]) as usize
}

/// Forgets a key; tells whether there was one.
pub(crate) fn reset(kind: KeyKind, shard: Shard, digest: Vec<u8>) -> bool {
    RESET.execute(arguments![shard.number(), kind.as_str(), digest]) > 0
}
