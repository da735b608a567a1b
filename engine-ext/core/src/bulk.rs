//! Bulk actions: one action on all runs that match a filter.

use serde_json::{Map, Value};

use crate::status::named;
use crate::{ExecutionStatus, Refusal, RunFilter, RunStatus, Timestamp, check_name};

named! {
    /// What a bulk action does to each of its runs.
    BulkVerb {
        /// Cancels it.
        Cancel = "cancel",
        /// Triggers a new run that does its work again.
        Replay = "replay",
        /// Requeues it, if neither its handler nor a cancel ended it.
        Redrive = "redrive",
        /// Takes it from its worker, back into its queue.
        Release = "release",
        /// Moves its due time.
        Reschedule = "reschedule",
        /// Moves it to another queue.
        Move = "move",
        /// Moves it ahead in its queue, or back.
        SetPriority = "set_priority",
        /// Deletes it with all that belongs to it.
        Forget = "forget",
    }
}

/// Where the runs of a bulk action are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkReach {
    /// Among those that have not ended, which are few.
    Live,
    /// Among those that have ended.
    Ended,
    /// Among all.
    Any,
}

/// A bulk action, with what it needs besides its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkAction {
    /// [`BulkVerb::Cancel`].
    Cancel,
    /// [`BulkVerb::Replay`].
    Replay {
        /// Whether the new runs begin with the results of steps and waits.
        keep_steps: bool,
    },
    /// [`BulkVerb::Redrive`].
    Redrive,
    /// [`BulkVerb::Release`].
    Release,
    /// [`BulkVerb::Reschedule`].
    Reschedule {
        /// The new due time.
        time: Timestamp,
    },
    /// [`BulkVerb::Move`].
    Move {
        /// The new queue.
        queue: String,
    },
    /// [`BulkVerb::SetPriority`].
    SetPriority {
        /// Milliseconds by which each moves ahead in its queue.
        priority_ms: i64,
    },
    /// [`BulkVerb::Forget`].
    Forget,
}

impl BulkAction {
    /// Reads an action and its options.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for an action that does not exist, an option that is missing, is of another type or that
    /// the action does not have.
    pub fn read(action: &str, options: Option<&Value>) -> Result<Self, Refusal> {
        let verb = BulkVerb::parse(action).ok_or_else(|| {
            Refusal::invalid(
                "action",
                format!("\"{action}\" is none."),
                "Pass cancel, replay, redrive, release, reschedule, move, set_priority or forget.",
            )
        })?;
        let mut options = match options {
            None => Map::new(),
            Some(Value::Object(options)) => options.clone(),
            Some(_) => return refuse("They are not an object.".to_owned()),
        };
        let action = match verb {
            BulkVerb::Cancel => Self::Cancel,
            BulkVerb::Redrive => Self::Redrive,
            BulkVerb::Release => Self::Release,
            BulkVerb::Forget => Self::Forget,
            BulkVerb::Replay => Self::Replay {
                keep_steps: match options.remove("keep_steps") {
                    None => false,
                    Some(Value::Bool(keeps)) => keeps,
                    Some(_) => return refuse("\"keep_steps\" is not a boolean.".to_owned()),
                },
            },
            BulkVerb::Reschedule => Self::Reschedule {
                time: time(&needed(verb, &mut options, "time")?)?,
            },
            BulkVerb::Move => match needed(verb, &mut options, "queue")? {
                Value::String(queue) => Self::Move {
                    queue: check_name("queue", &queue)?.to_owned(),
                },
                _ => return refuse("\"queue\" is not a text.".to_owned()),
            },
            BulkVerb::SetPriority => {
                let priority_ms = needed(verb, &mut options, "priority")?;
                match priority_ms.as_i64() {
                    Some(priority_ms) if priority_ms.abs() <= MAX_PRIORITY_MS => {
                        Self::SetPriority { priority_ms }
                    }
                    _ => return refuse("\"priority\" is no number of milliseconds.".to_owned()),
                }
            }
        };
        match options.keys().next() {
            Some(other) => refuse(format!("The action {verb} has no option \"{other}\".")),
            None => Ok(action),
        }
    }

    /// What it does.
    #[must_use]
    pub const fn verb(&self) -> BulkVerb {
        match self {
            Self::Cancel => BulkVerb::Cancel,
            Self::Replay { .. } => BulkVerb::Replay,
            Self::Redrive => BulkVerb::Redrive,
            Self::Release => BulkVerb::Release,
            Self::Reschedule { .. } => BulkVerb::Reschedule,
            Self::Move { .. } => BulkVerb::Move,
            Self::SetPriority { .. } => BulkVerb::SetPriority,
            Self::Forget => BulkVerb::Forget,
        }
    }
}

/// Largest priority, milliseconds: a century.
const MAX_PRIORITY_MS: i64 = 100 * 365 * 86_400_000;

impl BulkVerb {
    /// Where its runs are found.
    #[must_use]
    pub const fn reach(self) -> BulkReach {
        match self {
            Self::Cancel | Self::Release | Self::Reschedule | Self::Move | Self::SetPriority => {
                BulkReach::Live
            }
            Self::Redrive | Self::Forget => BulkReach::Ended,
            Self::Replay => BulkReach::Any,
        }
    }

    /// The execution statuses of runs to which it can be done; the others of a filter are not its runs.
    #[must_use]
    pub const fn execution_statuses(self) -> &'static [ExecutionStatus] {
        use ExecutionStatus::*;
        match self {
            Self::Cancel => &[
                RunCreated,
                Delayed,
                Queued,
                QueuedExecuting,
                PendingExecuting,
                Executing,
                ExecutingWithWaitpoints,
                Suspended,
            ],
            Self::Replay => ExecutionStatus::ALL,
            Self::Redrive | Self::Forget => &[Finished],
            Self::Release => &[PendingExecuting, Executing],
            Self::Reschedule => &[RunCreated, Delayed],
            Self::Move | Self::SetPriority => &[RunCreated, Delayed, Queued],
        }
    }

    /// The runs of a filter to which it can be done.
    #[must_use]
    pub fn narrow(self, filter: RunFilter) -> RunFilter {
        use RunStatus::*;
        match self {
            Self::Redrive => {
                filter.within(&[Interrupted, SystemFailure, Crashed, Expired, TimedOut])
            }
            _ => filter,
        }
    }
}

/// Most runs that a filter may match, if it matched `expected` when its caller looked: a tenth more.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for a negative number.
pub fn most_expected(expected: Option<i64>) -> Result<Option<i64>, Refusal> {
    match expected {
        Some(expected) if expected < 0 => Err(Refusal::invalid(
            "expected_count",
            format!("{expected} is negative."),
            "Pass the count of the dry run, or omit it.",
        )),
        expected => Ok(expected.map(|expected| expected.saturating_add(expected / 10))),
    }
}

fn needed(verb: BulkVerb, options: &mut Map<String, Value>, name: &str) -> Result<Value, Refusal> {
    match options.remove(name) {
        Some(value) => Ok(value),
        None => refuse(format!("The action {verb} needs the option \"{name}\".")),
    }
}

fn time(value: &Value) -> Result<Timestamp, Refusal> {
    match value.as_str().and_then(Timestamp::parse_rfc3339) {
        Some(time) => time.check("time"),
        None => refuse("\"time\" is not a time.".to_owned()),
    }
}

fn refuse<T>(detail: String) -> Result<T, Refusal> {
    Err(Refusal::invalid(
        "options",
        detail,
        "Pass keep_steps for replay, time for reschedule, queue for move, priority for set_priority, and none for the others.",
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_has_its_own_options_and_no_others() {
        let read = |action: &str, options: Value| BulkAction::read(action, Some(&options));
        assert_eq!(BulkAction::read("cancel", None), Ok(BulkAction::Cancel));
        let replay = |keep_steps| Ok(BulkAction::Replay { keep_steps });
        assert_eq!(BulkAction::read("replay", None), replay(false));
        assert_eq!(read("replay", json!({"keep_steps": true})), replay(true));
        let queue = "slow".to_owned();
        assert_eq!(
            read("move", json!({"queue": "slow"})),
            Ok(BulkAction::Move { queue })
        );
        let priority_ms = -60_000;
        let set = Ok(BulkAction::SetPriority { priority_ms });
        assert_eq!(read("set_priority", json!({"priority": -60_000})), set);
        assert!(read("reschedule", json!({"time": "2030-01-01T00:00:00Z"})).is_ok());
        for (action, options) in [
            ("delete", json!({})),
            ("cancel", json!({"queue": "slow"})),
            ("cancel", json!([])),
            ("move", json!({})),
            ("move", json!({"queue": ""})),
            ("move", json!({"queue": 1})),
            ("replay", json!({"keep_steps": "yes"})),
            ("reschedule", json!({"time": "soon"})),
            ("set_priority", json!({"priority": 1.5})),
            ("set_priority", json!({"priority": i64::MAX})),
        ] {
            let refused = read(action, options.clone()).unwrap_err();
            assert_eq!(refused.sqlstate(), "22023", "{action} {options}");
        }
    }

    #[test]
    fn every_verb_finds_its_runs_where_they_are() {
        for verb in BulkVerb::ALL {
            let ends = |status: &ExecutionStatus| *status == ExecutionStatus::Finished;
            let statuses = verb.execution_statuses();
            match verb.reach() {
                BulkReach::Live => assert!(!statuses.iter().any(ends), "{verb}"),
                BulkReach::Ended => assert!(statuses.iter().all(ends), "{verb}"),
                BulkReach::Any => assert_eq!(statuses, ExecutionStatus::ALL),
            }
        }
    }

    #[test]
    fn a_filter_may_match_a_tenth_more_than_expected() {
        assert_eq!(most_expected(None), Ok(None));
        assert_eq!(most_expected(Some(100)), Ok(Some(110)));
        assert_eq!(most_expected(Some(5)), Ok(Some(5)));
        assert_eq!(most_expected(Some(-1)).unwrap_err().sqlstate(), "22023");
    }
}
