//! A state of the model: the run, the rows that it owns, and the callers.

use engine_core::{EnvironmentType, ExecutionStatus, Machine, RunStatus};

use super::caller::{Caller, Recalls};
use super::repeat::Link;
use super::row::{Row, Snapshot};

/// How much the model knows: all of it with three callers would be more states than a test can visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Three callers, whose lost answers are lost for good.
    Callers,
    /// Two callers that ask for lost answers again, take turns, and make their run wait.
    Repeats,
}

impl Scope {
    /// Most callers at once.
    fn max_callers(self) -> usize {
        match self {
            Self::Callers => 3,
            Self::Repeats => 2,
        }
    }
}

/// The run, its rows and its callers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub row: Row,
    /// Whether `engine.queue_item` has a row of the run.
    pub has_item: bool,
    /// The row of `engine.heartbeat`.
    pub deadline: Option<Deadline>,
    /// The callers, in order.
    pub callers: Vec<Caller>,
    /// What led to the latest snapshot; nothing if no call is made again.
    pub links: Vec<Link>,
    /// The rule that the last step broke.
    pub broken: Option<&'static str>,
    pub scope: Scope,
}

/// A row of `engine.heartbeat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Deadline {
    pub snapshot: Snapshot,
    pub holds_slot: bool,
}

impl State {
    /// The states in which a run can begin, or to which waiting and versions bring it, which are commands to come.
    pub fn beginnings(scope: Scope) -> Vec<Self> {
        use ExecutionStatus::*;
        let mut states = Vec::new();
        for environment_type in [EnvironmentType::Production, EnvironmentType::Development] {
            let begin = |execution_status, run_status, attempt_number| {
                Self::begin(
                    scope,
                    environment_type,
                    execution_status,
                    run_status,
                    attempt_number,
                )
            };
            states.extend([
                begin(Queued, RunStatus::Pending, None),
                begin(Queued, RunStatus::Pending, Some(248)),
                begin(Delayed, RunStatus::Delayed, None),
                begin(RunCreated, RunStatus::PendingVersion, None),
                begin(QueuedExecuting, RunStatus::Executing, Some(1)),
                begin(ExecutingWithWaitpoints, RunStatus::Executing, Some(1)),
                begin(Suspended, RunStatus::WaitingToResume, Some(1)),
            ]);
        }
        states
    }

    fn begin(
        scope: Scope,
        environment_type: EnvironmentType,
        execution_status: ExecutionStatus,
        run_status: RunStatus,
        attempt_number: Option<i32>,
    ) -> Self {
        let is_old = attempt_number > Some(2);
        let is_held = execution_status == ExecutionStatus::ExecutingWithWaitpoints;
        let is_watched = is_held || execution_status == ExecutionStatus::Suspended;
        Self {
            row: Row {
                environment_type,
                run_status,
                execution_status,
                snapshot: 0,
                attempt_number,
                max_attempts: if is_old { 250 } else { 3 },
                queue_attempts: 0,
                released_attempts: 0,
                machine: Machine::Small1x,
                was_dequeued: attempt_number.is_some(),
                is_dead_lettered: false,
                is_between_attempts: false,
            },
            has_item: execution_status.is_queued(),
            deadline: is_watched.then_some(Deadline {
                snapshot: 0,
                holds_slot: is_held,
            }),
            callers: if is_held {
                vec![Caller::new(0)]
            } else {
                Vec::new()
            },
            links: Vec::new(),
            broken: None,
            scope,
        }
    }

    /// Whether one more caller fits.
    pub fn has_room(&self) -> bool {
        self.callers.len() < self.scope.max_callers()
    }

    /// This state with its snapshots renumbered from 0, in the same order. They are only ever compared, so that a finite
    /// number of states represents histories of every length.
    pub fn renumbered(mut self) -> Self {
        self.forget_links();
        let mut known: Vec<Snapshot> = self
            .callers
            .iter()
            .flat_map(|caller| caller.known())
            .collect();
        known.extend(
            self.links
                .iter()
                .flat_map(|link| [link.previous, link.snapshot]),
        );
        known.push(self.row.snapshot);
        known.extend(self.deadline.map(|deadline| deadline.snapshot));
        known.sort_unstable();
        known.dedup();
        let rank = |snapshot: Snapshot| known.iter().filter(|known| **known < snapshot).count();
        self.row.snapshot = rank(self.row.snapshot);
        if let Some(deadline) = &mut self.deadline {
            deadline.snapshot = rank(deadline.snapshot);
        }
        for link in &mut self.links {
            link.previous = rank(link.previous);
            link.snapshot = rank(link.snapshot);
        }
        for caller in &mut self.callers {
            *caller = caller.renumbered(rank);
        }
        self.callers.sort_unstable();
        self
    }

    /// The run has moved on: what was lost of the calls before is lost for good.
    pub fn moved_on(&mut self) {
        for caller in &mut self.callers {
            if let Recalls::Call(_) = caller.recalls {
                caller.recalls = Recalls::Nothing;
            }
        }
    }
}
