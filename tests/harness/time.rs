//! Moves the clock for one run.

use anyhow::Result;

use crate::Session;

impl Session {
    /// Lets the heartbeat deadline of a run pass.
    ///
    /// # Errors
    /// If the run has no deadline.
    pub async fn lapse(&self, run_id: &str) -> Result<()> {
        let sql = "update engine.heartbeat \
                   set check_at = now(), deadline_at = now() \
                   where run_id = $1";
        let moved = self.client.execute(sql, &[&run_id]).await?;
        anyhow::ensure!(moved == 1, "run {run_id} has no heartbeat deadline");
        Ok(())
    }

    /// Makes a queued run due.
    ///
    /// # Errors
    /// If the run is not queued.
    pub async fn make_due(&self, run_id: &str) -> Result<()> {
        let sql = "update engine.queue_item set available_at = clock_timestamp() where run_id = $1";
        let moved = self.client.execute(sql, &[&run_id]).await?;
        anyhow::ensure!(moved == 1, "run {run_id} is not queued");
        Ok(())
    }

    /// Lets the delay of a run end.
    ///
    /// # Errors
    /// If the run does not wait for one.
    pub async fn bring_on(&self, run_id: &str) -> Result<()> {
        let sql = "with timer as (update engine.timer set due_at = clock_timestamp() \
                                  where kind = 'END_DELAY' and id = $1) \
                   update engine.run set delay_until = clock_timestamp(), queue_timestamp = clock_timestamp() \
                   where id = $1 and delay_until is not null";
        let moved = self.client.execute(sql, &[&run_id]).await?;
        anyhow::ensure!(moved == 1, "run {run_id} waits for no time");
        Ok(())
    }

    /// Lets the time to live of a queued run pass.
    ///
    /// # Errors
    /// If the run does not expire.
    pub async fn outlive(&self, run_id: &str) -> Result<()> {
        let sql = "update engine.queue_item set expires_at = clock_timestamp() \
                   where run_id = $1 and expires_at is not null";
        let moved = self.client.execute(sql, &[&run_id]).await?;
        anyhow::ensure!(moved == 1, "run {run_id} does not expire");
        Ok(())
    }
}
