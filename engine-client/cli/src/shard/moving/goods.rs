//! What belongs to a shard, as the catalog tells it.

use crate::failure::Failure;
use crate::session::Session;
use crate::statement;

/// Environments stay known where they were, so that calls which name them are told where they are.
const ENVIRONMENT: &str = "environment";

/// A table with what belongs to a shard.
pub(super) struct Table {
    pub(super) name: String,
    /// All but those that are generated, with commas.
    pub(super) columns: String,
    has_shard: bool,
    is_followed: bool,
}

impl Table {
    /// Which rows belong to a shard. The table is called `t`.
    pub(super) fn condition(&self, shard: u16) -> String {
        if self.has_shard {
            return format!("t.shard = {shard}");
        }
        format!(
            "t.environment_id in (select e.id from engine.environment as e where e.shard = {shard})"
        )
    }
}

/// The tables with what belongs to a shard.
pub(super) struct Goods(Vec<Table>);

impl Goods {
    pub(super) async fn of(session: &Session) -> Result<Self, Failure> {
        let rows = session.rows(statement::SHARD_TABLE, &[]).await?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let tables = rows.iter().map(|row| Table {
            name: text(&row["name"]),
            columns: text(&row["columns"]),
            has_shard: row["has_shard"] == true,
            is_followed: row["is_followed"] == true,
        });
        Ok(Self(tables.collect()))
    }

    /// All but the environments.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.0.iter().filter(|table| table.name != ENVIRONMENT)
    }

    /// Those that replication follows.
    pub(super) fn followed(&self) -> impl Iterator<Item = &Table> {
        self.0.iter().filter(|table| table.is_followed)
    }

    /// Those that are copied at once, the environments first: the others are found by them.
    pub(super) fn copied(&self) -> impl Iterator<Item = &Table> {
        let copied = |table: &&Table| !table.is_followed;
        let environments = self.0.iter().filter(|table| table.name == ENVIRONMENT);
        environments.chain(self.tables().filter(copied))
    }
}
