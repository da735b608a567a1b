//! Triggers.

pub(crate) mod argument;
mod conditions;

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;

use self::argument::{Argument, Typed};
use crate::time::{serialize_time, to_ms, to_seconds};
use crate::{BatchId, Dequeued, Error, ExecutionStatus, RunId, RunStatus, SnapshotId, trace};

/// Declares the options: parameters of `engine_trigger`, and keys of an element of `engine_trigger_many`.
macro_rules! options {
    ($(#[$doc:meta])* $name:ident { $($(#[$serialize:meta])? $option:ident: $kind:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Serialize)]
        pub struct $name {
            $(#[serde(skip_serializing_if = "Option::is_none")]
            $(#[$serialize])?
            pub(crate) $option: Option<$kind>,)+
        }

        impl $name {
            /// The options that are set, as arguments.
            pub(crate) fn arguments(&self) -> Vec<Argument<'_>> {
                let all = [$(self.$option.as_ref().map(|value| Argument {
                    parameter: stringify!($option),
                    kind: <$kind as Typed>::TYPE,
                    value,
                })),+];
                all.into_iter().flatten().collect()
            }
        }
    };
}

options! {
    /// A run to trigger: its task, its payload and its options.
    ///
    /// Options that are not set have the default of the SQL function.
    ///
    /// ```
    /// # fn main() -> Result<(), engine_client::Error> {
    /// use std::time::Duration;
    /// use engine_client::Trigger;
    /// use serde::Serialize;
    ///
    /// #[derive(Serialize)]
    /// struct Mail { to: String }
    ///
    /// let trigger = Trigger::new("send-mail")
    ///     .payload(&Mail { to: "ada@example.org".into() })?
    ///     .queue("mail")
    ///     .priority(Duration::from_secs(60))
    ///     .tags(["welcome"]);
    /// # Ok(())
    /// # }
    /// ```
    Trigger {
        task: String,
        payload: String,
        payload_type: String,
        queue: String,
        environment_id: String,
        worker_queue: String,
        concurrency_key: String,
        priority_ms: i64,
        max_attempts: i32,
        max_duration_seconds: i32,
        machine: String,
        tags: Vec<String>,
        metadata: Value,
        is_test: bool,
        trace_context: Value,
        annotations: Value,
        #[serde(serialize_with = "serialize_time")]
        queue_timestamp: SystemTime,
        replayed_from: String,
        run_id: String,
        parent_run_id: String,
        resume_parent: bool,
        batch_id: String,
        #[serde(serialize_with = "serialize_time")]
        delay_until: SystemTime,
        ttl: String,
        idempotency_key: String,
        #[serde(serialize_with = "serialize_time")]
        idempotency_key_expires_at: SystemTime,
        debounce: Value,
        one_time_use_token: String,
        version: String,
        keep: String,
        retry: Value,
    }
}

impl Trigger {
    /// A run of `task` with the payload `{}` in the environment `default`, for the worker queue `main`.
    pub fn new(task: impl Into<String>) -> Self {
        Self {
            task: Some(task.into()),
            ..Self::default()
        }
    }

    /// This trigger as a child of `parent`: in its environment and, unless it has one of its own, in its trace.
    pub(crate) fn inherited_from(mut self, parent: &Dequeued) -> Self {
        self.environment_id = Some(parent.environment_id.clone());
        self.trace_context = trace::inherited(self.trace_context, parent);
        self
    }

    /// The handler's input, as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind::Serialization) if `payload` cannot be written as
    /// JSON.
    pub fn payload<T: Serialize + ?Sized>(self, payload: &T) -> Result<Self, Error> {
        let text = serde_json::to_string(payload)?;
        Ok(self.payload_text(text, "application/json"))
    }

    /// A payload that is already text, with its media type.
    pub fn payload_text(
        mut self,
        payload: impl Into<String>,
        payload_type: impl Into<String>,
    ) -> Self {
        self.payload = Some(payload.into());
        self.payload_type = Some(payload_type.into());
        self
    }

    /// The queue that orders and limits the run. Default: `task/<task>`.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// The environment that the run belongs to. Default: `default`.
    pub fn environment_id(mut self, environment_id: impl Into<String>) -> Self {
        self.environment_id = Some(environment_id.into());
        self
    }

    /// The workers that may dequeue the run. Default: `main`.
    pub fn worker_queue(mut self, worker_queue: impl Into<String>) -> Self {
        self.worker_queue = Some(worker_queue.into());
        self
    }

    /// Splits the queue's limit: runs of different keys do not count against each other.
    pub fn concurrency_key(mut self, concurrency_key: impl Into<String>) -> Self {
        self.concurrency_key = Some(concurrency_key.into());
        self
    }

    /// How far the run moves ahead of runs triggered at the same time, as if it had been triggered that much
    /// earlier. Kept to the millisecond.
    pub fn priority(mut self, priority: Duration) -> Self {
        self.priority_ms = Some(to_ms(priority));
        self
    }

    /// Limit on the number of attempts, including the first. Default: 3. More than one, without a retry policy,
    /// requests retries after the default delays: 1 s, twice as long each time, up to 60 s.
    pub fn max_attempts(mut self, max_attempts: i32) -> Self {
        self.max_attempts = Some(max_attempts);
        self
    }

    /// The retry policy of the run, with the keys of `engine_trigger`: `maxAttempts`, `factor`, `minTimeoutInMs`,
    /// `maxTimeoutInMs`, `randomize` and `outOfMemory.machine`.
    ///
    /// ```
    /// # use engine_client::Trigger;
    /// # use serde_json::json;
    /// let patient = Trigger::new("call-back").retry(json!({"maxAttempts": 5, "minTimeoutInMs": 60_000}));
    /// ```
    pub fn retry(mut self, retry: Value) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Time limit of an attempt. Kept in whole seconds, rounded up.
    pub fn max_duration(mut self, max_duration: Duration) -> Self {
        self.max_duration_seconds = Some(to_seconds(max_duration));
        self
    }

    /// The preset of the machine that the run needs. Default: the setting `engine.default_machine`.
    pub fn machine(mut self, machine: impl Into<String>) -> Self {
        self.machine = Some(machine.into());
        self
    }

    /// Labels for readers.
    pub fn tags<I>(mut self, tags: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// The caller's own data, which handlers may change.
    pub fn metadata(mut self, metadata: Value) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Marks the run as a test.
    pub fn is_test(mut self, is_test: bool) -> Self {
        self.is_test = Some(is_test);
        self
    }

    /// The trace that the run continues, with the W3C names: `traceparent`, `tracestate`, `baggage`. With the feature
    /// `opentelemetry`, `in_trace_of` writes it.
    pub fn trace_context(mut self, trace_context: Value) -> Self {
        self.trace_context = Some(trace_context);
        self
    }

    /// The caller's own data, which nothing changes.
    pub fn annotations(mut self, annotations: Value) -> Self {
        self.annotations = Some(annotations);
        self
    }

    /// Queue order of the run. Default: the time of the call.
    pub fn queue_timestamp(mut self, queue_timestamp: SystemTime) -> Self {
        self.queue_timestamp = Some(queue_timestamp);
        self
    }

    /// The run that this one replays.
    pub fn replayed_from(mut self, run_id: impl Into<RunId>) -> Self {
        self.replayed_from = Some(run_id.into().to_string());
        self
    }

    /// The id of the new run, so that repeating the trigger cannot make a second run. Default: a new id.
    pub fn run_id(mut self, run_id: impl Into<RunId>) -> Self {
        self.run_id = Some(run_id.into().to_string());
        self
    }

    /// The parent of this run.
    pub fn parent(mut self, run_id: impl Into<RunId>) -> Self {
        self.parent_run_id = Some(run_id.into().to_string());
        self
    }

    /// The parent of this run, which waits for its end from the commit of the trigger.
    pub fn awaited_by(mut self, run_id: impl Into<RunId>) -> Self {
        self.resume_parent = Some(true);
        self.parent(run_id)
    }

    /// The batch that the run joins.
    pub fn batch(mut self, batch_id: impl Into<BatchId>) -> Self {
        self.batch_id = Some(batch_id.into().to_string());
        self
    }
}

/// The outcome of a trigger: a new run, or an existing one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Triggered {
    /// The run's bare id.
    pub run_id: RunId,
    /// The run's latest snapshot; `None` if the run has been removed, and only its key is left.
    pub snapshot_id: Option<SnapshotId>,
    /// `PENDING` for a new run, `DELAYED` for a delayed one; `None` for a removed one.
    pub run_status: Option<RunStatus>,
    /// `QUEUED` for a new run, `DELAYED` for a delayed one, `FINISHED` for a removed one.
    pub execution_status: ExecutionStatus,
    /// Whether the run existed before this trigger.
    pub is_cached: bool,
    /// When the run was created, by the server's clock; `None` for a removed one.
    pub created_at: Option<SystemTime>,
}

impl Triggered {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            run_id: row.try_get("run_id")?,
            snapshot_id: row.try_get("snapshot_id")?,
            run_status: row.try_get("run_status")?,
            execution_status: row.try_get("execution_status")?,
            is_cached: row.try_get("is_cached")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::json;

    use super::*;

    #[test]
    fn an_element_of_a_batch_names_what_was_set() {
        let trigger = Trigger::new("resize")
            .payload(&json!({"width": 640}))
            .unwrap()
            .queue("images")
            .priority(Duration::from_millis(1500))
            .max_duration(Duration::from_millis(1))
            .queue_timestamp(UNIX_EPOCH)
            .run_id("run_c1");
        assert_eq!(
            serde_json::to_value(&trigger).unwrap(),
            json!({
                "task": "resize", "payload": "{\"width\":640}", "payload_type": "application/json",
                "queue": "images", "priority_ms": 1500, "max_duration_seconds": 1,
                "queue_timestamp": "1970-01-01T00:00:00.000000Z", "run_id": "c1",
            })
        );
    }

    #[test]
    fn what_says_when_a_run_begins_is_written_as_the_engine_reads_it() {
        let trigger = Trigger::new("resize")
            .delay_until(UNIX_EPOCH)
            .ttl(Duration::from_millis(1500))
            .idempotency_key("k")
            .version("1");
        let json = serde_json::to_value(&trigger).unwrap();
        assert_eq!(json["delay_until"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(
            (&json["ttl"], &json["idempotency_key"]),
            (&json!("2s"), &json!("k"))
        );
        assert_eq!(
            (json.get("debounce"), &json["version"]),
            (None, &json!("1"))
        );
    }

    #[test]
    fn the_arguments_of_a_call_are_the_options_that_were_set() {
        let trigger = Trigger::new("resize").is_test(false).ttl(Duration::ZERO);
        let arguments = trigger.arguments();
        let set = arguments.iter().map(|of| (of.parameter, of.kind.name()));
        assert_eq!(
            set.collect::<Vec<_>>(),
            [("task", "text"), ("is_test", "bool"), ("ttl", "text")]
        );
    }
}
