//! What a caller may ask of a new run (`spec/queue.md §2.1`, `§2.11`).

use std::rc::Rc;

use serde_json::Value;

use crate::{
    BatchId, Environment, Machine, Refusal, RetrySettings, RunId, Timestamp, TriggerOptions,
};

/// Ten years: what a priority may move a run by, milliseconds.
const MAX_PRIORITY_MS: u64 = 10 * 366 * 24 * 3_600_000;
const MAX_NAME_LENGTH: usize = 128;
const MAX_TAGS: usize = 10;

/// Limits on a trigger.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The setting `engine.max_payload_bytes`.
    pub max_payload_bytes: usize,
}

/// A new run, checked and complete but for its ids.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Where it belongs.
    pub environment: Rc<Environment>,
    /// Its id, if the caller chose it.
    pub chosen_id: Option<RunId>,
    /// The task.
    pub task: String,
    /// Its input.
    pub payload: String,
    /// Media type of the input.
    pub payload_type: String,
    /// The queue.
    pub queue: String,
    /// Who may dequeue it.
    pub worker_queue: String,
    /// Runs with the same key share a limit.
    pub concurrency_key: Option<String>,
    /// Milliseconds by which it goes ahead.
    pub priority_ms: i64,
    /// Its place in the queue before priority.
    pub queue_timestamp: Timestamp,
    /// Its place in the queue, and the earliest time of its claim.
    pub available_at: Timestamp,
    /// How many attempts it has, if that was said.
    pub max_attempts: Option<i32>,
    /// How long an attempt may take, seconds.
    pub max_duration_seconds: Option<i32>,
    /// Machine preset.
    pub machine: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// The caller's own data.
    pub metadata: Option<Value>,
    /// Whether it is a test.
    pub is_test: bool,
    /// Trace context to continue.
    pub trace_context: Option<Value>,
    /// The engine's users' own notes.
    pub annotations: Option<Value>,
    /// The run that it repeats, without its prefix.
    pub replayed_from: Option<String>,
    /// The run that triggered it.
    pub parent_run_id: Option<RunId>,
    /// Retry settings.
    pub retry: Option<Value>,
    /// Whether the run that triggered it waits for its end.
    pub resume_parent: bool,
    /// The batch that it joins.
    pub batch_id: Option<BatchId>,
    /// Its place in that batch; `None` for the next one.
    pub batch_index: Option<i32>,
}

impl TriggerOptions {
    /// Checks these options and fills in what was not said.
    ///
    /// # Errors
    /// - [`Refusal::MissingValue`] (`22004`) without a task.
    /// - [`Refusal::InvalidValue`] (`22023`) for a value out of bounds.
    /// - [`Refusal::TooLarge`] (`54000`) for a payload over the limit.
    pub fn check(
        self,
        environment: Rc<Environment>,
        limits: Limits,
        now: Timestamp,
    ) -> Result<NewRun, Refusal> {
        let task = name(
            "task",
            self.task
                .ok_or(Refusal::MissingValue { parameter: "task" })?,
        )?;
        let payload = self.payload.unwrap_or_else(|| "{}".to_owned());
        if payload.len() > limits.max_payload_bytes {
            return Err(Refusal::TooLarge {
                what: "payload",
                bytes: payload.len(),
                limit: limits.max_payload_bytes,
                setting: "engine.max_payload_bytes",
            });
        }
        let priority_ms = self.priority_ms.unwrap_or(0);
        if priority_ms.unsigned_abs() > MAX_PRIORITY_MS {
            return Err(Refusal::invalid(
                "priority_ms",
                format!("{priority_ms} is more than ten years."),
                "Give milliseconds by which the run goes ahead of its time.",
            ));
        }
        let queue_timestamp = self.queue_timestamp.unwrap_or(now);
        if !queue_timestamp.is_finite() {
            return Err(Refusal::invalid(
                "queue_timestamp",
                "It is infinite.".to_owned(),
                "Give a moment.",
            ));
        }
        Ok(NewRun {
            chosen_id: self
                .run_id
                .map(|id| RunId::choose(&id, environment.shard))
                .transpose()?,
            environment,
            queue: match self.queue {
                Some(queue) => name("queue", queue)?,
                None => format!("task/{task}"),
            },
            worker_queue: match self.worker_queue {
                Some(worker_queue) => name("worker_queue", worker_queue)?,
                None => "main".to_owned(),
            },
            task,
            payload,
            payload_type: self
                .payload_type
                .unwrap_or_else(|| "application/json".to_owned()),
            // As in the reference, an empty key is none.
            concurrency_key: self.concurrency_key.filter(|key| !key.is_empty()),
            priority_ms,
            queue_timestamp,
            available_at: queue_timestamp.plus_ms(-priority_ms),
            max_attempts: positive("max_attempts", self.max_attempts)?,
            max_duration_seconds: positive("max_duration_seconds", self.max_duration_seconds)?,
            machine: self.machine.map(machine).transpose()?,
            tags: check_tags(self.tags.unwrap_or_default())?,
            metadata: self.metadata,
            is_test: self.is_test.unwrap_or(false),
            trace_context: self.trace_context,
            annotations: self.annotations,
            replayed_from: self
                .replayed_from
                .map(|id| RunId::parse(&id).as_str().to_owned()),
            // Without a parent there is nobody to wait.
            resume_parent: self.resume_parent.unwrap_or(false) && self.parent_run_id.is_some(),
            parent_run_id: self.parent_run_id.as_deref().map(RunId::parse),
            retry: self.retry.map(RetrySettings::check).transpose()?,
            batch_id: self.batch_id.as_deref().map(BatchId::parse),
            batch_index: None,
        })
    }
}

/// Checks the name of a task, a queue, an environment, and what else has one.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for a name that is empty or has more than 128 characters.
pub fn check_name<'a>(parameter: &'static str, text: &'a str) -> Result<&'a str, Refusal> {
    let length = text.chars().count();
    if length == 0 || length > MAX_NAME_LENGTH {
        return Err(Refusal::invalid(
            parameter,
            format!("It has {length} characters."),
            "Give 1 to 128 characters.",
        ));
    }
    Ok(text)
}

fn name(parameter: &'static str, text: String) -> Result<String, Refusal> {
    check_name(parameter, &text)?;
    Ok(text)
}

fn positive(parameter: &'static str, number: Option<i32>) -> Result<Option<i32>, Refusal> {
    match number {
        Some(number) if number < 1 => Err(Refusal::invalid(
            parameter,
            format!("{number} is less than 1."),
            "Give at least 1, or leave it out.",
        )),
        number => Ok(number),
    }
}

fn machine(text: String) -> Result<String, Refusal> {
    Machine::check("machine", &text)?;
    Ok(text)
}

pub(crate) fn check_tags(tags: Vec<String>) -> Result<Vec<String>, Refusal> {
    if tags.len() > MAX_TAGS {
        return Err(Refusal::invalid(
            "tags",
            format!("There are {} tags.", tags.len()),
            "Give at most 10 tags.",
        ));
    }
    tags.into_iter().map(|tag| name("tags", tag)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);
    const LIMITS: Limits = Limits {
        max_payload_bytes: 10,
    };

    fn check(options: TriggerOptions) -> Result<NewRun, Refusal> {
        options.check(Rc::new(Environment::built_in()), LIMITS, NOW)
    }

    fn hello() -> TriggerOptions {
        TriggerOptions {
            task: Some("hello".to_owned()),
            ..TriggerOptions::default()
        }
    }

    #[test]
    fn a_task_alone_is_enough() {
        let run = check(hello()).unwrap();
        assert_eq!(
            (run.queue.as_str(), run.worker_queue.as_str()),
            ("task/hello", "main")
        );
        assert_eq!(
            (run.payload.as_str(), run.payload_type.as_str()),
            ("{}", "application/json")
        );
        assert_eq!((run.queue_timestamp, run.available_at), (NOW, NOW));
        assert_eq!((run.max_attempts, run.is_test), (None, false));
    }

    #[test]
    fn priority_moves_a_run_ahead_and_a_negative_one_back() {
        let ahead = check(TriggerOptions {
            priority_ms: Some(500),
            ..hello()
        })
        .unwrap();
        let back = check(TriggerOptions {
            priority_ms: Some(-1200),
            ..hello()
        })
        .unwrap();
        assert_eq!(ahead.available_at, NOW.plus_ms(-500));
        assert_eq!(back.available_at, NOW.plus_ms(1200));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_with_its_name() {
        let long = "x".repeat(129);
        for (options, code) in [
            (TriggerOptions::default(), "22004"),
            (
                TriggerOptions {
                    task: Some(String::new()),
                    ..hello()
                },
                "22023",
            ),
            (
                TriggerOptions {
                    task: Some(long.clone()),
                    ..hello()
                },
                "22023",
            ),
            (
                TriggerOptions {
                    queue: Some(long),
                    ..hello()
                },
                "22023",
            ),
            (
                TriggerOptions {
                    max_attempts: Some(0),
                    ..hello()
                },
                "22023",
            ),
            (
                TriggerOptions {
                    max_duration_seconds: Some(-1),
                    ..hello()
                },
                "22023",
            ),
            (
                TriggerOptions {
                    priority_ms: Some(i64::MIN),
                    ..hello()
                },
                "22023",
            ),
            (
                TriggerOptions {
                    machine: Some("huge".to_owned()),
                    ..hello()
                },
                "22023",
            ),
            (
                TriggerOptions {
                    tags: Some(vec!["t".to_owned(); 11]),
                    ..hello()
                },
                "22023",
            ),
            (
                TriggerOptions {
                    tags: Some(vec![String::new()]),
                    ..hello()
                },
                "22023",
            ),
            (
                TriggerOptions {
                    queue_timestamp: Some(Timestamp::from_micros(i64::MAX)),
                    ..hello()
                },
                "22023",
            ),
            (
                TriggerOptions {
                    run_id: Some("a b".to_owned()),
                    ..hello()
                },
                "22023",
            ),
            (
                TriggerOptions {
                    payload: Some("x".repeat(11)),
                    ..hello()
                },
                "54000",
            ),
        ] {
            assert_eq!(
                check(options.clone()).unwrap_err().sqlstate(),
                code,
                "{options:?}"
            );
        }
        assert!(
            check(TriggerOptions {
                payload: Some("x".repeat(10)),
                ..hello()
            })
            .is_ok()
        );
    }
}
