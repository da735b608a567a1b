//! Values that a caller might mean, by the names of parameters. Other parameters get any value of their type.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

use crate::catalog::Function;
use crate::datum::Datum;
use crate::document;
use crate::stock::{Run, Stock};
use crate::wild;

/// Where sane values come from.
pub struct Sane<'a> {
    pub stock: &'a Stock,
    /// `engine_trigger`: its parameters are the fields of runs in documents.
    pub trigger: &'a Function,
}

/// The runs that one call is about.
pub struct Subject(Vec<(Run, String)>);

impl Sane<'_> {
    /// A run or some, each with the snapshot that its holder names.
    pub fn subject(&self, random: &mut StdRng) -> Subject {
        let runs = (0..random.random_range(1..4)).map(|_| {
            let run = self.stock.run(random);
            let snapshot_id = run.held_snapshot(random);
            (run, snapshot_id)
        });
        Subject(runs.collect())
    }

    /// A value for a parameter of a function; `None` if its name is not known here.
    pub fn datum(
        &self,
        function: &str,
        parameter: &str,
        subject: &Subject,
        random: &mut StdRng,
    ) -> Option<Datum> {
        let (run, snapshot_id) = subject.0.first()?;
        let text = |choices: &[&str], random: &mut StdRng| {
            Datum::text(choices.choose(random).copied().unwrap_or_default())
        };
        Some(match (function, parameter) {
            ("engine_trigger", "run_id") => Datum::text(format!("r{}", random.random::<u64>())),
            ("engine_set_machine", "name") => text(&["micro", "small-1x", "large-2x"], random),
            // No run lives there.
            (_, "shard") => Datum::Integer(random.random_range(40..60)),
            (_, "state") => text(&["SERVING", "MOVING", "AWAY"], random),
            (_, "place") => text(&["node-a", "node-b"], random),
            ("engine_create_checkpoint", "type") => text(&["DOCKER", "KUBERNETES"], random),
            ("engine_set_environment", "environment_id") => {
                text(&["staging", "preview", "default"], random)
            }
            ("engine_register_worker" | "engine_promote_worker", "environment_id") => {
                text(&["default", "staging"], random)
            }
            ("engine_event_reader" | "engine_event_ack" | "engine_delete_event_reader", "name") => {
                text(&["mailer", "billing"], random)
            }
            (_, "role") => text(&["public", "pg_monitor"], random),
            (_, "capability") => text(&["trigger", "work", "wait", "read", "tick"], random),
            ("engine_grant" | "engine_revoke", "environment_id") => text(&["*"], random),
            ("engine_bulk", "action") => text(&["cancel", "replay", "redrive", "release"], random),
            ("engine_bulk", "options") => return None,
            (_, "expected_count") => Datum::Integer(random.random_range(0..1_000)),
            (_, "filter") => json_of(json!({"task": "resize"})),
            ("engine_set_schedule", "options") => {
                json_of(json!({"tags": ["a"], "max_attempts": 2}))
            }
            (_, "options") => json_of(json!({"triggerRef": "x", "skipChecks": true})),
            (_, "type") => text(&["PRODUCTION", "STAGING", "PREVIEW", "DEVELOPMENT"], random),
            (_, "id") => Datum::Text(self.stock.schedule(random)),
            (_, "run_id" | "parent_run_id" | "replayed_from") => Datum::text(&run.id),
            (_, "snapshot_id") => Datum::text(snapshot_id),
            (_, "run_ids") => Datum::Texts(
                subject
                    .0
                    .iter()
                    .map(|(run, _)| Some(run.id.clone()))
                    .collect(),
            ),
            (_, "snapshot_ids") => Datum::Texts(
                subject
                    .0
                    .iter()
                    .map(|(_, snapshot)| Some(snapshot.clone()))
                    .collect(),
            ),
            (_, "waitpoint_id") => Datum::Text(self.stock.waitpoint(random)),
            (_, "waitpoint_ids") => {
                let waitpoint = |_| Some(self.stock.waitpoint(random));
                Datum::Texts((0..2).map(waitpoint).collect())
            }
            (_, "batch_id") => Datum::Text(self.stock.batch(random)),
            (_, "bulk_id") => Datum::Text(self.stock.bulk_action(random)),
            (_, "batch_indexes") => Datum::Integers(vec![Some(0), Some(1)]),
            (_, "environment_id") => text(&["default", "default", "default", "staging"], random),
            (_, "task") => text(&["mail", "report", "resize"], random),
            (_, "queue" | "name") => text(&["task/mail", "images", "full"], random),
            (_, "worker_queue") => text(&["main", "main", "main", "gpu"], random),
            (_, "concurrency_key" | "external_id") => text(&["a", "b", "c"], random),
            (_, "worker_id" | "runner_id" | "bulk_action_id" | "span_id_to_complete") => {
                text(&["w1", "w2"], random)
            }
            (_, "version" | "worker_version") => text(&["1", "2"], random),
            (_, "idempotency_key" | "one_time_use_token") => {
                Datum::text(format!("k{}", random.random_range(0..40)))
            }
            (_, "ttl") => text(&["1s", "1h"], random),
            (_, "machine") => text(&["micro", "small-1x", "medium-1x"], random),
            (_, "cron") => text(&["* * * * * *", "0 9 * * *", "30 2 * * *"], random),
            (_, "timezone") => text(&["UTC", "Europe/Berlin", "America/New_York"], random),
            (_, "spread_window") => text(&["5s", "1m"], random),
            (_, "payload_type" | "output_type") => {
                text(&["application/json", "text/plain"], random)
            }
            ("engine_set_schedule", "payload") => json_of(json!({"of": "a schedule"})),
            (_, "payload" | "output") => text(&["{\"name\": \"world\"}", "1", "\"x\""], random),
            (_, "location" | "image_ref" | "image" | "reason" | "message") => {
                text(&["registry/image", "as asked"], random)
            }
            (_, "project_id" | "organization_id") => text(&["p", "o"], random),
            (_, "tags") => Datum::Texts(vec![Some("a".to_owned()), Some("b".to_owned())]),
            (
                _,
                "delay_until"
                | "completed_after"
                | "timeout_at"
                | "expires_at"
                | "idempotency_key_expires_at",
            ) => {
                let ms = random.random_range(-500..3_000);
                Datum::Sql(format!("clock_timestamp() + interval '{ms} ms'"))
            }
            (_, "completed_at" | "cancelled_at" | "queue_timestamp") => {
                Datum::Sql("clock_timestamp()".to_owned())
            }
            (_, "concurrency_limit" | "override_limit") => {
                Datum::Integer(random.random_range(1..20))
            }
            ("engine_set_quota", "queued_runs" | "payload_bytes" | "kept_bytes") => Datum::Sql(
                format!("{}::bigint", random.random_range(1_000_000..9_000_000)),
            ),
            ("engine_set_quota", "schedules") => Datum::Integer(random.random_range(500..5_000)),
            ("engine_set_quota", "runs_per_second") => Datum::Float(random.random_range(1e4..1e5)),
            (_, "max_queue_size" | "max_size") => Datum::Integer(random.random_range(500..5_000)),
            (_, "burst_factor" | "cpu" | "memory" | "cents_per_ms") => {
                Datum::Float(random.random_range(1.0..2.0))
            }
            (_, "max_runs" | "max_events" | "max_items" | "run_count") => {
                Datum::Integer(random.random_range(1..20))
            }
            (_, "max_attempts") => Datum::Integer(random.random_range(1..5)),
            (_, "max_duration_seconds") => Datum::Integer(random.random_range(5..50)),
            (_, "outcome") => text(&["COMPLETED", "FAILED"], random),
            (_, "keep") => text(&["1 day", "1 month"], random),
            (_, "max_lag_ms") => Datum::Integer(random.random_range(1_000..1_000_000)),
            (_, "priority_ms" | "wait_ms" | "attempt_duration_ms") => {
                Datum::Integer(random.random_range(0..100))
            }
            (_, "after" | "up_to") => Datum::Integer(random.random_range(0..100_000)),
            (_, "paused" | "archived" | "requires_version" | "resume_parent") => {
                Datum::Boolean(random.random_bool(0.1))
            }
            (_, "run") => json_of(self.run(random)),
            (_, "runs") => json_of(
                (0..random.random_range(0..4))
                    .map(|_| self.run(random))
                    .collect(),
            ),
            (_, "completions") => json_of(
                subject
                    .0
                    .iter()
                    .map(|held| completion_of(held, random))
                    .collect(),
            ),
            _ => json_of(document::known(parameter, random)?),
        })
    }

    /// A run as documents have it: the parameters of `engine_trigger` are its keys.
    fn run(&self, random: &mut StdRng) -> Value {
        let subject = self.subject(random);
        let mut run = Map::new();
        for parameter in &self.trigger.parameters {
            let is_given = match parameter.name.as_str() {
                "task" => true,
                "parent_run_id" | "batch_id" | "version" => random.random_bool(0.03),
                _ => random.random_bool(0.15),
            };
            if !is_given {
                continue;
            }
            let known = self.datum("engine_trigger", &parameter.name, &subject, random);
            let value = match known.map(|datum| datum.json()) {
                // Values that only SQL can express.
                Some(Value::String(text)) if text.starts_with("clock_timestamp") => {
                    json!("2031-01-01T00:00:00Z")
                }
                Some(value) => value,
                None => json!(random.random::<bool>()),
            };
            run.insert(parameter.name.clone(), value);
        }
        if random.random_bool(0.2) {
            run.insert("index".to_owned(), json!(random.random_range(0..5)));
        }
        Value::Object(run)
    }
}

fn completion_of((run, snapshot_id): &(Run, String), random: &mut StdRng) -> Value {
    let mut completion = document::completion(random);
    if let Some(completion) = completion.as_object_mut() {
        completion.insert("run_id".to_owned(), json!(run.id));
        completion.insert("snapshot_id".to_owned(), json!(snapshot_id));
    }
    completion
}

fn json_of(value: Value) -> Datum {
    Datum::Document(value)
}

/// Spoils a value: a document in one or several places, anything else as a whole.
pub fn spoil(datum: Datum, kind: &str, random: &mut StdRng) -> anyhow::Result<Datum> {
    match datum {
        Datum::Document(mut document) if random.random_bool(0.8) => {
            for _ in 0..random.random_range(1..3) {
                document::spoil(&mut document, random);
            }
            Ok(Datum::Document(document))
        }
        _ => wild::datum(kind, random),
    }
}
