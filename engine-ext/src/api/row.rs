//! Rows that more than one function returns.

use std::cell::RefCell;

use engine_core::{ExecutionStatus, Machine, Refusal, RunId, Settings};
use pgrx::IntoDatum;
use pgrx::datum::TimestampWithTimeZone;
use serde_json::Value;

use crate::backend::rows::{Cell, Columns, row};
use crate::document::Stored;
use crate::store::queue_item::hand_out::Dequeued;
use crate::store::row::Execution;
use crate::{api, store};

row! {
    /// A run that was triggered, or found by its key; nulls if it is gone and has left its key.
    TriggeredRow {
        run_id: String,
        snapshot_id: Option<String>,
        run_status: Option<&'static str>,
        execution_status: &'static str,
        is_cached: bool,
        created_at: Option<TimestampWithTimeZone>,
    }

    /// The latest snapshot of a run; nulls behind the id if there is no such run.
    ExecutionRow {
        run_id: String,
        snapshot_id: Option<String>,
        execution_status: Option<String>,
        run_status: Option<String>,
        attempt_number: Option<i32>,
        description: Option<String>,
        created_at: Option<TimestampWithTimeZone>,
    }

    /// The same, and how often the worker that holds the run has to send a heartbeat.
    HeldRow {
        execution: ExecutionRow,
        heartbeat_ms: Option<i64>,
    }

    /// What a worker needs to execute a run.
    HandedOutRow {
        task: String,
        payload: String,
        payload_type: String,
        queue: String,
        concurrency_key: Option<String>,
        worker_queue: String,
        environment_id: String,
        environment_type: &'static str,
        project_id: Option<String>,
        organization_id: Option<String>,
        worker_version: Option<String>,
        image: Option<String>,
        machine: Stored,
        max_attempts: i32,
        max_duration_seconds: Option<i32>,
        is_test: bool,
        is_replay: bool,
        tags: Vec<String>,
        metadata: Option<Stored>,
        trace_context: Option<Stored>,
        checkpoint: Option<Stored>,
        completed_waitpoints: Stored,
        heartbeat_ms: Option<i64>,
        dequeued_at: TimestampWithTimeZone,
    }

    /// An attempt that has started, and what its handler needs.
    StartedRow {
        run_id: String,
        snapshot_id: String,
        execution_status: &'static str,
        run_status: &'static str,
        attempt_number: Option<i32>,
        description: String,
        created_at: TimestampWithTimeZone,
        heartbeat_ms: Option<i64>,
        execution: Option<Stored>,
    }

    /// An attempt that has ended, and what follows it.
    CompletedRow {
        run_id: String,
        snapshot_id: String,
        attempt_status: &'static str,
        execution_status: &'static str,
        run_status: &'static str,
        attempt_number: Option<i32>,
        retry_at: Option<TimestampWithTimeZone>,
    }
}

impl ExecutionRow {
    pub(crate) fn read(run_id: &RunId) -> Self {
        HeldRow::read(run_id).execution
    }
}

impl HeldRow {
    pub(crate) fn read(run_id: &RunId) -> Self {
        store::observe::execution(run_id).into()
    }

    /// The row of a run that does not exist.
    pub(crate) fn unknown(run_id: &RunId) -> Self {
        Self {
            execution: ExecutionRow {
                run_id: run_id.as_str().to_owned(),
                snapshot_id: None,
                execution_status: None,
                run_status: None,
                attempt_number: None,
                description: None,
                created_at: None,
            },
            heartbeat_ms: None,
        }
    }
}

impl From<Execution> for HeldRow {
    fn from(found: Execution) -> Self {
        let execution = ExecutionRow {
            run_id: found.run_id,
            snapshot_id: found.snapshot_id,
            execution_status: found.execution_status,
            run_status: found.run_status,
            attempt_number: found.attempt_number,
            description: found.description,
            created_at: found.created_at,
        };
        Self {
            execution,
            heartbeat_ms: found.heartbeat_ms,
        }
    }
}

impl HandedOutRow {
    /// A run that was dequeued, for a worker of this version, which is to send heartbeats as a run of this status needs them.
    pub(crate) fn new(
        dequeued: Dequeued,
        worker_version: Option<&str>,
        documents: &SharedDocuments,
        status: ExecutionStatus,
    ) -> Self {
        let Dequeued {
            candidate,
            assignment,
            carried,
            ..
        } = dequeued;
        let settings = &documents.settings;
        let version = assignment.version;
        let waitpoints = carried.completed_waitpoints;
        Self {
            task: candidate.task,
            payload: candidate.payload,
            payload_type: candidate.payload_type,
            queue: candidate.queue,
            concurrency_key: candidate.concurrency_key,
            worker_queue: candidate.worker_queue,
            environment_id: candidate.environment_id,
            environment_type: candidate.run.environment_type.as_str(),
            project_id: candidate.project_id,
            organization_id: candidate.organization_id,
            worker_version: version.or_else(|| worker_version.map(str::to_owned)),
            image: assignment.image,
            machine: documents.machine(assignment.machine),
            max_attempts: assignment.max_attempts,
            max_duration_seconds: assignment.max_duration_seconds,
            is_test: candidate.is_test,
            is_replay: candidate.is_replay,
            tags: candidate.tags,
            metadata: candidate.metadata,
            trace_context: candidate.trace_context,
            checkpoint: carried.checkpoint,
            completed_waitpoints: waitpoints.unwrap_or_else(|| documents.no_waitpoints.clone()),
            heartbeat_ms: settings.heartbeats.interval_ms(status),
            dequeued_at: api::time(settings.now),
        }
    }
}

/// Documents that are the same in many rows of a call: each is made once.
pub(crate) struct SharedDocuments {
    pub(crate) settings: Settings,
    machines: RefCell<Vec<(Machine, Stored)>>,
    no_waitpoints: Stored,
}

impl SharedDocuments {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            machines: RefCell::default(),
            no_waitpoints: Stored::new(Value::Array(Vec::new())),
        }
    }

    /// A machine, as its worker sees it.
    fn machine(&self, machine: Machine) -> Stored {
        let mut machines = self.machines.borrow_mut();
        if let Some((_, made)) = machines.iter().find(|(made, _)| *made == machine) {
            return made.clone();
        }
        let made = Stored::new(self.settings.machines.to_json(machine));
        machines.push((machine, made.clone()));
        made
    }
}

/// The answer to one element of many: a row whose first column is a run's id, and behind it `error_code` and `error_message`.
pub(crate) struct Element<R> {
    run_id: Option<String>,
    answer: Result<R, Refusal>,
}

impl<R> Element<R> {
    /// The answer about a run, if the element names one.
    pub(crate) fn new(run_id: Option<&RunId>, answer: Result<R, Refusal>) -> Self {
        let run_id = run_id.map(|run_id| run_id.as_str().to_owned());
        Self { run_id, answer }
    }
}

impl<R: Columns> Columns for Element<R> {
    const COUNT: usize = R::COUNT + 2;

    fn append_to(self, cells: &mut Vec<Cell>) {
        let (code, message) = match self.answer {
            Ok(row) => {
                row.append_to(cells);
                (None, None)
            }
            Err(refusal) => {
                cells.push(self.run_id.into_datum());
                cells.extend((1..R::COUNT).map(|_| None));
                (Some(refusal.sqlstate()), Some(refusal.message()))
            }
        };
        cells.push(code.into_datum());
        cells.push(message.into_datum());
    }
}
