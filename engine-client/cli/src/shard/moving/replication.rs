//! Replication of a shard's rows, from one end to the other.

use std::time::Instant;

use super::end::{End, PATIENCE, pause};
use super::goods::Goods;
use crate::failure::Failure;
use crate::statement;

/// How far the first copy has come.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) tables: i64,
    pub(super) copied: i64,
    pub(super) failures: i64,
    /// Of the tables that are being copied.
    rows: i64,
}

impl Progress {
    pub(super) fn is_complete(&self) -> bool {
        self.tables > 0 && self.copied == self.tables
    }

    /// Whether nothing was copied between the two.
    pub(super) fn is_as(&self, before: &Self) -> bool {
        (self.copied, self.rows) == (before.copied, before.rows)
    }
}

impl End {
    /// Publishes the shard's rows, and keeps the WAL with their changes from now on.
    pub(super) async fn publish(&self, goods: &Goods) -> Result<(), Failure> {
        self.unpublish().await?;
        let tables: Vec<String> = goods
            .followed()
            .map(|table| format!("engine.{} where (shard = {})", table.name, self.shard()))
            .collect();
        let name = self.name();
        let publish = format!(
            "create publication {name} for table {} with (publish = 'insert, update, delete')",
            tables.join(", ")
        );
        self.session().batch(&publish).await?;
        let keep = format!("select pg_create_logical_replication_slot('{name}', 'pgoutput')");
        self.session().batch(&keep).await
    }

    pub(super) async fn unpublish(&self) -> Result<(), Failure> {
        let drop = format!("drop publication if exists {}", self.name());
        self.session().batch(&drop).await
    }

    /// Drops the slot, once the server has noticed that nobody reads from it any more.
    pub(super) async fn let_go_of_slot(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            let row = self
                .asked(statement::SHARD_SLOT_DROP, &[self.name()])
                .await?;
            if row["left"] == 0 {
                return Ok(());
            }
            if begun.elapsed() >= PATIENCE {
                return Err(Failure::refused(
                    format!("the replication slot {} is in use", self.name()),
                    "Another subscription reads from it. Drop that, then run the command again.",
                ));
            }
            pause().await;
        }
    }

    /// Copies what the other end publishes, and follows it.
    pub(super) async fn subscribe(&self, connection: &str, source: &Self) -> Result<(), Failure> {
        let name = source.name();
        let subscribe = format!(
            "create subscription {name} connection '{}' publication {name} \
             with (create_slot = false, slot_name = {name})",
            connection.replace('\'', "''")
        );
        self.session().batch(&subscribe).await
    }

    /// Ends that. The slot at the other end stays: whether it is still there does not matter.
    pub(super) async fn unsubscribe(&self) -> Result<(), Failure> {
        if !self.facts().await?.has_subscription {
            return Ok(());
        }
        let name = self.name();
        for command in [
            format!("alter subscription {name} disable"),
            format!("alter subscription {name} set (slot_name = none)"),
            format!("drop subscription {name}"),
        ] {
            self.session().batch(&command).await?;
        }
        Ok(())
    }

    pub(super) async fn synchronized(&self) -> Result<Progress, Failure> {
        let row = self
            .asked(statement::SHARD_SYNCHRONIZED, &[self.name()])
            .await?;
        let count = |key: &str| row[key].as_i64().unwrap_or_default();
        Ok(Progress {
            tables: count("tables"),
            copied: count("copied"),
            failures: count("failures"),
            rows: count("rows"),
        })
    }
}
