//! Versions of workers: what they can execute, and which one executes a run.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::status::named;
use crate::{EnvironmentType, Machine, Machines};

named! {
    /// Why a run is parked.
    ParkReason {
        /// No version is registered.
        NoWorker = "NO_WORKER",
        /// No version has ever known its task.
        TaskNeverRegistered = "TASK_NEVER_REGISTERED",
        /// Another version knows its task.
        TaskNotInLatest = "TASK_NOT_IN_LATEST",
        /// The version does not know its queue.
        QueueNotFound = "QUEUE_NOT_FOUND",
        /// The version has no image to start from.
        NoDeployment = "NO_DEPLOYMENT",
    }
}

/// A version of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerVersion {
    /// The version's name.
    pub version: String,
    /// The image that it starts from.
    pub image: Option<String>,
    /// The tasks that it executes, by name.
    pub tasks: BTreeMap<String, Task>,
    /// The queues that it knows, besides those of its tasks.
    pub queues: BTreeSet<String>,
}

/// A task of a version: defaults for its runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Task {
    /// Retry settings.
    pub retry: Option<Value>,
    /// Machine: the name of a preset, or an object of `preset`, or of `cpu` and `memory`.
    pub machine: Option<Value>,
    /// Time limit of an attempt, seconds.
    pub max_duration_seconds: Option<i32>,
    /// Time to live in the queue.
    pub ttl: Option<String>,
}

/// Why a version does not execute a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The run waits for another version.
    Park(ParkReason),
    /// The worker that asks has another version than the run is bound to.
    Mismatch,
}

/// What a run requires of a version.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// Name of its task.
    pub task: &'a str,
    /// Name of its queue.
    pub queue: &'a str,
    /// The version of the worker that asks, if stated.
    pub asked: Option<&'a str>,
}

impl Demand<'_> {
    /// The task of the version that executes the run: the version that the run is bound to, else the one that asks, else the
    /// current one. `is_known` tells whether any version knows the task.
    ///
    /// # Errors
    /// The [`Obstacle`].
    pub fn meet<'w>(
        &self,
        worker: Option<&'w WorkerVersion>,
        kind: EnvironmentType,
        is_known: impl FnOnce() -> bool,
    ) -> Result<&'w Task, Obstacle> {
        let worker = worker.ok_or(Obstacle::Park(ParkReason::NoWorker))?;
        if self.asked.is_some_and(|asked| asked != worker.version) {
            return Err(Obstacle::Mismatch);
        }
        let Some(task) = worker.tasks.get(self.task) else {
            return Err(Obstacle::Park(if is_known() {
                ParkReason::TaskNotInLatest
            } else {
                ParkReason::TaskNeverRegistered
            }));
        };
        if !worker.knows_queue(self.queue) {
            return Err(Obstacle::Park(ParkReason::QueueNotFound));
        }
        let needs_image = match kind {
            EnvironmentType::Production | EnvironmentType::Staging | EnvironmentType::Preview => {
                true
            }
            EnvironmentType::Development => false,
        };
        if needs_image && worker.image.as_ref().is_none_or(String::is_empty) {
            return Err(Obstacle::Park(ParkReason::NoDeployment));
        }
        Ok(task)
    }
}

impl WorkerVersion {
    /// Whether it knows a queue. Each of its tasks brings the queue that has its name.
    fn knows_queue(&self, queue: &str) -> bool {
        let of_task = queue.strip_prefix("task/");
        self.queues.contains(queue) || of_task.is_some_and(|task| self.tasks.contains_key(task))
    }

    /// Whether it may replace `current`: versions only move forward, unless the registration demands otherwise.
    #[must_use]
    pub fn supersedes(&self, current: Option<&str>) -> bool {
        current.is_none_or(|current| compare_versions(&self.version, current).is_ge())
    }
}

impl Task {
    /// The machine of a run that names none; the smallest preset if the task's machine cannot be read.
    #[must_use]
    pub fn machine(&self, machines: &Machines) -> Machine {
        match &self.machine {
            Some(Value::String(name)) => Machine::parse(name).unwrap_or(Machine::Small1x),
            Some(Value::Object(object)) => {
                let number = |key: &str| object.get(key).and_then(Value::as_f64);
                match (object.get("preset"), number("cpu"), number("memory")) {
                    (Some(preset), ..) if !preset.is_null() => {
                        let named = preset.as_str().and_then(Machine::parse);
                        named.unwrap_or(Machine::Small1x)
                    }
                    (_, Some(cpu), Some(memory)) => machines.fitting(cpu, memory),
                    _ => Machine::Small1x,
                }
            }
            _ => Machine::Small1x,
        }
    }
}

/// Compares versions part by part, numbers as numbers: `20260807.10` comes after `20260807.9`.
#[must_use]
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => compare_parts(a, b),
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_parts(a: &str, b: &str) -> Ordering {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number(a), is_number(b)) {
        (true, true) => {
            let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        }
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn worker(image: Option<&str>) -> WorkerVersion {
        WorkerVersion {
            version: "20260807.9".to_owned(),
            image: image.map(str::to_owned),
            tasks: BTreeMap::from([("test".to_owned(), Task::default())]),
            queues: BTreeSet::from(["mail".to_owned()]),
        }
    }

    const PRODUCTION: EnvironmentType = EnvironmentType::Production;

    #[test]
    fn numbers_are_compared_as_numbers() {
        for (lower, higher) in [
            ("20260807.9", "20260807.10"),
            ("20260731.99", "20260801.1"),
            ("1", "1.0"),
            ("1.2.9", "1.10"),
            ("9", "18446744073709551616"),
            ("1.9", "1.beta"),
            ("a", "b"),
            ("1.01", "1.1"),
        ] {
            assert_eq!(
                compare_versions(lower, higher),
                Ordering::Less,
                "{lower} {higher}"
            );
            assert_eq!(compare_versions(higher, lower), Ordering::Greater);
        }
        assert_eq!(compare_versions("1.2", "1.2"), Ordering::Equal);
    }

    #[test]
    fn a_version_goes_forward_only() {
        assert!(worker(None).supersedes(None));
        assert!(worker(None).supersedes(Some("20260807.9")));
        assert!(worker(None).supersedes(Some("20260806.10")));
        assert!(!worker(None).supersedes(Some("20260807.10")));
    }

    #[test]
    fn obstacles_of_a_run_are_reported_in_a_fixed_order() {
        use ParkReason::*;
        let demand = |task, queue| Demand {
            task,
            queue,
            asked: None,
        };
        let with_image = worker(Some("image:1"));
        fn met(
            demand: Demand<'_>,
            worker: Option<&WorkerVersion>,
            kind: EnvironmentType,
            known: bool,
        ) -> Option<Obstacle> {
            demand.meet(worker, kind, || known).err()
        }
        let park = |reason| Some(Obstacle::Park(reason));
        let other = demand("other", "nowhere");
        assert_eq!(met(other, None, PRODUCTION, true), park(NoWorker));
        assert_eq!(
            met(other, Some(&with_image), PRODUCTION, true),
            park(TaskNotInLatest)
        );
        assert_eq!(
            met(other, Some(&with_image), PRODUCTION, false),
            park(TaskNeverRegistered)
        );
        let nowhere = demand("test", "nowhere");
        assert_eq!(
            met(nowhere, Some(&worker(None)), PRODUCTION, true),
            park(QueueNotFound)
        );
        for queue in ["mail", "task/test"] {
            let known = demand("test", queue);
            assert_eq!(
                met(known, Some(&worker(None)), PRODUCTION, true),
                park(NoDeployment)
            );
            assert_eq!(
                met(known, Some(&worker(Some(""))), PRODUCTION, true),
                park(NoDeployment)
            );
            assert_eq!(met(known, Some(&with_image), PRODUCTION, true), None);
            let development = EnvironmentType::Development;
            assert_eq!(met(known, Some(&worker(None)), development, true), None);
        }
    }

    #[test]
    fn a_worker_of_another_version_gets_nothing() {
        let with_image = worker(Some("image:1"));
        let asked = |asked| Demand {
            task: "test",
            queue: "mail",
            asked: Some(asked),
        };
        let met = |demand: Demand<'_>| demand.meet(Some(&with_image), PRODUCTION, || true).err();
        assert_eq!(met(asked("20260807.9")), None);
        assert_eq!(met(asked("20260807.10")), Some(Obstacle::Mismatch));
    }

    #[test]
    fn a_task_says_how_large_its_machine_is() {
        let machines = Machines::built_in(Machine::Micro);
        for (given, expected) in [
            (None, Machine::Small1x),
            (Some(json!("large-1x")), Machine::Large1x),
            (Some(json!("huge")), Machine::Small1x),
            (
                Some(json!({"preset": "medium-1x", "cpu": 4, "memory": 8})),
                Machine::Medium1x,
            ),
            (Some(json!({"preset": "huge"})), Machine::Small1x),
            (Some(json!({"cpu": 1, "memory": 2})), Machine::Medium1x),
            (Some(json!({"cpu": 0.5, "memory": 4})), Machine::Medium2x),
            (Some(json!({"cpu": 64, "memory": 1})), Machine::Micro),
            (Some(json!({"cpu": 1})), Machine::Small1x),
            (Some(json!(5)), Machine::Small1x),
        ] {
            let task = Task {
                machine: given.clone(),
                ..Task::default()
            };
            assert_eq!(task.machine(&machines), expected, "{given:?}");
        }
    }
}
