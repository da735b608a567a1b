//! Shards: where environments live.

use tokio_postgres::Row;

use crate::{Error, ShardState};

/// A shard, and what a database has on record about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shard {
    /// Its number, from 0 to 1295.
    pub number: u16,
    /// What the database does with it.
    pub state: ShardState,
    /// Where the shard is, if it is not here and the database knows.
    pub place: Option<String>,
}

impl Shard {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        let number: i32 = row.try_get("shard")?;
        Ok(Self {
            number: u16::try_from(number).unwrap_or_default(),
            state: row.try_get("state")?,
            place: row.try_get("place")?,
        })
    }
}
