//! The shard changes hands: the only part of a move in which calls are refused, or wait at a pooler.

use std::time::{Duration, Instant};

use tokio_postgres::types::{Json, Type};

use super::Moving;
use super::end::pause;
use super::goods::Goods;
use crate::failure::Failure;
use crate::form;
use crate::shard::right::Rights;
use crate::statement;
use crate::table::Row;

impl Moving {
    /// Lets the target serve the shard, once it has all; returns how long calls were held up. If that takes longer than
    /// `patience`, the source serves it again.
    pub(super) async fn hand_over(
        &self,
        goods: &Goods,
        place: &str,
        patience: Duration,
    ) -> Result<Duration, Failure> {
        let start = Instant::now();
        if let Err(failure) = self.stop_calls(place).await {
            self.poolers.release().await?;
            return Err(failure);
        }
        self.say("the shard changes hands")?;
        let target = self.target.session();
        let filled = match self.follow_up(start + patience).await {
            Ok(()) => self.fill(goods).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = filled {
            // What it did not commit is gone in any case.
            let _ = target.batch("rollback").await;
            self.source.set("SERVING", None).await?;
            self.poolers.release().await?;
            return Err(failure);
        }
        // If the answer is lost, the same command finds out.
        target.batch("commit").await?;
        self.source.set("AWAY", Some(place)).await?;
        self.say("the other database serves the shard")?;
        Ok(start.elapsed())
    }

    /// Has calls wait at the poolers, and refuses those that come by another way.
    async fn stop_calls(&self, place: &str) -> Result<(), Failure> {
        self.poolers.hold().await?;
        self.source.set("MOVING", Some(place)).await
    }

    /// Waits until nothing writes to the shard any more, and the target has what was written.
    async fn follow_up(&self, until: Instant) -> Result<(), Failure> {
        let source = self.source.session();
        let moment = source.row(statement::SHARD_MOMENT, &[]).await?;
        let begun = form::text(&moment["at"]);
        loop {
            let writers = self
                .source
                .asked(statement::SHARD_WRITER, &[&begun])
                .await?;
            if writers["count"] == 0 {
                break;
            }
            if Instant::now() >= until {
                return Err(held_up(&writers));
            }
            pause().await;
        }
        let moment = source.row(statement::SHARD_MOMENT, &[]).await?;
        let position = form::text(&moment["position"]);
        loop {
            let asked = [self.source.name(), &position];
            let row = self
                .source
                .asked(statement::SHARD_CAUGHT_UP, &asked)
                .await?;
            if row["is_caught_up"] == true {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(Failure::refused(
                    format!("the other database lacks {} bytes of WAL yet", row["bytes"]),
                    "The shard is served here again. Run the command again when there is less to do, or with more --patience.",
                ));
            }
            pause().await;
        }
    }

    /// Begins a transaction of the target that copies what replication does not follow, and lets it serve the shard.
    async fn fill(&self, goods: &Goods) -> Result<(), Failure> {
        let target = self.target.session();
        let position = self
            .source
            .session()
            .row(statement::SHARD_EVENT_POSITION, &[])
            .await?;
        let position = position["position"].as_i64().unwrap_or_default();
        let machines = self
            .source
            .session()
            .row(statement::SHARD_MACHINE_READ, &[])
            .await?;
        target.batch("begin").await?;
        for table in goods.copied() {
            let rows = self.source.read(table).await?;
            self.target.write(table, &rows).await?;
        }
        let environment_ids = self.source.facts().await?.environment_ids;
        let rights = Rights::of(self.source.session(), &environment_ids).await?;
        rights.grant(target).await?;
        let machines = [(&Json(&machines["rows"]) as _, Type::JSONB)];
        target
            .execute(statement::SHARD_MACHINE_ADD, &machines)
            .await?;
        let position = [(&position as _, Type::INT8)];
        target
            .row(statement::SHARD_EVENT_POSITION_RAISE, &position)
            .await?;
        self.target.set("SERVING", None).await
    }

    /// Removes what is left of the shard where it was.
    pub(super) async fn leave(&self, place: &str) -> Result<(), Failure> {
        self.source.set("AWAY", Some(place)).await?;
        // First: what is removed here must not be removed there.
        self.target.unsubscribe().await?;
        self.source.let_go_of_slots(&self.target).await?;
        self.source.unpublish().await?;
        self.say("what is left here is removed")?;
        let goods = Goods::of(self.source.session()).await?;
        self.source.clear(&goods).await
    }
}

fn held_up(writers: &Row) -> Failure {
    let (count, pid, since) = (&writers["count"], &writers["pid"], &writers["since"]);
    Failure::refused(
        format!(
            "{count} transactions that began before may still write to the shard, one of process {pid} since {since}"
        ),
        "The shard is served here again. End them (a prepared one has no process), then run the command again.",
    )
}
