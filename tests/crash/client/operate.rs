//! What an operator calls, and what readers do.

use rand::RngExt;

use crate::caller::Caller;
use crate::line::Answer;

impl Caller {
    pub async fn cancel(&mut self) {
        let Some(run) = self.known_run() else { return };
        let finalize = self.one_in(2);
        let sql = format!(
            "select run_id, execution_status from engine_cancel('{run}', 'why', finalize => {finalize})"
        );
        if let Some(row) = self.line.call(&sql).await.row() {
            self.acknowledge_end(&row);
        }
    }

    pub async fn tick(&mut self) {
        let name = self.pick(&[
            "engine_tick()",
            "engine_tick()",
            "engine_sweep()",
            "engine_lead()",
        ]);
        self.line.call(&format!("select * from {name}")).await;
    }

    pub async fn operate(&mut self) {
        let run = self.known_run().unwrap_or_else(|| "none".to_owned());
        let number = self.rng.random_range(1..20);
        let sql = match self.rng.random_range(0..26) {
            0 => format!("select * from engine_reschedule('{run}', clock_timestamp() + interval '300 ms')"),
            1 => return self.replay(&run).await,
            2 => return self.redrive(&run).await,
            3 => format!("select engine_reset_idempotency_key('short', 'key-{number}')"),
            4 => "select run_id from engine_create_cancelled_run('{\"task\": \"short\"}', clock_timestamp(), 'late')".to_owned(),
            5 => "select run_id from engine_create_failed_run('{\"task\": \"short\"}', '{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}')".to_owned(),
            6 => "select * from engine_forget(filter => '{\"environment_id\": \"default\"}')".to_owned(),
            7 => "select * from engine_forget(filter => '{\"environment_id\": \"brief\"}', dry_run => false)".to_owned(),
            8 => format!("select * from engine_run_result('{run}'), engine_execution_data('{run}')"),
            9 => format!("select * from engine_set_environment('odd', concurrency_limit => {number}, paused => {})", self.one_in(2)),
            10 => format!("select * from engine_set_queue('odd', concurrency_limit => {number})"),
            11 => "select engine_set_machine('micro', 1, 1, 0.5)".to_owned(),
            12 => format!("select * from engine_register_worker('versioned', '20240101.{number}', '[{{\"id\": \"raw\"}}]', promote => false)"),
            13 => "select * from engine_promote_worker('versioned', '20250101.1')".to_owned(),
            14 => format!("select * from engine_set_schedule('s{number}', 'short', '* * * * * *', active => {})", self.one_in(2)),
            15 => format!("select engine_delete_schedule('s{number}')"),
            16 => "select * from engine_set_retention('brief', keep => '1s')".to_owned(),
            17 => "select * from engine_set_retention('odd', task => 'short', keep => '1h')".to_owned(),
            18 => "select engine_delete_retention('odd', task => 'short')".to_owned(),
            19 | 20 => return self.read_events().await,
            21 => "select engine_grant('reader', 'read')".to_owned(),
            22 => "select engine_revoke('reader', 'read')".to_owned(),
            23 => "select count(*) from engine_metrics()".to_owned(),
            24 => "select count(*) from engine_doctor()".to_owned(),
            _ => "select count(*) from engine_retention()".to_owned(),
        };
        self.line.call(&sql).await;
    }

    async fn replay(&mut self, run: &str) {
        let keep = self.one_in(2);
        let sql = format!("select run_id from engine_replay('{run}', keep_steps => {keep})");
        if let Answer::Rows(rows) = self.line.call(&sql).await {
            self.acknowledge(&rows, true);
        }
    }

    /// A run that was put back ends twice. That is noted first: the answer may be lost.
    async fn redrive(&mut self, run: &str) {
        self.journal.note(&format!("redriven {run}"));
        self.line
            .call(&format!("select run_id from engine_redrive('{run}')"))
            .await;
    }

    /// A named reader's turn. Its own position only grows.
    async fn read_events(&mut self) {
        // The same for the process that takes the place of this one.
        let name = self.name.split('x').next().unwrap_or_default().to_owned();
        let sql = format!(
            "select e.position from engine_event_reader('{name}', max_lag_ms => 60000) as r, engine_events(r.position, 200) as e \
             order by e.position desc limit 1"
        );
        let Some(row) = self.line.call(&sql).await.row() else {
            return;
        };
        let position = &row["position"];
        let ack = format!("select name from engine_event_ack('{name}', {position})");
        if let Answer::Rows(_) = self.line.call(&ack).await {
            self.journal.note(&format!("read {name} {position}"));
        }
    }
}
