//! A worker that makes its calls one by one, and asks again for every answer that it has lost.

use rand::RngExt;

use crate::caller::Caller;
use crate::line::{Answer, Row};

/// What else it dequeues with: the runs of this environment wait for a version.
const VERSIONED: &str = ", environment_id => 'versioned', worker_version => '20250101.1'";

impl Caller {
    pub async fn attempt(&mut self) {
        let only = if self.one_in(4) { VERSIONED } else { "" };
        let dequeue = format!(
            "select run_id, snapshot_id, checkpoint from engine_dequeue('raw', 2, {}{only})",
            self.identity()
        );
        let Answer::Rows(rows) = self.line.call(&dequeue).await else {
            return;
        };
        for row in rows {
            if self.one_in(15) {
                // Lost before it has begun.
                continue;
            }
            if self.one_in(15) {
                self.release(&row).await;
                continue;
            }
            self.execute(row).await;
        }
    }

    async fn execute(&mut self, dequeued: Row) {
        let name = if dequeued.contains_key("checkpoint") {
            "engine_continue"
        } else {
            "engine_start_attempt"
        };
        let Some(started) = self.at(name, &dequeued).await else {
            return;
        };
        if started["execution_status"] != "EXECUTING" {
            return;
        }
        match self.rng.random_range(0..12) {
            0 => {}
            1 => {
                self.release(&started).await;
            }
            2 => {
                if let Some(beaten) = self.at("engine_heartbeat", &started).await {
                    self.end(&beaten).await;
                }
            }
            3..6 if name == "engine_start_attempt" => self.wait(&started).await,
            _ => self.end(&started).await,
        }
    }

    /// A call about a run, with its snapshot.
    async fn at(&mut self, name: &str, row: &Row) -> Option<Row> {
        let (run, snapshot) = (&row["run_id"], &row["snapshot_id"]);
        let sql = format!(
            "select run_id, snapshot_id, execution_status, attempt_number from {name}('{run}', '{snapshot}', {})",
            self.identity()
        );
        self.line.ask(&sql).await.row()
    }

    async fn release(&mut self, row: &Row) {
        self.at("engine_release", row).await;
    }

    /// Waits, then is suspended: another session continues it.
    async fn wait(&mut self, started: &Row) {
        let run = &started["run_id"];
        if !self.wait_in(run, &started["snapshot_id"]).await {
            return;
        }
        let Some(waiting) = self.at("engine_heartbeat", started).await else {
            return;
        };
        if waiting["execution_status"] == "EXECUTING" {
            return self.end(&waiting).await;
        }
        let suspend = format!(
            "select ok from engine_create_checkpoint('{run}', '{}', 'DOCKER', 'here', {})",
            waiting["snapshot_id"],
            self.identity()
        );
        self.line.ask(&suspend).await;
    }

    /// Has its effect, then tells how it ended.
    async fn end(&mut self, started: &Row) {
        let (run, attempt) = (&started["run_id"], &started["attempt_number"]);
        self.take_effect(run, attempt).await;
        let completion = match self.rng.random_range(0..8) {
            0 => {
                r#"{"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": {"delay": 0}}"#
            }
            1 => r#"{"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}}"#,
            2 => r#"{"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": null}"#,
            _ => r#"{"ok": true, "output": "1"}"#,
        };
        let sql = format!(
            "select run_id, snapshot_id, execution_status, attempt_status from engine_complete_attempt('{run}', '{}', '{completion}', {})",
            started["snapshot_id"],
            self.identity()
        );
        let Some(ended) = self.line.ask(&sql).await.row() else {
            return;
        };
        self.acknowledge_end(&ended);
        if ended["attempt_status"] == "RETRY_IMMEDIATELY"
            && let Some(again) = self.at("engine_start_attempt", &ended).await
            && again["execution_status"] == "EXECUTING"
        {
            let attempt = again["attempt_number"].clone();
            self.take_effect(run, &attempt).await;
            let sql = format!(
                "select run_id, snapshot_id, execution_status from engine_succeed('{run}', '{}')",
                again["snapshot_id"]
            );
            if let Some(ended) = self.line.call(&sql).await.row() {
                self.acknowledge_end(&ended);
            }
        }
    }

    /// Writes the token of this attempt, once however often it asks.
    pub async fn take_effect(&mut self, run: &str, attempt: &str) {
        let token = self.rng.random::<u64>();
        let sql = format!(
            "insert into public.effect (run_id, attempt, token) values ('{run}', {attempt}, '{token}') on conflict do nothing"
        );
        self.line.ask(&sql).await;
    }

    pub fn acknowledge_end(&self, row: &Row) {
        if row
            .get("execution_status")
            .is_some_and(|status| status == "FINISHED")
        {
            self.journal.note(&format!("end {}", row["run_id"]));
        }
    }
}
