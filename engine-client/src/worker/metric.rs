//! The worker's metrics, through the facade `metrics`; without a recorder they cost next to nothing.
//!
//! The names are part of the crate's contract, and are listed on its front page.

use std::time::Duration;

use metrics::{
    Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::{Completed, RunStatus};

/// The label of what is counted per node; a worker of one database has none.
#[derive(Debug, Default)]
pub(super) struct Node(Vec<Label>);

impl Node {
    /// Of the node of this name, which is empty for a single database.
    pub(super) fn new(name: &str) -> Self {
        if name.is_empty() {
            return Self::default();
        }
        Self(vec![Label::new("node", name.to_owned())])
    }

    fn labels(&self) -> Vec<Label> {
        self.0.clone()
    }
}

/// Describes each metric to the recorder, for its HELP texts.
pub(super) fn describe() {
    describe_counter!("engine_runs_dequeued_total", "Runs that were dequeued");
    describe_gauge!(
        "engine_runs_held",
        "Runs that are held now, executing or waiting"
    );
    describe_counter!(
        "engine_attempts_started_total",
        "Attempts that were started, by task"
    );
    describe_counter!(
        "engine_attempts_completed_total",
        "Attempts that were completed, by task, by what came of them (success, failure, cancel) and by attempt status"
    );
    describe_counter!(
        "engine_attempts_abandoned_total",
        "Attempts that ended without a completion: lost, suspended, silent for too long"
    );
    describe_histogram!(
        "engine_attempt_start_seconds",
        Unit::Seconds,
        "From the dequeue to the start of the handler"
    );
    describe_histogram!(
        "engine_attempt_seconds",
        Unit::Seconds,
        "How long handlers executed, without their waits"
    );
    describe_histogram!("engine_batch_runs", "Runs in one call, start or complete");
    describe_histogram!(
        "engine_heartbeat_seconds",
        Unit::Seconds,
        "How long a beat for all held runs took"
    );
    describe_counter!(
        "engine_heartbeats_failed_total",
        "Beats that failed and were repeated"
    );
}

pub(super) fn dequeued(node: &Node, runs: usize) {
    counter!("engine_runs_dequeued_total", node.labels()).increment(runs as u64);
}

/// A run is held.
pub(super) fn held(node: &Node) {
    gauge!("engine_runs_held", node.labels()).increment(1);
}

/// A run is not held any more.
pub(super) fn left(node: &Node) {
    gauge!("engine_runs_held", node.labels()).decrement(1);
}

pub(super) fn started(task: &str) {
    counter!("engine_attempts_started_total", "task" => task.to_owned()).increment(1);
}

/// Records the time from a dequeue to its first attempt.
pub(super) fn waited(waited: Duration) {
    histogram!("engine_attempt_start_seconds").record(waited);
}

pub(super) fn completed(task: &str, completed: &Completed, took: Duration) {
    let labels = [
        ("task", task.to_owned()),
        ("status", completed.attempt_status.to_string()),
        ("outcome", outcome(completed.run_status).to_owned()),
    ];
    counter!("engine_attempts_completed_total", &labels).increment(1);
    histogram!("engine_attempt_seconds", "task" => task.to_owned()).record(took);
}

/// Counts an attempt without a completion: it was lost or released, its deadline passed, or its completion was
/// refused.
pub(super) fn abandoned(task: &str) {
    counter!("engine_attempts_abandoned_total", "task" => task.to_owned()).increment(1);
}

pub(super) fn batch(call: &'static str, runs: usize) {
    histogram!("engine_batch_runs", "call" => call).record(runs as f64);
}

pub(super) fn beat_took(node: &Node, time: Duration) {
    histogram!("engine_heartbeat_seconds", node.labels()).record(time);
}

pub(super) fn beat_failed(node: &Node) {
    counter!("engine_heartbeats_failed_total", node.labels()).increment(1);
}

/// The outcome of an attempt, from the status of its run right after it: a retried one has failed.
fn outcome(run_status: RunStatus) -> &'static str {
    match run_status {
        RunStatus::CompletedSuccessfully => "success",
        RunStatus::Canceled => "cancel",
        _ => "failure",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use metrics::{
        Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString,
    };

    use super::*;
    use crate::{AttemptStatus, ExecutionStatus};

    /// Remembers descriptions, and the labels of counters.
    #[derive(Default)]
    struct Notes {
        described: Mutex<Vec<String>>,
        counted: Arc<Mutex<Vec<String>>>,
    }

    struct Count(String, Arc<Mutex<Vec<String>>>);

    impl CounterFn for Count {
        fn increment(&self, _: u64) {
            self.1.lock().unwrap().push(self.0.clone());
        }

        fn absolute(&self, _: u64) {}
    }

    impl Recorder for Notes {
        fn describe_counter(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
            self.described.lock().unwrap().push(key.as_str().to_owned());
        }

        fn describe_gauge(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
            self.described.lock().unwrap().push(key.as_str().to_owned());
        }

        fn describe_histogram(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
            self.described.lock().unwrap().push(key.as_str().to_owned());
        }

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            let labels: Vec<&str> = key.labels().map(|label| label.value()).collect();
            let text = format!("{} {}", key.name(), labels.join(" "));
            Counter::from_arc(Arc::new(Count(text, Arc::clone(&self.counted))))
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn success_failure_and_cancel_are_counted_apart() {
        let notes = Notes::default();
        let completion = |run_status, attempt_status| Completed {
            run_id: "r".into(),
            snapshot_id: "s".into(),
            attempt_status,
            execution_status: ExecutionStatus::Finished,
            run_status,
            attempt_number: Some(1),
            retry_at: None,
        };
        metrics::with_local_recorder(&notes, || {
            let over = AttemptStatus::RunFinished;
            for (run_status, attempt_status) in [
                (RunStatus::CompletedSuccessfully, over),
                (RunStatus::CompletedWithErrors, over),
                (RunStatus::Canceled, over),
                (RunStatus::Executing, AttemptStatus::RetryImmediately),
            ] {
                let completion = completion(run_status, attempt_status);
                completed("t", &completion, Duration::ZERO);
            }
        });
        let expected = [
            "engine_attempts_completed_total t RUN_FINISHED success",
            "engine_attempts_completed_total t RUN_FINISHED failure",
            "engine_attempts_completed_total t RUN_FINISHED cancel",
            "engine_attempts_completed_total t RETRY_IMMEDIATELY failure",
        ];
        assert_eq!(*notes.counted.lock().unwrap(), expected);
    }

    #[test]
    fn each_node_is_counted_apart_and_a_single_database_without_a_name() {
        let notes = Notes::default();
        metrics::with_local_recorder(&notes, || {
            for name in ["node-a", "node-b", ""] {
                dequeued(&Node::new(name), 1);
            }
        });
        let expected = [
            "engine_runs_dequeued_total node-a",
            "engine_runs_dequeued_total node-b",
            "engine_runs_dequeued_total ",
        ];
        assert_eq!(*notes.counted.lock().unwrap(), expected);
    }

    #[test]
    fn whatever_is_counted_is_described() {
        let notes = Notes::default();
        metrics::with_local_recorder(&notes, || {
            describe();
            crate::cluster::metric::describe();
        });
        let described = notes.described.lock().unwrap();
        let front_page = include_str!("../lib.rs");
        let listed: Vec<&str> = front_page
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `engine_"))
            .filter_map(|line| line.split(['`', '{']).next())
            .collect();
        assert_eq!(listed.len(), described.len());
        for name in listed {
            assert!(described.contains(&format!("engine_{name}")), "{name}");
        }
    }
}
