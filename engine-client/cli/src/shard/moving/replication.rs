//! Replication of a shard's rows, from one end to the other.

use std::time::Instant;

use tokio_postgres::types::Type;

use super::end::{End, PATIENCE, pause, texts};
use super::goods::Goods;
use crate::failure::Failure;
use crate::form;
use crate::session::Parameter;
use crate::statement;

/// How far the first copy has come.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) tables: i64,
    pub(super) copied: i64,
    pub(super) failures: i64,
    /// Of the tables that are being copied.
    rows: i64,
    /// At the other end, of tables that catch up.
    slots: Vec<String>,
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

    /// Drops the slots that the other end has read from, once the server has noticed that nobody does any more.
    pub(super) async fn let_go_of_slots(&self, target: &Self) -> Result<(), Failure> {
        let subscriber = target
            .session()
            .row(statement::SHARD_SUBSCRIBER, &[])
            .await?;
        let system = form::text(&subscriber["system"]);
        let subscriptions = texts(&subscriber["subscriptions"]);
        let parameters: [Parameter<'_>; 3] = [
            (&self.name() as _, Type::TEXT),
            (&system as _, Type::TEXT),
            (&subscriptions as _, Type::TEXT_ARRAY),
        ];
        let begun = Instant::now();
        loop {
            let row = self
                .session()
                .row(statement::SHARD_SLOT_DROP, &parameters)
                .await?;
            if row["left"] == 0 {
                return Ok(());
            }
            if begun.elapsed() >= PATIENCE {
                return Err(Failure::refused(
                    format!(
                        "the replication slot {} is in use",
                        form::text(&row["name"])
                    ),
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

    /// Whether a table cannot catch up: its slot is gone here. A server that dies while the slot is dropped leaves it so, and Postgres
    /// tries again for ever.
    pub(super) async fn lacks_slots(&self, progress: &Progress) -> Result<bool, Failure> {
        let slots = [(&progress.slots as _, Type::TEXT_ARRAY)];
        let row = self
            .session()
            .row(statement::SHARD_SLOT_MISSING, &slots)
            .await?;
        Ok(row["count"] != 0)
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
            slots: texts(&row["slots"]),
        })
    }
}
