//! A run of the oracle: its rows, and the effect of each plan on them. It restates, in Rust, `dequeue_apply.sql`,
//! `attempt_start.sql`, `run_finish.sql`, `run_move.sql` and `snapshot_refuse.sql`.

use std::collections::HashMap;

use engine_core::{
    ExecutionStatus, Finish, Move, NewRun, Next, Plan, Run, RunId, RunStatus, Settings, SnapshotId,
    Timestamp, Transition,
};

use crate::row::{DeadlineRow, RunRows, SnapshotRow};

/// The ids of snapshots, by run and ordinal: those that the server has minted.
pub type Minted = HashMap<(String, usize), String>;

/// The inputs of a call.
pub struct Context<'a> {
    pub settings: &'a Settings,
    pub minted: &'a Minted,
    /// The calling worker.
    pub worker_id: Option<&'a str>,
    /// Its process.
    pub runner_id: Option<&'a str>,
}

/// A run.
pub struct Life {
    pub new: NewRun,
    pub rows: RunRows,
}

impl Life {
    /// The run as `run_lock.sql` reads it.
    pub fn run(&self) -> Run {
        let state = &self.rows.state;
        Run {
            id: RunId::parse(&self.rows.run_id),
            run_status: state.run_status,
            execution_status: state.execution_status,
            snapshot_id: SnapshotId::parse(&state.snapshot_id),
            snapshot_ordinal: state.snapshot_ordinal,
            attempt_number: state.attempt_number,
            max_attempts: state.max_attempts,
            queue_attempts: state.queue_attempts,
            released_attempts: state.released_attempts,
            machine: state.machine.clone(),
            usage_duration_ms: state.usage_duration_ms,
            cost_in_cents: state.cost_in_cents,
            was_dequeued: state.was_dequeued,
            has_waitpoint: false,
            is_dead_lettered: state.is_dead_lettered,
            retry: state.retry.clone(),
            environment_type: self.new.environment.kind,
            batch_id: None,
            error: state.error.clone(),
            status_reason: None,
        }
    }

    /// The run as `dequeue_lock.sql` reads it: its trigger's options apply until a dequeue has resolved them.
    pub fn candidate(&self) -> Run {
        let run = self.run();
        Run {
            max_attempts: run.max_attempts.or(self.new.options.max_attempts),
            machine: run.machine.or_else(|| self.new.options.machine.clone()),
            retry: run.retry.or_else(|| self.new.options.retry.clone()),
            ..run
        }
    }

    /// The snapshot that followed this one, unless it is the latest, and whether the caller wrote it.
    pub fn next(&self, snapshot_id: &str, context: &Context<'_>) -> Option<Next> {
        let snapshots = &self.rows.snapshots;
        let held = snapshots.iter().find(|held| held.id == snapshot_id)?;
        let next = snapshots
            .iter()
            .find(|next| next.is_valid && next.previous_id.as_deref() == Some(snapshot_id))?;
        let detail = |key: &str| next.detail.as_ref().and_then(|detail| detail[key].as_str());
        let is = |own: Option<&str>, written: Option<&str>| own.is_some() && own == written;
        let worker_id = next.worker_id.as_deref().or(detail("workerId"));
        let runner_id = next.runner_id.as_deref().or(detail("runnerId"));
        Some(Next {
            snapshot_id: SnapshotId::parse(&next.id),
            transition: next.transition,
            execution_status: next.execution_status,
            run_status: next.run_status,
            attempt_number: next.attempt_number,
            description: next.description.clone(),
            created_at: next.created_at,
            retry_at: detail("retryAt").and_then(Timestamp::parse_rfc3339),
            is_callers: is(context.worker_id, worker_id) && is(context.runner_id, runner_id),
            before: held.execution_status,
        })
    }

    /// Applies a plan to this run, which was read as `run`.
    pub fn apply(&mut self, run: &Run, plan: Plan, context: &Context<'_>) {
        match plan {
            Plan::Dequeue { max_attempts } => self.dequeue(run, max_attempts, context),
            Plan::Start { attempt_number } => self.start(attempt_number, context),
            Plan::Finish(finish) => self.finish(*finish, context),
            Plan::Move(moved) => self.move_on(*moved, context),
            Plan::Refuse { error, finish } => {
                self.refuse(&error, context);
                if let Some(finish) = finish {
                    self.finish(*finish, context);
                }
            }
            Plan::Notify | Plan::Keep => {}
        }
    }

    fn dequeue(&mut self, run: &Run, max_attempts: i32, context: &Context<'_>) {
        let machine = context.settings.machines.resolve(run.machine.as_deref());
        let to = (ExecutionStatus::PendingExecuting, RunStatus::Dequeued);
        self.write(Transition::Dequeued, to, "Dequeued", true, context);
        if let Some(snapshot) = self.rows.snapshots.last_mut() {
            snapshot.machine = Some(machine.as_str().to_owned());
        }
        self.rows.available_at = None;
        self.watch(context);
        let state = &mut self.rows.state;
        state.max_attempts = Some(max_attempts);
        state.machine = Some(machine.as_str().to_owned());
        state.retry = run.retry.clone();
        state.was_dequeued = true;
    }

    fn start(&mut self, attempt_number: i32, context: &Context<'_>) {
        self.rows.state.attempt_number = Some(attempt_number);
        let to = (ExecutionStatus::Executing, RunStatus::Executing);
        self.write(Transition::Started, to, "Attempt started", true, context);
        self.watch(context);
    }

    fn finish(&mut self, finish: Finish, context: &Context<'_>) {
        if self.rows.state.execution_status.is_queued() {
            self.rows.available_at = None;
        }
        let to = (ExecutionStatus::Finished, finish.run_status);
        self.write(finish.transition, to, &finish.description, true, context);
        if let Some(snapshot) = self.rows.snapshots.last_mut() {
            snapshot.detail = finish.detail;
        }
        self.rows.deadline = None;
        let state = &mut self.rows.state;
        state.completed_at = finish.completed_at.or(state.completed_at);
        state.output = finish.output;
        state.output_type = finish.output_type;
        state.error = finish.error;
        state.usage_duration_ms = finish.usage_duration_ms;
        state.cost_in_cents = finish.cost_in_cents;
        state.is_dead_lettered = finish.is_dead_lettered;
    }

    fn move_on(&mut self, moved: Move, context: &Context<'_>) {
        let to = (moved.execution_status, moved.run_status);
        let text = &moved.description;
        self.write(moved.transition, to, text, moved.is_callers, context);
        if let Some(snapshot) = self.rows.snapshots.last_mut() {
            snapshot.detail = moved.detail;
        }
        self.rows.available_at = moved.available_at;
        self.watch(context);
        let state = &mut self.rows.state;
        state.queue_attempts = moved.queue_attempts;
        state.released_attempts = moved.released_attempts;
        state.machine = moved.machine;
        state.usage_duration_ms = moved.usage_duration_ms;
        state.cost_in_cents = moved.cost_in_cents;
        state.error = moved.error;
        state.completed_at = moved.completed_at;
        state.is_dead_lettered = false;
    }

    /// A snapshot that is not valid: the latest one stays.
    fn refuse(&mut self, error: &str, context: &Context<'_>) {
        let latest = self.rows.state.clone();
        let to = (latest.execution_status, latest.run_status);
        self.write(Transition::Refused, to, error, true, context);
        if let Some(snapshot) = self.rows.snapshots.last_mut() {
            snapshot.is_valid = false;
            snapshot.attempt_number = None;
        }
        self.rows.state = latest;
    }

    /// A new snapshot, which becomes the latest; `is_callers` tells whether the calling worker's ids are in it.
    pub fn write(
        &mut self,
        transition: Transition,
        (execution_status, run_status): (ExecutionStatus, RunStatus),
        description: &str,
        is_callers: bool,
        context: &Context<'_>,
    ) {
        let callers = |id: Option<&str>| id.filter(|_| is_callers).map(str::to_owned);
        let rows = &mut self.rows;
        let ordinal = rows.snapshots.len() + 1;
        let minted = context.minted.get(&(rows.run_id.clone(), ordinal));
        let id = minted
            .map_or("not on the server", String::as_str)
            .to_owned();
        rows.snapshots.push(SnapshotRow {
            id: id.clone(),
            previous_id: (ordinal > 1).then(|| rows.state.snapshot_id.clone()),
            transition,
            execution_status,
            run_status: run_status.in_snapshot(),
            attempt_number: rows.state.attempt_number,
            is_valid: true,
            description: description.to_owned(),
            worker_id: callers(context.worker_id),
            runner_id: callers(context.runner_id),
            machine: None,
            detail: None,
            created_at: context.settings.now,
        });
        rows.state.snapshot_id = id;
        rows.state.snapshot_ordinal = i32::try_from(ordinal).unwrap_or(i32::MAX);
        rows.state.execution_status = execution_status;
        rows.state.run_status = run_status;
    }

    /// The deadline of the new status, if it has one. The tick's next check never moves into the future by itself.
    fn watch(&mut self, context: &Context<'_>) {
        let state = &self.rows.state;
        let heartbeats = &context.settings.heartbeats;
        let before = self.rows.deadline.take();
        self.rows.deadline = heartbeats
            .interval_ms(state.execution_status)
            .map(|interval_ms| {
                let deadline_at = context.settings.now.plus_ms(interval_ms);
                let check_at =
                    before.map_or(deadline_at, |before| before.check_at.min(deadline_at));
                DeadlineRow {
                    snapshot_id: state.snapshot_id.clone(),
                    holds_slot: state.execution_status.holds_slot(),
                    interval_ms,
                    deadline_at,
                    check_at,
                }
            });
    }
}
