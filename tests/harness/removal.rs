//! Removal of runs that have ended, for tests.

use anyhow::{Context, Result};
use serde_json::json;

use crate::{Held, Session};

impl Session {
    /// Triggers a run, takes it, and completes it; `arguments` is the text between the parentheses of `engine_trigger`.
    ///
    /// # Errors
    /// What the functions raise, or if another run came first.
    pub async fn ended(&self, arguments: &str) -> Result<Held> {
        let run = self.trigger_with(arguments).await?;
        let held = self.take().await?;
        anyhow::ensure!(held.run_id == run.run_id, "another run came first");
        Ok(self.complete(&held, json!({"ok": true})).await?.latest)
    }

    /// Takes the next run, and completes it.
    ///
    /// # Errors
    /// What the functions raise, or if nothing is queued.
    pub async fn end_next(&self) -> Result<Held> {
        let held = self.take().await?;
        Ok(self.complete(&held, json!({"ok": true})).await?.latest)
    }

    /// A run with its latest snapshot.
    ///
    /// # Errors
    /// If there is none.
    pub async fn latest(&self, held: &Held) -> Result<Held> {
        let sql = "select run_id, snapshot_id from engine.run_state where run_id = $1";
        let row = self.client.query_one(sql, &[&held.run_id]).await?;
        Ok(Held {
            run_id: row.get(0),
            snapshot_id: row.get(1),
        })
    }

    /// Has runs end that leave rows in every table that runs write: one waits, is suspended, changes its metadata, has every
    /// kind of key, a child and a batch; another is debounced.
    ///
    /// # Errors
    /// What the functions raise.
    pub async fn run_of_every_kind(&self) -> Result<()> {
        let keys = "'parent', run_id => 'parent', idempotency_key => 'i', one_time_use_token => 'o', ttl => '1h'";
        self.trigger_with(keys).await?;
        let debounced =
            "'debounced', debounce => '{\"key\": \"d\", \"delay\": \"1h\"}', run_id => 'debounced'";
        self.trigger_with(debounced).await?;
        let held = self.take().await?;
        let token = self.token().await?;
        let blocked = self.block(&held.run_id, &[&token]).await?;
        self.suspend(&blocked.held, "why").await?;
        self.complete_waitpoint(&token).await?;
        let due = self.dequeue().await?.context("it resumes")?;
        let held = self.resume(&due).await?;
        // A checkpoint that comes too late is a notice.
        self.checkpoint(&due, "late").await?;
        let child = "'child', parent_run_id => 'parent', resume_parent => true, run_id => 'child'";
        self.trigger_with(child).await?;
        self.end_next().await?;
        let batch = self
            .create_batch("1, parent_run_id => 'parent', resume_parent => true")
            .await?;
        self.add_to_batch(&batch, json!([{"task": "item"}])).await?;
        self.end_next().await?;
        self.lapse_timers().await?;
        self.tick().await?;
        self.cancel("'debounced'").await?;
        self.complete(&self.latest(&held).await?, json!({"ok": true}))
            .await?;
        self.check().await
    }

    /// Makes every run, batch and waitpoint older by this many days: when it ended, and when it changed last.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn age(&self, days: i32) -> Result<()> {
        let sql = format!(
            "update engine.run_state set completed_at = completed_at - interval '{days} days', \
                    updated_at = updated_at - interval '{days} days'; \
             update engine.failure set failed_at = failed_at - interval '{days} days'; \
             update engine.batch set completed_at = completed_at - interval '{days} days', \
                    created_at = created_at - interval '{days} days'; \
             update engine.waitpoint set completed_at = completed_at - interval '{days} days', \
                    created_at = created_at - interval '{days} days'"
        );
        Ok(self.client.batch_execute(&sql).await?)
    }

    /// Calls `engine_sweep`; returns how many runs it removed.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn sweep(&self) -> Result<i32> {
        let row = self.client.query_one("select engine_sweep()", &[]).await?;
        Ok(row.get(0))
    }

    /// Whether a run exists.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn exists(&self, run_id: &str) -> Result<bool> {
        let run = format!("engine.run where id = '{run_id}'");
        Ok(self.count(&run).await? > 0)
    }

    /// The tables that have rows, but for settings and what is noted of no single run: whatever the catalog has, a new table too.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn tables_with_rows(&self) -> Result<Vec<String>> {
        let settings = "{environment,queue,machine,worker,worker_report,schedule,retention,stretch,event_horizon,event_reader_position,minute,minute_mark}";
        let sql = "select format('select %L from engine.%I having count(*) > 0', relname, relname) \
                   from pg_class where relnamespace = 'engine'::regnamespace and relkind in ('r', 'p') \
                       and relname <> all ($1::text::text[]) order by relname";
        let reads = self.client.query(sql, &[&settings]).await?;
        let reads: Vec<String> = reads.iter().map(|row| row.get(0)).collect();
        let sql = reads.join(" union all ");
        let rows = self.client.query(&sql, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}
