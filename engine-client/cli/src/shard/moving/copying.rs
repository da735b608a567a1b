//! The first part of a move, which can be given up.

use std::time::{Duration, Instant};

use super::Moving;
use super::end::pause;
use super::goods::Goods;
use super::replication::Progress;
use super::stage::Stage;
use crate::failure::Failure;

/// How long nothing more may be copied: after a restart of a server it takes a minute to notice that a reader is gone.
const PATIENCE_WITH_COPY: Duration = Duration::from_secs(120);

/// How long a table may be without its slot: it is dropped a moment before the table is done.
const PATIENCE_WITHOUT_SLOT: Duration = Duration::from_secs(5);

impl Moving {
    /// Copies the tables and follows them, as far as that was not done.
    pub(super) async fn copy(&self, stage: Stage, replicate_from: &str) -> Result<Goods, Failure> {
        let goods = Goods::of(self.source.session()).await?;
        if stage == Stage::Fresh {
            self.begin_copy(&goods, replicate_from).await?;
        }
        while !self.is_copied().await? {
            self.say("a server died while a table was finished: the copy begins again")?;
            self.target.unsubscribe().await?;
            self.begin_copy(&goods, replicate_from).await?;
        }
        Ok(goods)
    }

    /// Begins from nothing. An attempt that died may have left some of it, and the shard MOVING.
    async fn begin_copy(&self, goods: &Goods, replicate_from: &str) -> Result<(), Failure> {
        self.source.set("SERVING", None).await?;
        self.source.let_go_of_slots(&self.target).await?;
        self.target.set("AWAY", None).await?;
        self.target.clear(goods).await?;
        self.source.publish(goods).await?;
        self.target.subscribe(replicate_from, &self.source).await?;
        self.say("the other database copies the tables")
    }

    /// Waits until all tables are copied; false if they cannot be, and it has to begin again.
    async fn is_copied(&self) -> Result<bool, Failure> {
        let (mut before, mut since) = (Progress::default(), Instant::now());
        let mut has_slots_at = Instant::now();
        loop {
            let progress = self.target.synchronized().await?;
            if progress.copied != before.copied {
                let (copied, tables) = (progress.copied, progress.tables);
                self.say(&format!("{copied} of {tables} tables are copied"))?;
            }
            if progress.is_complete() {
                return Ok(true);
            }
            // The other server would wait for this one, however long it is gone.
            if !self.source.lacks_slots(&progress).await? {
                has_slots_at = Instant::now();
            }
            if has_slots_at.elapsed() >= PATIENCE_WITHOUT_SLOT {
                return Ok(false);
            }
            // A server that was restarted fails some attempts, and goes on.
            if progress.is_as(&before) && since.elapsed() >= PATIENCE_WITH_COPY {
                return Err(Failure::refused(
                    format!(
                        "the other database copies nothing more, and has failed {} times",
                        progress.failures
                    ),
                    "Its log says why. Mend that, and run the command again; or give the move up with --back.",
                ));
            }
            if !progress.is_as(&before) {
                since = Instant::now();
            }
            before = progress;
            pause().await;
        }
    }

    /// Gives a move up that has not changed hands.
    pub(super) async fn give_up(&self, stage: Stage) -> Result<(), Failure> {
        if matches!(stage, Stage::Served | Stage::Done) {
            return Err(Failure::refused(
                format!(
                    "shard {} is served by the other database",
                    self.source.shard()
                ),
                "Move it back: the same command with the two databases exchanged.",
            ));
        }
        let goods = Goods::of(self.source.session()).await?;
        self.target.unsubscribe().await?;
        self.source.set("SERVING", None).await?;
        self.poolers.release().await?;
        self.source.unpublish().await?;
        self.source.let_go_of_slots(&self.target).await?;
        self.target.set("AWAY", None).await?;
        self.target.clear(&goods).await
    }
}
