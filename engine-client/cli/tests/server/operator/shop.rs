//! The shop at night, and what its operator wants to come of it, whichever way that is done.

use anyhow::{Result, ensure};
use engine_harness::{Database, Session};
use engine_page::SHOP;
use tokio_postgres::types::FromSql;

/// A task that floods its queue.
const FLOOD: &str = "select engine_trigger('flood', queue => 'flood') from generate_series(1, 3)";

/// What is said of each action.
pub const REASON: &str = "INC-2291";

/// How many payments have failed.
pub const FAILED: i64 = 24;

/// A worker that holds runs.
pub const WORKER: &str = "payments-5d7b-9wd2x";

/// A database in which much is wrong.
pub struct Shop {
    pub database: Database,
    pub session: Session,
    /// A run that waits for its child, which tries again later.
    pub waiting: String,
}

impl Shop {
    pub async fn open() -> Result<Self> {
        let database = Database::fresh().await?;
        database.set("engine.queue_max_attempts", "1").await?;
        let session = Session::open(&database).await?;
        session.trigger("import_catalog").await?;
        let dead = session.take().await?;
        session.lapse(&dead.run_id).await?;
        session.tick().await?;
        session.client.batch_execute(SHOP).await?;
        session.client.batch_execute(FLOOD).await?;
        let waiting =
            "select o.run from engine.run_overview as o where o.task = 'fulfil_order' limit 1";
        let waiting = session.client.query_one(waiting, &[]).await?.get(0);
        Ok(Self {
            database,
            session,
            waiting,
        })
    }

    async fn value<T: for<'a> FromSql<'a>>(&self, sql: &str) -> Result<T> {
        Ok(self.session.client.query_one(sql, &[]).await?.try_get(0)?)
    }

    async fn is(&self, condition: &str) -> Result<()> {
        let holds: bool = self.value(&format!("select {condition}")).await?;
        ensure!(holds, "not so: {condition}");
        Ok(())
    }

    /// Ticks until no bulk action is under way; then each has done to so many runs what it should.
    async fn is_done(&self, action: &str, runs: i64) -> Result<()> {
        let running = "engine.bulk where state = 'RUNNING'";
        while self.session.count(running).await? > 0 {
            self.session.tick().await?;
        }
        let done = format!(
            "(select b.done from engine.bulk as b where b.action = '{action}' and b.reason = '{REASON}') = {runs}"
        );
        self.is(&done).await
    }

    pub async fn is_retried(&self) -> Result<()> {
        self.is_done("replay", FAILED).await?;
        let replays = "(select count(*) from engine.run where replayed_from is not null)";
        self.is(&format!("{replays} = {FAILED}")).await
    }

    pub async fn is_stopped(&self) -> Result<()> {
        self.is_done("cancel", 3).await?;
        self.is("not exists (select from engine.run_overview where task = 'flood' and run_status <> 'CANCELED')")
            .await
    }

    pub async fn is_paused(&self) -> Result<()> {
        let by = "is_paused and paused_by = current_user and pause_reason = ";
        self.of_queue(&format!("{by}'{REASON}'")).await
    }

    pub async fn is_resumed(&self) -> Result<()> {
        self.of_queue("not is_paused and pause_reason is null")
            .await
    }

    pub async fn is_limited(&self) -> Result<()> {
        self.of_queue("concurrency_limit = 7").await
    }

    async fn of_queue(&self, condition: &str) -> Result<()> {
        self.is(&format!(
            "(select {condition} from engine.queue_stats where queue = 'payments')"
        ))
        .await
    }

    /// The parent's worker is asked to stop, and does not answer; its child, which waits for its next attempt, ends with it.
    pub async fn is_cancelled_with_its_children(&self) -> Result<()> {
        let parent = &self.waiting;
        self.is(&format!(
            "(select execution_status = 'PENDING_CANCEL' from engine.run_overview where run = '{parent}')"
        ))
        .await?;
        self.session
            .lapse(parent.trim_start_matches("run_"))
            .await?;
        self.session.tick().await?;
        let child = "(select id from engine.run where parent_run_id is not null and task = 'capture_payment')";
        while self
            .value::<bool>(&format!(
                "select run_status <> 'CANCELED' from engine.run_state where run_id = {child}"
            ))
            .await?
        {
            self.session.tick().await?;
        }
        Ok(())
    }

    pub async fn is_redriven(&self) -> Result<()> {
        self.is_done("redrive", 1).await?;
        self.is_back_in_its_queue().await
    }

    /// The dead letter.
    pub async fn is_back_in_its_queue(&self) -> Result<()> {
        self.is("(select run_status = 'PENDING' from engine.run_overview where task = 'import_catalog')")
            .await
    }

    pub async fn has_run_the_report_and_turned_it_off(&self) -> Result<()> {
        self.is("(select count(*) = 1 from engine.run where task = 'nightly_report')")
            .await?;
        self.is("(select not is_active from engine.schedule where id = 'nightly-report')")
            .await
    }
}
