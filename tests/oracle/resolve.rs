//! Fills in the ids of runs and snapshots.

use engine_core::ExecutionStatus;
use engine_harness::Held;
use serde_json::Value;

use crate::call::{Call, LAPSED_AT};
use crate::command::{Command, End, Hold, Options, Which};
use crate::life::Life;
use crate::oracle::Oracle;

/// An id that no run and no snapshot has.
const UNKNOWN_ID: &str = "nobody";

/// What a history knows before its next command.
pub struct Scene<'a> {
    pub oracle: &'a Oracle,
    pub worker_queue: &'a str,
    /// Number of commands before.
    pub step: i64,
}

impl Scene<'_> {
    /// The call of `command`; `None` if it moves the clock of a run that does not exist.
    pub fn call(&self, command: &Command) -> Option<Call> {
        Some(match command {
            Command::Trigger(options) => Call::Trigger(self.options(options)),
            Command::TriggerMany(many) => {
                Call::TriggerMany(many.iter().map(|options| self.options(options)).collect())
            }
            Command::Dequeue {
                max_runs,
                environment,
            } => Call::Dequeue {
                max_runs: *max_runs,
                environment_id: environment.map(str::to_owned),
            },
            Command::Start(hold) => Call::Start(self.held(*hold, may_start)),
            Command::Complete(hold, end) => {
                Call::Complete(self.held(*hold, may_end), end.to_json())
            }
            Command::CompleteMany(ends) => Call::CompleteMany(self.ends(ends)),
            Command::Work {
                ends,
                max_runs,
                environment,
                turn,
            } => Call::Work {
                ends: self.ends(ends),
                max_runs: *max_runs,
                environment_id: environment.map(str::to_owned),
                // No turn of an earlier history has this name.
                turn_id: turn.map(|turn| format!("{turn} of {}", self.worker_queue)),
            },
            Command::Release(hold) => Call::Release(self.held(*hold, may_be_released)),
            Command::Block(hold) => Call::Block(self.held(*hold, may_end)),
            Command::Unblock(which) => Call::Unblock(self.only(*which, waits)?),
            Command::Beat(hold) => Call::Beat(self.held(*hold, is_watched)),
            Command::BeatMany(holds) => {
                let held = |hold: &Hold| self.held(*hold, is_watched);
                Call::BeatMany(holds.iter().map(held).collect())
            }
            Command::Cancel(which, cancel) => {
                Call::Cancel(self.run(*which, |life| !is_over(life)), cancel.clone())
            }
            Command::Tick => Call::Tick,
            Command::Redrive(which) => {
                Call::Redrive(self.run(*which, |life| life.rows.state.is_dead_lettered))
            }
            Command::Replay(which) => Call::Replay(self.run(*which, |_| true)),
            Command::Lapse(which) => Call::Lapse(self.only(*which, is_watched)?),
            Command::Due(which) => {
                let run_id = self.only(*which, |life| life.rows.available_at.is_some())?;
                Call::Due(run_id, LAPSED_AT.plus_ms(self.step))
            }
            Command::Stray(which) => {
                Call::Stray(self.only(*which, |life| life.rows.available_at.is_none())?)
            }
        })
    }

    fn ends(&self, ends: &[(Hold, End)]) -> Vec<(Held, Value)> {
        let end = |(hold, end): &(Hold, End)| (self.held(*hold, may_end), end.to_json());
        ends.iter().map(end).collect()
    }

    fn options(&self, options: &Options) -> Value {
        let parent = options.parent.map(|which| self.run(which, |_| true));
        options.to_json(self.worker_queue, parent)
    }

    /// A run for which `fits` says yes, or else any.
    fn run(&self, which: Which, fits: impl Fn(&Life) -> bool) -> String {
        match which {
            Which::Fitting(place) => {
                let fitting = self
                    .pick(place, fits)
                    .or_else(|| self.pick(place, |_| true));
                fitting.unwrap_or_else(|| UNKNOWN_ID.to_owned())
            }
            Which::Any(place) => self
                .pick(place, |_| true)
                .unwrap_or_else(|| UNKNOWN_ID.to_owned()),
            Which::Unknown => UNKNOWN_ID.to_owned(),
        }
    }

    /// A run for which `fits` says yes.
    fn only(&self, which: Which, fits: impl Fn(&Life) -> bool) -> Option<String> {
        match which {
            Which::Fitting(place) | Which::Any(place) => self.pick(place, fits),
            Which::Unknown => None,
        }
    }

    fn pick(&self, place: u8, fits: impl Fn(&Life) -> bool) -> Option<String> {
        let fitting: Vec<&Life> = self.oracle.runs().filter(|life| fits(life)).collect();
        let at = usize::from(place).checked_rem(fitting.len())?;
        Some(fitting[at].rows.run_id.clone())
    }

    fn held(&self, Hold { which, age }: Hold, fits: impl Fn(&Life) -> bool) -> Held {
        let run_id = self.run(which, fits);
        let snapshot_id = self.oracle.lives.get(&run_id).and_then(|life| {
            let older = life.rows.snapshots.iter().rev().nth(age.into());
            match age {
                0 => Some(life.rows.state.snapshot_id.clone()),
                _ => older.map(|snapshot| snapshot.id.clone()),
            }
        });
        Held {
            run_id,
            snapshot_id: snapshot_id.unwrap_or_else(|| UNKNOWN_ID.to_owned()),
        }
    }
}

fn may_start(life: &Life) -> bool {
    let run = life.run();
    let is_retried = life
        .rows
        .snapshots
        .last()
        .is_some_and(|snapshot| snapshot.transition == engine_core::Transition::Retried);
    run.execution_status == ExecutionStatus::PendingExecuting || is_retried
}

fn may_be_released(life: &Life) -> bool {
    matches!(
        life.rows.state.execution_status,
        ExecutionStatus::PendingExecuting | ExecutionStatus::Executing
    )
}

fn waits(life: &Life) -> bool {
    life.rows.state.execution_status == ExecutionStatus::ExecutingWithWaitpoints
}

fn may_end(life: &Life) -> bool {
    matches!(
        life.rows.state.execution_status,
        ExecutionStatus::Executing | ExecutionStatus::PendingCancel
    )
}

fn is_watched(life: &Life) -> bool {
    life.rows.deadline.is_some()
}

fn is_over(life: &Life) -> bool {
    life.rows.state.execution_status == ExecutionStatus::Finished
}
