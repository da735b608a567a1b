//! Removal of runs that have ended, for tests.

use anyhow::Result;
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

    /// Makes every run, batch and waitpoint older by this many days: when it ended, and when it changed last.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn age(&self, days: i32) -> Result<()> {
        let sql = format!(
            "update engine.run_state set completed_at = completed_at - interval '{days} days', \
                    updated_at = updated_at - interval '{days} days'; \
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

    /// The tables that have rows, but for settings: whatever the catalog has, a new table too.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn tables_with_rows(&self) -> Result<Vec<String>> {
        let settings = "{environment,queue,machine,worker,schedule,retention,stretch,event_horizon,event_reader_position}";
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
