//! Retention: how long a run is kept after it has ended.
//!
//! What was set comes before what is built in. A task comes before a queue, a queue before an environment, an environment
//! before all of them; of the policies of one subject that of the outcome comes first.

use std::collections::BTreeMap;

use crate::kept_run::{DAY_MS, LONGEST_DAYS};
use crate::{EnvironmentType, KeptRun, KeptRuns, RunOutcome, Timestamp};

/// Longest time between two looks at the same runs: since the last one, runs with ids among theirs may have come.
const HOUR_MS: i64 = 3_600_000;

/// The policies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retention {
    set: BTreeMap<KeptRuns, Option<i64>>,
}

impl Retention {
    /// The policies that were set: how long to keep which runs, in milliseconds, `None` for ever.
    #[must_use]
    pub fn new(set: impl IntoIterator<Item = (KeptRuns, Option<i64>)>) -> Self {
        Self {
            set: set.into_iter().collect(),
        }
    }

    /// The policies that were set.
    pub fn set(&self) -> impl Iterator<Item = (&KeptRuns, Option<i64>)> {
        self.set.iter().map(|(runs, keep_ms)| (runs, *keep_ms))
    }

    /// The policy that holds for a run with an outcome; `None` if none was set.
    #[must_use]
    pub fn policy(&self, run: &KeptRun, outcome: RunOutcome) -> Option<(&KeptRuns, Option<i64>)> {
        if self.set.is_empty() {
            return None;
        }
        let (task, queue) = (Some(run.task.clone()), Some(run.queue.clone()));
        for (task, queue) in [(task, None), (None, queue), (None, None)] {
            for environment_id in [Some(run.environment_id.clone()), None] {
                for outcome in [Some(outcome), None] {
                    let runs = KeptRuns {
                        environment_id: environment_id.clone(),
                        task: task.clone(),
                        queue: queue.clone(),
                        outcome,
                    };
                    if let Some((runs, keep_ms)) = self.set.get_key_value(&runs) {
                        return Some((runs, *keep_ms));
                    }
                }
            }
        }
        None
    }

    /// How long a run with an outcome is kept, milliseconds; `None` for ever.
    fn keep_ms(&self, run: &KeptRun, outcome: RunOutcome) -> Option<i64> {
        match self.policy(run, outcome) {
            Some((_, keep_ms)) => keep_ms,
            None if run.is_test || run.environment_type == EnvironmentType::Development => {
                Some(DAY_MS)
            }
            None => Some(outcome.built_in_ms()),
        }
    }

    /// When a run is removed that ended at `ended_at`, or, if it has not ended, could be if it ended now; `None` for never.
    #[must_use]
    pub fn keep_until(&self, run: &KeptRun, ended_at: Timestamp) -> Option<Timestamp> {
        let keep_ms = match RunOutcome::of(run.run_status) {
            Some(outcome) => self.keep_ms(run, outcome),
            None => RunOutcome::ALL
                .iter()
                .filter_map(|outcome| self.keep_ms(run, *outcome))
                .min(),
        };
        Some(ended_at.plus_ms(keep_ms?))
    }

    /// The shortest time for which any run is kept, milliseconds; `None` if all are kept for ever.
    #[must_use]
    pub fn shortest_ms(&self) -> Option<i64> {
        let set = self.set.values().copied().flatten().min();
        let covers = |outcome: &RunOutcome| {
            [Some(*outcome), None].into_iter().any(|outcome| {
                self.set.contains_key(&KeptRuns {
                    outcome,
                    ..KeptRuns::default()
                })
            })
        };
        let built_in = RunOutcome::ALL.iter().any(|outcome| !covers(outcome));
        set.into_iter().chain(built_in.then_some(DAY_MS)).min()
    }

    /// When the sweep looks again, after `now`, at a stretch of runs of which the first may be removed at `first`; an open
    /// stretch is the one to which new runs are added. Runs whose time comes soon after each other are removed together.
    #[must_use]
    pub fn next_look(&self, now: Timestamp, first: Option<Timestamp>, is_open: bool) -> Timestamp {
        let shortest_ms = self.shortest_ms().unwrap_or(LONGEST_DAYS * DAY_MS);
        let pause_ms = (shortest_ms / 100).clamp(1000, HOUR_MS);
        let new_ms = if is_open {
            shortest_ms
        } else {
            shortest_ms.max(HOUR_MS)
        };
        let next = first.map_or(now.plus_ms(new_ms), |first| first.min(now.plus_ms(new_ms)));
        next.max(now.plus_ms(pause_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunStatus;

    const NOW: Timestamp = Timestamp::from_micros(0);

    fn run(run_status: RunStatus) -> KeptRun {
        KeptRun {
            environment_id: "e".to_owned(),
            environment_type: EnvironmentType::Production,
            is_test: false,
            task: "t".to_owned(),
            queue: "q".to_owned(),
            run_status,
        }
    }

    fn runs(of: [Option<&str>; 4]) -> KeptRuns {
        let [environment_id, task, queue, outcome] = of;
        let text = |text: Option<&str>| text.map(str::to_owned);
        KeptRuns::check(text(environment_id), text(task), text(queue), outcome).unwrap()
    }

    fn days(retention: &Retention, run: &KeptRun) -> Option<i64> {
        let until = retention.keep_until(run, NOW)?;
        Some(until.ms_since(NOW) / DAY_MS)
    }

    #[test]
    fn without_a_policy_the_outcome_says_how_long_a_run_is_kept() {
        use RunStatus::*;
        let none = Retention::default();
        for (status, expected) in [
            (CompletedSuccessfully, 7),
            (Canceled, 7),
            (Expired, 7),
            (CompletedWithErrors, 30),
            (Interrupted, 30),
            (SystemFailure, 30),
            (Crashed, 30),
            (TimedOut, 30),
            (Executing, 7),
        ] {
            assert_eq!(days(&none, &run(status)), Some(expected), "{status}");
            let test = KeptRun {
                is_test: true,
                ..run(status)
            };
            let development = KeptRun {
                environment_type: EnvironmentType::Development,
                ..run(status)
            };
            assert_eq!(days(&none, &test), Some(1));
            assert_eq!(days(&none, &development), Some(1));
        }
        assert_eq!(none.shortest_ms(), Some(DAY_MS));
    }

    #[test]
    fn the_closest_policy_holds_and_what_was_set_comes_before_what_is_built_in() {
        // From the farthest to the closest: each hides those before it.
        let scopes = [
            [None, None, None, None],
            [None, None, None, Some("FAILED")],
            [Some("e"), None, None, None],
            [Some("e"), None, None, Some("FAILED")],
            [None, None, Some("q"), None],
            [None, None, Some("q"), Some("FAILED")],
            [Some("e"), None, Some("q"), None],
            [Some("e"), None, Some("q"), Some("FAILED")],
            [None, Some("t"), None, None],
            [None, Some("t"), None, Some("FAILED")],
            [Some("e"), Some("t"), None, None],
            [Some("e"), Some("t"), None, Some("FAILED")],
        ];
        let mut set = Vec::new();
        for (day, scope) in (100..).zip(scopes) {
            set.push((runs(scope), Some(day * DAY_MS)));
            let retention = Retention::new(set.clone());
            let failed = run(RunStatus::CompletedWithErrors);
            assert_eq!(days(&retention, &failed), Some(day), "{scope:?}");
            let test = KeptRun {
                is_test: true,
                ..failed
            };
            assert_eq!(days(&retention, &test), Some(day), "{scope:?}");
        }
        set.reverse();
        let other = KeptRun {
            environment_id: "other".to_owned(),
            task: "other".to_owned(),
            queue: "other".to_owned(),
            ..run(RunStatus::Canceled)
        };
        assert_eq!(days(&Retention::new(set), &other), Some(100));
    }

    #[test]
    fn what_is_kept_for_ever_is_never_due() {
        let for_ever = Retention::new([(KeptRuns::default(), None)]);
        for status in RunStatus::ALL {
            assert_eq!(days(&for_ever, &run(*status)), None, "{status}");
        }
        assert_eq!(for_ever.shortest_ms(), None);
        let task = (runs([None, Some("t"), None, None]), Some(0));
        let but_one = Retention::new([(KeptRuns::default(), None), task]);
        assert_eq!(but_one.shortest_ms(), Some(0));
        assert_eq!(days(&but_one, &run(RunStatus::Canceled)), Some(0));
    }

    #[test]
    fn a_run_that_lives_could_be_removed_at_the_shortest_of_its_policies() {
        let set = [
            (
                runs([None, Some("t"), None, Some("CANCELED")]),
                Some(2 * DAY_MS),
            ),
            (runs([None, Some("t"), None, Some("COMPLETED")]), None),
        ];
        assert_eq!(
            days(&Retention::new(set), &run(RunStatus::Executing)),
            Some(2)
        );
    }

    #[test]
    fn runs_whose_time_comes_soon_after_each_other_are_removed_together() {
        let week = Retention::new([(KeptRuns::default(), Some(7 * DAY_MS))]);
        let next = |first: i64, is_open| {
            let at = week.next_look(NOW, Some(NOW.plus_ms(first)), is_open);
            at.ms_since(NOW)
        };
        assert_eq!(next(0, false), HOUR_MS);
        assert_eq!(next(5 * DAY_MS, false), 5 * DAY_MS);
        assert_eq!(next(30 * DAY_MS, true), 7 * DAY_MS);
        let at_once = Retention::new([(KeptRuns::default(), Some(0))]);
        assert_eq!(at_once.next_look(NOW, None, true), NOW.plus_ms(1000));
        assert_eq!(at_once.next_look(NOW, None, false), NOW.plus_ms(HOUR_MS));
    }
}
