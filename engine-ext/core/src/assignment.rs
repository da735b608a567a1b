//! The settings that a dequeued run executes with.

use serde_json::{Value, json};

use crate::{Machine, Machines, RetrySettings, Run, Task, WorkerVersion};

/// A run with this duration in seconds has no limit, even if its task has one.
const NO_LIMIT: i32 = i32::MAX;

/// The settings that a dequeued run executes with, after defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The version that executes it.
    pub version: Option<String>,
    /// The image that the version is started from.
    pub image: Option<String>,
    /// The machine it runs on.
    pub machine: Machine,
    /// Limit on the number of attempts.
    pub max_attempts: i32,
    /// Time limit of an attempt, seconds.
    pub max_duration_seconds: Option<i32>,
    /// Retry settings, of the run, its task or its environment.
    pub retry: Option<Value>,
}

impl Assignment {
    /// Settings of a run of `max_attempts` attempts in an environment that requires no version. `version` is the version
    /// that the run is bound to nevertheless, `default` the retry policy of its environment.
    #[must_use]
    pub fn unversioned(
        run: &Run,
        version: Option<&str>,
        max_attempts: i32,
        max_duration_seconds: Option<i32>,
        default: Option<&Value>,
        machines: &Machines,
    ) -> Self {
        // A policy applies as a whole: a run with a policy of its own takes no attempts from another one.
        let default = default.filter(|_| run.retry.is_none());
        let attempts = match run.max_attempts {
            Some(_) => None,
            None => default
                .and_then(RetrySettings::parse)
                .map(|policy| policy.max_attempts.max(1)),
        };
        Self {
            version: version.map(str::to_owned),
            image: None,
            machine: machines.resolve(run.machine.as_deref()),
            max_attempts: attempts.unwrap_or(max_attempts),
            max_duration_seconds: max_duration_seconds.filter(|seconds| *seconds != NO_LIMIT),
            retry: run
                .retry
                .as_ref()
                .or(default)
                .cloned()
                .or_else(|| default_delays(run)),
        }
    }

    /// Settings of a run that `worker` executes. What the run leaves open comes from its task, and retries then from its
    /// environment.
    #[must_use]
    pub fn versioned(
        run: &Run,
        worker: &WorkerVersion,
        task: &Task,
        max_attempts: i32,
        max_duration_seconds: Option<i32>,
        default: Option<&Value>,
        machines: &Machines,
    ) -> Self {
        let limit = max_duration_seconds.or(task.max_duration_seconds);
        let version = Some(worker.version.as_str());
        let default = task.retry.as_ref().or(default);
        let plain = Self::unversioned(run, version, max_attempts, limit, default, machines);
        Self {
            image: worker.image.clone(),
            machine: match run.machine {
                Some(_) => plain.machine,
                None => task.machine(machines),
            },
            ..plain
        }
    }
}

/// The policy of a run that asks for several attempts without a policy: the default delays. Applies to the first dequeue
/// only: later the number of attempts is already resolved, and no longer tells whether the run asked for it.
fn default_delays(run: &Run) -> Option<Value> {
    let max_attempts = run.max_attempts.filter(|attempts| *attempts > 1)?;
    (!run.was_dequeued).then(|| json!({"maxAttempts": max_attempts}))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::ExecutionStatus;
    use crate::transition::tests::run_in;

    fn assigned(run: &Run, max_duration_seconds: Option<i32>) -> Assignment {
        let worker = WorkerVersion {
            version: "1".to_owned(),
            image: Some("image:1".to_owned()),
            tasks: BTreeMap::new(),
            queues: BTreeSet::new(),
        };
        let task = Task {
            retry: Some(json!({"maxAttempts": 7})),
            machine: Some(json!("large-1x")),
            max_duration_seconds: Some(60),
            ttl: None,
        };
        let machines = Machines::built_in(Machine::Micro);
        let attempts = run.attempts();
        Assignment::versioned(
            run,
            &worker,
            &task,
            attempts,
            max_duration_seconds,
            None,
            &machines,
        )
    }

    #[test]
    fn what_a_run_does_not_say_its_task_says() {
        let run = Run {
            max_attempts: None,
            ..run_in(ExecutionStatus::Queued)
        };
        let assignment = assigned(&run, None);
        assert_eq!(assignment.version.as_deref(), Some("1"));
        assert_eq!(assignment.image.as_deref(), Some("image:1"));
        assert_eq!(assignment.machine, Machine::Large1x);
        assert_eq!(
            (assignment.max_attempts, assignment.max_duration_seconds),
            (7, Some(60))
        );
        assert_eq!(assignment.retry, Some(json!({"maxAttempts": 7})));
    }

    #[test]
    fn what_a_run_says_itself_holds() {
        let run = Run {
            max_attempts: Some(2),
            machine: Some("small-2x".to_owned()),
            retry: Some(json!({"factor": 1})),
            ..run_in(ExecutionStatus::Queued)
        };
        let assignment = assigned(&run, Some(5));
        assert_eq!(assignment.machine, Machine::Small2x);
        assert_eq!(
            (assignment.max_attempts, assignment.max_duration_seconds),
            (2, Some(5))
        );
        assert_eq!(assignment.retry, run.retry);
    }

    #[test]
    fn a_policy_of_the_run_counts_whole() {
        let run = Run {
            max_attempts: None,
            retry: Some(json!({"maxAttempts": 2})),
            ..run_in(ExecutionStatus::Queued)
        };
        let assignment = assigned(&run, None);
        assert_eq!(assignment.max_attempts, 2);
        assert_eq!(assignment.retry, run.retry);
    }

    #[test]
    fn several_attempts_alone_ask_for_the_default_delays_once() {
        let machines = Machines::built_in(Machine::Micro);
        for (max_attempts, was_dequeued, expected) in [
            (Some(7), false, Some(json!({"maxAttempts": 7}))),
            (Some(7), true, None),
            (Some(1), false, None),
            (None, false, None),
        ] {
            let run = Run {
                max_attempts,
                was_dequeued,
                ..run_in(ExecutionStatus::Queued)
            };
            let attempts = run.attempts();
            let assignment = Assignment::unversioned(&run, None, attempts, None, None, &machines);
            assert_eq!(assignment.retry, expected);
        }
    }

    #[test]
    fn the_policy_of_the_environment_holds_where_nobody_else_has_one() {
        let machines = Machines::built_in(Machine::Micro);
        let policy = json!({"maxAttempts": 6});
        let own = Some(json!({"maxAttempts": 2}));
        for (max_attempts, retry, expected) in [
            (None, None, (6, Some(policy.clone()))),
            (Some(4), None, (4, Some(policy.clone()))),
            (None, own.clone(), (2, own)),
        ] {
            let run = Run {
                max_attempts,
                retry,
                ..run_in(ExecutionStatus::Queued)
            };
            let (attempts, default) = (run.attempts(), Some(&policy));
            let assignment =
                Assignment::unversioned(&run, None, attempts, None, default, &machines);
            assert_eq!((assignment.max_attempts, assignment.retry), expected);
        }
        let run = Run {
            max_attempts: None,
            ..run_in(ExecutionStatus::Queued)
        };
        assert_eq!(assigned(&run, None).max_attempts, 7, "that of the task");
    }

    #[test]
    fn a_run_may_say_that_it_has_no_limit() {
        let run = run_in(ExecutionStatus::Queued);
        assert_eq!(assigned(&run, Some(i32::MAX)).max_duration_seconds, None);
    }
}
