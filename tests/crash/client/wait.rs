//! Waitpoints that nobody has to wait for, and those that runs wait for.

use rand::RngExt;

use crate::caller::Caller;
use crate::line::Answer;

impl Caller {
    pub async fn waitpoint(&mut self) {
        let key = format!("wait-{}-{}", self.name, self.rng.random::<u32>());
        let sql = if self.one_in(2) {
            format!(
                "engine_create_manual_waitpoint(clock_timestamp() + interval '3 s', idempotency_key => '{key}')"
            )
        } else {
            format!(
                "engine_create_datetime_waitpoint(clock_timestamp() + interval '200 ms', idempotency_key => '{key}')"
            )
        };
        let create = format!("select waitpoint_id from {sql}");
        if let Some(row) = self.line.ask(&create).await.row() {
            self.journal
                .note(&format!("waitpoint {}", row["waitpoint_id"]));
        }
    }

    /// Completes a waitpoint that is pending, whichever session or handler created it.
    pub async fn complete_waitpoint(&mut self) {
        let look = "select id from engine.waitpoint where status = 'PENDING' and type = 'MANUAL' order by random() limit 1";
        let Some(row) = self.line.call(look).await.row() else {
            return;
        };
        let (waitpoint, output) = (&row["id"], self.rng.random::<u32>());
        let complete = format!(
            "select already_completed from engine_complete_waitpoint('{waitpoint}', '{output}')"
        );
        if let Answer::Rows(rows) = self.line.call(&complete).await
            && rows.iter().any(|row| row["already_completed"] == "f")
        {
            self.journal.note(&format!("output {waitpoint} {output}"));
        }
    }

    /// Makes an attempt wait for something; returns whether it does.
    pub async fn wait_in(&mut self, run: &str, snapshot: &str) -> bool {
        let key = format!("{run}-{snapshot}");
        match self.rng.random_range(0..3) {
            0 => {
                let create = format!(
                    "select waitpoint_id from engine_create_datetime_waitpoint(clock_timestamp() + interval '100 ms', idempotency_key => '{key}')"
                );
                let Some(row) = self.line.ask(&create).await.row() else {
                    return false;
                };
                let block = format!(
                    "select snapshot_id from engine_block('{run}', '{{{}}}', snapshot_id => '{snapshot}', {})",
                    row["waitpoint_id"],
                    self.identity()
                );
                matches!(self.line.ask(&block).await, Answer::Rows(_))
            }
            1 => {
                let child = format!(
                    "select run_id, is_cached from engine_trigger('raw', worker_queue => 'raw', max_attempts => 200, parent_run_id => '{run}', \
                     resume_parent => true, idempotency_key => '{key}')"
                );
                let answer = self.line.ask(&child).await;
                if let Answer::Rows(rows) = &answer {
                    self.acknowledge(rows, true);
                }
                matches!(answer, Answer::Rows(_))
            }
            _ => self.wait_for_batch(run, &key).await,
        }
    }

    async fn wait_for_batch(&mut self, run: &str, key: &str) -> bool {
        let create = format!(
            "select batch_id from engine_create_batch(2, parent_run_id => '{run}', resume_parent => true, idempotency_key => '{key}', \
             expires_at => clock_timestamp() + interval '5 s', {})",
            self.identity()
        );
        let Some(row) = self.line.ask(&create).await.row() else {
            return false;
        };
        let batch = &row["batch_id"];
        let item = r#"{"task": "raw", "worker_queue": "raw", "max_attempts": 200}"#;
        let add = format!("select run_id from engine_add_to_batch('{batch}', '[{item}, {item}]')");
        if let Answer::Rows(rows) = self.line.ask(&add).await {
            self.acknowledge(&rows, true);
        }
        true
    }
}
