//! Workers that make one call for many runs.

use rand::RngExt;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::line::{Answer, Row};

impl Caller {
    /// A turn: reports the ends of the turn before, and takes runs.
    pub async fn take_turn(&mut self) {
        let completions = format!("[{}]", self.ends.join(", "));
        self.turn += 1;
        // A process that was killed has had turns of the same numbers.
        let turn = format!("{}-{}", self.turn, self.rng.random::<u32>());
        let sql = format!(
            "select kind, run_id, snapshot_id, execution_status, attempt_number from engine_work('{completions}', 'raw', 3, {}, \
             turn_id => '{turn}')",
            self.identity()
        );
        let answer = self.line.ask(&sql).await;
        self.ends.clear();
        let Answer::Rows(rows) = answer else { return };
        for row in rows {
            if row["kind"] == "completed" {
                self.acknowledge_end(&row);
            } else {
                self.report(&row).await;
            }
        }
    }

    /// The same in three calls.
    pub async fn work_many(&mut self) {
        let dequeue = format!(
            "select run_id, snapshot_id, checkpoint from engine_dequeue('raw', 3, {})",
            self.identity()
        );
        let Answer::Rows(rows) = self.line.call(&dequeue).await else {
            return;
        };
        let fresh: Vec<&Row> = rows
            .iter()
            .filter(|row| !row.contains_key("checkpoint"))
            .collect();
        let start = format!(
            "select run_id, snapshot_id, execution_status, attempt_number from engine_start_many({}, {}) where error_code is null",
            pairs(&fresh),
            self.identity()
        );
        let Answer::Rows(started) = self.line.ask(&start).await else {
            return;
        };
        let started: Vec<Row> = started
            .into_iter()
            .filter(|row| row["execution_status"] == "EXECUTING")
            .collect();
        if started.is_empty() {
            return;
        }
        let held: Vec<&Row> = started.iter().collect();
        let both = pairs(&held);
        self.line
            .ask(&format!("select run_id from engine_moved({both})"))
            .await;
        let beat = format!(
            "select run_id from engine_heartbeat_many({both}, {})",
            self.identity()
        );
        self.line.ask(&beat).await;
        let mut ends = Vec::new();
        for row in &started {
            self.take_effect(&row["run_id"], &row["attempt_number"])
                .await;
            ends.push(self.completion(row));
        }
        let complete = format!(
            "select run_id, execution_status from engine_complete_many('[{}]', {}) where error_code is null",
            ends.join(", "),
            self.identity()
        );
        if let Answer::Rows(rows) = self.line.ask(&complete).await {
            for row in &rows {
                self.acknowledge_end(row);
            }
        }
    }

    /// Has the effect of an attempt that a turn started; the next turn reports its end.
    async fn report(&mut self, row: &Row) {
        if self.one_in(20) {
            return;
        }
        self.take_effect(&row["run_id"], &row["attempt_number"])
            .await;
        let end = self.completion(row);
        self.ends.push(end);
    }

    fn completion(&mut self, row: &Row) -> String {
        let error = json!({"type": "STRING_ERROR", "raw": "no"});
        let mut end = match self.rng.random_range(0..8) {
            0 => json!({"ok": false, "error": error}),
            1 => json!({"ok": false, "error": error, "retry": {"delay": 40}}),
            _ => json!({"ok": true, "output": "1"}),
        };
        end["run_id"] = Value::from(row["run_id"].as_str());
        end["snapshot_id"] = Value::from(row["snapshot_id"].as_str());
        end.to_string()
    }
}

/// Runs and their snapshots, as two arrays.
fn pairs(rows: &[&Row]) -> String {
    let array = |name: &str| {
        let values: Vec<&str> = rows.iter().map(|row| row[name].as_str()).collect();
        format!("'{{{}}}'", values.join(","))
    };
    format!("{}, {}", array("run_id"), array("snapshot_id"))
}
