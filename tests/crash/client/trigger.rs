//! Triggers and batches, with every option.

use rand::RngExt;
use serde_json::{Map, Value, json};

use crate::caller::Caller;
use crate::line::Answer;

/// Tasks of the workers, and one that sessions take from a worker queue of its own.
const TASKS: [&str; 10] = [
    "short", "short", "flaky", "parent", "fan", "nap", "person", "raw", "raw", "raw",
];

/// Stands for a moment that the server's clock gives.
const SOON: &str = "soon";
const IN_A_MOMENT: &str = "clock_timestamp() + interval '500 ms'";

impl Caller {
    pub async fn trigger(&mut self) {
        let (run, is_brief) = self.new_run();
        let arguments: Vec<String> = run.iter().map(argument).collect();
        let sql = format!(
            "select run_id, is_cached from engine_trigger({})",
            arguments.join(", ")
        );
        if let Answer::Rows(rows) = self.line.call(&sql).await {
            self.acknowledge(&rows, is_brief);
        }
    }

    pub async fn trigger_many(&mut self) {
        let mut runs = Vec::new();
        let mut is_brief = false;
        for _ in 0..self.rng.random_range(1..6) {
            let (run, brief) = self.new_run();
            is_brief |= brief;
            runs.push(Value::Object(run));
        }
        let runs = Value::Array(runs);
        let sql = format!(
            "select run_id, is_cached from engine_trigger_many(replace('{runs}', '{SOON}', ({IN_A_MOMENT})::text)::jsonb)"
        );
        if let Answer::Rows(rows) = self.line.call(&sql).await {
            self.acknowledge(&rows, is_brief);
        }
    }

    /// A batch without a parent, in several calls.
    pub async fn batch(&mut self) {
        let key = format!("batch-{}-{}", self.name, self.rng.random::<u32>());
        let create = format!(
            "select batch_id from engine_create_batch(idempotency_key => '{key}', expires_at => clock_timestamp() + interval '5 s')"
        );
        let Some(row) = self.line.ask(&create).await.row() else {
            return;
        };
        let batch = row["batch_id"].clone();
        self.journal.note(&format!("batch {batch}"));
        for index in 0..self.rng.random_range(1..4) {
            let item = json!([{"index": index, "task": self.pick(&["short", "raw"]), "worker_queue": "raw", "max_attempts": 200}]);
            let add = format!("select run_id from engine_add_to_batch('{batch}', '{item}')");
            if let Answer::Rows(rows) = self.line.ask(&add).await {
                self.acknowledge(&rows, false);
            }
        }
        let seal = format!("select status from engine_seal_batch('{batch}')");
        self.line.call(&seal).await;
    }

    /// The options of a run, and whether retention removes it soon.
    fn new_run(&mut self) -> (Map<String, Value>, bool) {
        let task = self.pick(&TASKS);
        let mut run = json!({"task": task, "payload": "1", "max_attempts": 200,
                             "retry": {"minTimeoutInMs": 10, "maxTimeoutInMs": 50}});
        let environment = match self.rng.random_range(0..10) {
            // A parent keeps its slot: its children could wait for it there.
            0..3 if task != "parent" => "limited",
            3 => "brief",
            _ => "default",
        };
        run["environment_id"] = environment.into();
        if task == "raw" {
            run["worker_queue"] = "raw".into();
            if self.one_in(8) {
                run["environment_id"] = "versioned".into();
            }
        }
        self.add_queue(&mut run);
        self.add_times(&mut run);
        let number = self.rng.random_range(0..50);
        if self.one_in(8) {
            run["idempotency_key"] = format!("key-{number}").into();
        }
        if self.one_in(12) {
            run["one_time_use_token"] = format!("once-{}", self.rng.random::<u64>()).into();
        }
        if self.one_in(10)
            && let Some(parent) = self.known_run()
        {
            run["parent_run_id"] = parent.into();
        }
        let is_brief = run["environment_id"] == "brief" || run.get("keep").is_some();
        match run {
            Value::Object(run) => (run, is_brief),
            _ => (Map::new(), false),
        }
    }

    fn add_queue(&mut self, run: &mut Value) {
        match self.rng.random_range(0..6) {
            0 => run["queue"] = "narrow".into(),
            1 => {
                run["queue"] = "keyed".into();
                run["concurrency_key"] = self.pick(&["a", "b", "c"]).into();
            }
            2 => run["priority_ms"] = 500.into(),
            _ => {}
        }
    }

    fn add_times(&mut self, run: &mut Value) {
        match self.rng.random_range(0..16) {
            0 => run["delay_until"] = SOON.into(),
            1 => run["ttl"] = "1s".into(),
            2 => {
                let key = self.pick(&["x", "y"]);
                let mode = self.pick(&["leading", "trailing"]);
                run["debounce"] =
                    json!({"key": key, "delay": "1s", "maxDelay": "2s", "mode": mode});
            }
            3 => run["keep"] = "0".into(),
            4 => run["keep"] = "1s".into(),
            _ => {}
        }
    }
}

/// A parameter as `engine_trigger` takes it.
fn argument((name, value): (&String, &Value)) -> String {
    match value {
        Value::String(text) if text == SOON => format!("{name} => {IN_A_MOMENT}"),
        Value::String(text) => format!("{name} => '{text}'"),
        Value::Number(number) => format!("{name} => {number}"),
        other => format!("{name} => '{other}'"),
    }
}
