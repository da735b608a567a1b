//! Waiting: a run stops at its waitpoints, and continues when all are completed.

use serde_json::json;

use crate::status::only_in;
use crate::{
    BatchId, Carries, ExecutionStatus, Move, Plan, Refusal, Run, RunStatus, SnapshotId, Timestamp,
    Transition, WaitpointId, WaitpointType,
};

/// An edge: something that a run waits for, or waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// The waitpoint's bare id.
    pub waitpoint_id: WaitpointId,
    /// The kind of waitpoint.
    pub kind: WaitpointType,
    /// Whether it is completed.
    pub is_completed: bool,
    /// Index of the waitpoint in the run's results.
    pub batch_index: Option<i32>,
}

/// What decides whether a run continues, read after it was locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The run's edges.
    pub blockers: Vec<Blocker>,
    /// Whether its latest snapshot has a checkpoint.
    pub has_checkpoint: bool,
    /// Its queue order, that of its trigger.
    pub position: Timestamp,
}

/// Whether a run continues.
#[derive(Debug, Clone, PartialEq)]
pub enum Unblocking {
    /// It continues.
    Unblocked(Box<Move>),
    /// A waitpoint is still pending.
    Blocked,
    /// It does not wait; the reason is a fixed text that callers compare.
    Skipped(&'static str),
}

/// When a suspended run that still waits is checked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// After a pause that grows: the engine itself completes what it waits for.
    Growing,
    /// After the longest pause: only a caller or the due time ends the wait, and either comes with a call of its own.
    Longest,
}

/// The snapshot with which a caller holds a run that is to wait.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// The caller's snapshot.
    pub snapshot_id: &'a SnapshotId,
    /// The snapshot before the latest, if the latest is that of a wait.
    pub before_wait: Option<&'a SnapshotId>,
}

impl Held<'_> {
    /// Refuses a caller that has lost the run. One that made it wait already may still have the snapshot before.
    ///
    /// # Errors
    /// [`Refusal::StaleSnapshot`] (`RE002`).
    fn check(self, run: &Run) -> Result<(), Refusal> {
        if self.before_wait == Some(self.snapshot_id) {
            return Ok(());
        }
        run.check_snapshot(self.snapshot_id)
    }
}

/// Stops `run`, which has new edges. A run that waits already keeps its snapshot.
///
/// A run without a worker is refused: it could not continue later. So is one that another attempt than the caller's executes.
pub(crate) fn block(
    run: &Run,
    batch_id: Option<&BatchId>,
    held: Option<Held<'_>>,
) -> Result<Plan, Refusal> {
    use ExecutionStatus::*;
    if let Some(held) = held {
        held.check(run)?;
    }
    only_in!(run.execution_status, {
        Executing => {
            let mut moved = run.moved(
                Transition::Blocked,
                ExecutingWithWaitpoints,
                run.run_status,
                "Blocked by a waitpoint",
            );
            moved.is_callers = true;
            moved.batch_id = batch_id.map(|id| id.as_str().to_owned());
            Ok(Plan::to(moved))
        },
        ExecutingWithWaitpoints | Suspended => Ok(Plan::Keep),
        Finished => Err(run.finished())
    } else Err(run.wrong_status("blocked")))
}

/// Continues `run` if no waitpoint is pending. Having no edges counts as having completed ones.
///
/// # Errors
/// [`Refusal::WrongStatus`] (`RE004`) for a suspended run without a checkpoint: nothing could be restored.
pub fn unblock(run: &Run, waiting: &Waiting) -> Result<Unblocking, Refusal> {
    use ExecutionStatus::*;
    if waiting.blockers.iter().any(|blocker| !blocker.is_completed) {
        return Ok(Unblocking::Blocked);
    }
    Ok(match run.execution_status {
        RunCreated => Unblocking::Skipped("run is already executing"),
        Delayed => Unblocking::Skipped("run is delayed"),
        Queued => Unblocking::Skipped("run is already queued"),
        PendingExecuting => Unblocking::Skipped("run is already pending executing"),
        QueuedExecuting => Unblocking::Skipped("run is already queued executing"),
        Executing => Unblocking::Skipped("run is already executing"),
        PendingCancel | Finished => Unblocking::Skipped("run is finished"),
        ExecutingWithWaitpoints => {
            let mut moved = run.moved(
                Transition::Unblocked,
                Executing,
                run.run_status,
                "Unblocked while its process is alive",
            );
            moved.carries.batch = true;
            Unblocking::Unblocked(Box::new(with_waitpoints(moved, &waiting.blockers)))
        }
        Suspended if waiting.has_checkpoint => {
            let mut moved = run.moved(
                Transition::Resumed,
                Queued,
                run.run_status,
                "Queued: all its waitpoints are completed",
            );
            moved.available_at = Some(waiting.position);
            moved.queue_attempts = 0;
            moved.carries = Carries {
                batch: true,
                checkpoint: true,
                ..Carries::default()
            };
            Unblocking::Unblocked(Box::new(with_waitpoints(moved, &waiting.blockers)))
        }
        Suspended if run.run_status == RunStatus::Canceled => {
            Unblocking::Skipped("run was canceled while suspended")
        }
        Suspended => {
            return Err(Refusal::WrongStatus {
                run_id: run.id.clone(),
                asked: "continued",
                reason: "It is suspended, but has no checkpoint.".to_owned(),
            });
        }
    })
}

/// When to check a suspended run again that waits for `blockers`.
#[must_use]
pub fn rest(blockers: &[Blocker]) -> Rest {
    if blockers.iter().any(|blocker| blocker.kind.is_of_engine()) {
        Rest::Growing
    } else {
        Rest::Longest
    }
}

/// Records every waitpoint in the snapshot once, and those with an index in the order of their indexes: a waitpoint may have
/// several.
fn with_waitpoints(mut moved: Move, blockers: &[Blocker]) -> Move {
    let mut ids: Vec<&str> = blockers
        .iter()
        .map(|blocker| blocker.waitpoint_id.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let mut indexed: Vec<(i32, &str)> = blockers
        .iter()
        .filter_map(|blocker| Some((blocker.batch_index?, blocker.waitpoint_id.as_str())))
        .collect();
    indexed.sort_unstable();
    let order: Vec<&str> = indexed.into_iter().map(|(_, id)| id).collect();
    moved.waitpoints = Some(json!({"ids": ids, "order": order}));
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::transition::tests::{decided, run_in};

    fn blocker(id: &str, is_completed: bool, batch_index: Option<i32>) -> Blocker {
        Blocker {
            waitpoint_id: WaitpointId::parse(id),
            kind: WaitpointType::Manual,
            is_completed,
            batch_index,
        }
    }

    fn waiting(blockers: Vec<Blocker>) -> Waiting {
        Waiting {
            blockers,
            has_checkpoint: true,
            position: Timestamp::from_micros(7),
        }
    }

    fn moved(unblocking: Unblocking) -> Move {
        match unblocking {
            Unblocking::Unblocked(moved) => *moved,
            other => panic!("not unblocked: {other:?}"),
        }
    }

    #[test]
    fn a_run_stops_where_an_attempt_runs_and_nowhere_else() {
        use ExecutionStatus::*;
        for status in ExecutionStatus::ALL {
            let answer = decided(
                &run_in(*status),
                Command::Block {
                    batch_id: None,
                    held: None,
                },
            );
            match (status, answer) {
                (Executing, Ok(Plan::Move(moved))) => {
                    assert_eq!(moved.execution_status, ExecutingWithWaitpoints);
                    assert_eq!(moved.carries, Carries::default());
                }
                (ExecutingWithWaitpoints | Suspended, answer) => assert_eq!(answer, Ok(Plan::Keep)),
                (Finished, answer) => assert_eq!(answer.unwrap_err().sqlstate(), "RE003"),
                (_, answer) => assert_eq!(answer.unwrap_err().sqlstate(), "RE004", "{status}"),
            }
        }
    }

    #[test]
    fn only_the_attempt_that_holds_the_run_makes_it_wait() {
        use ExecutionStatus::*;
        let (old, lost) = (&SnapshotId::parse("a"), &SnapshotId::parse("lost"));
        for status in ExecutionStatus::ALL {
            let run = run_in(*status);
            let block = |snapshot_id, before_wait| {
                let held = Some(Held {
                    snapshot_id,
                    before_wait,
                });
                decided(
                    &run,
                    Command::Block {
                        batch_id: None,
                        held,
                    },
                )
            };
            let is_executing = matches!(status, Executing | ExecutingWithWaitpoints | Suspended);
            assert_eq!(block(&run.snapshot_id, None).is_ok(), is_executing);
            assert_eq!(block(old, Some(old)).is_ok(), is_executing);
            assert_eq!(block(lost, Some(old)).unwrap_err().sqlstate(), "RE002");
        }
    }

    #[test]
    fn a_block_names_the_batch_that_it_is_for_and_no_other() {
        let batch = BatchId::parse("b");
        let command = Command::Block {
            batch_id: Some(&batch),
            held: None,
        };
        let Ok(Plan::Move(moved)) = decided(&run_in(ExecutionStatus::Executing), command) else {
            panic!("not blocked")
        };
        assert_eq!(moved.batch_id.as_deref(), Some("b"));
        assert!(moved.is_callers && !moved.carries.batch);
    }

    #[test]
    fn one_missing_waitpoint_is_enough_to_wait() {
        for status in ExecutionStatus::ALL {
            let blockers = vec![blocker("a", true, None), blocker("b", false, None)];
            assert_eq!(
                unblock(&run_in(*status), &waiting(blockers)),
                Ok(Unblocking::Blocked)
            );
        }
    }

    #[test]
    fn who_does_not_wait_is_skipped_with_the_words_of_the_reference() {
        use ExecutionStatus::*;
        for (status, reason) in [
            (RunCreated, "run is already executing"),
            (Delayed, "run is delayed"),
            (Queued, "run is already queued"),
            (PendingExecuting, "run is already pending executing"),
            (QueuedExecuting, "run is already queued executing"),
            (Executing, "run is already executing"),
            (PendingCancel, "run is finished"),
            (Finished, "run is finished"),
        ] {
            assert_eq!(
                unblock(&run_in(status), &waiting(vec![])),
                Ok(Unblocking::Skipped(reason))
            );
        }
    }

    #[test]
    fn a_live_process_continues_with_its_slot() {
        let run = run_in(ExecutionStatus::ExecutingWithWaitpoints);
        let moved = moved(unblock(&run, &waiting(vec![blocker("a", true, None)])).unwrap());
        assert_eq!(moved.execution_status, ExecutionStatus::Executing);
        assert_eq!(
            (moved.available_at, moved.carries.checkpoint),
            (None, false)
        );
        assert!(moved.carries.batch);
        assert_eq!(moved.waitpoints, Some(json!({"ids": ["a"], "order": []})));
    }

    #[test]
    fn a_frozen_one_returns_to_its_queue_order_with_its_checkpoint() {
        let run = Run {
            queue_attempts: 3,
            run_status: RunStatus::WaitingToResume,
            ..run_in(ExecutionStatus::Suspended)
        };
        let moved = moved(unblock(&run, &waiting(vec![])).unwrap());
        assert_eq!(moved.execution_status, ExecutionStatus::Queued);
        assert_eq!(moved.run_status, RunStatus::WaitingToResume);
        assert_eq!(moved.available_at, Some(Timestamp::from_micros(7)));
        assert_eq!(moved.queue_attempts, 0);
        assert!(moved.carries.checkpoint && moved.carries.batch && !moved.carries.waitpoints);
    }

    #[test]
    fn without_a_checkpoint_nothing_can_be_thawed() {
        let bare = Waiting {
            has_checkpoint: false,
            ..waiting(vec![])
        };
        let run = run_in(ExecutionStatus::Suspended);
        assert_eq!(unblock(&run, &bare).unwrap_err().sqlstate(), "RE004");
        let cancelled = Run {
            run_status: RunStatus::Canceled,
            ..run
        };
        assert_eq!(
            unblock(&cancelled, &bare),
            Ok(Unblocking::Skipped("run was canceled while suspended"))
        );
    }

    #[test]
    fn a_waitpoint_with_two_indexes_stands_twice_in_the_order() {
        let blockers = vec![
            blocker("w", true, Some(0)),
            blocker("other", true, Some(1)),
            blocker("w", true, Some(2)),
            blocker("batch", true, None),
        ];
        let run = run_in(ExecutionStatus::ExecutingWithWaitpoints);
        assert_eq!(
            moved(unblock(&run, &waiting(blockers)).unwrap()).waitpoints,
            Some(json!({"ids": ["batch", "other", "w"], "order": ["w", "other", "w"]}))
        );
    }

    #[test]
    fn a_wait_that_the_engine_ends_is_looked_at_more_often() {
        assert_eq!(rest(&[blocker("a", false, None)]), Rest::Longest);
        let child = Blocker {
            kind: WaitpointType::Run,
            ..blocker("b", false, None)
        };
        assert_eq!(rest(&[blocker("a", false, None), child]), Rest::Growing);
    }
}
