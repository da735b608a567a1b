//! Runs that a turn has started, for a worker that has lost the answer.

use std::collections::HashMap;

use engine_core::{Assignment, Machine, Machines, RunId, Shard, SlotLimits, SnapshotId};

use super::dequeue::{CANDIDATE, Candidate, candidate};
use super::hand_out::{Begun, Carried, Dequeued};
use crate::backend::cells::{Cells, cell};
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;

statement!(STARTED, "turn_started_read.sql" -> CANDIDATE);
statement!(START, "turn_start_read.sql");

/// Reads runs of one shard as they were handed out when these snapshots were written, with the attempts that began.
pub(crate) fn read(
    shard: Shard,
    started: &[(RunId, SnapshotId)],
    machines: &Machines,
) -> Vec<(Dequeued, Begun)> {
    let runs = STARTED.query(
        arguments!(STARTED {
            shard,
            run_ids: column(started, |(run_id, _)| run_id)
        }),
        |cells| {
            let candidate = candidate(cells);
            (candidate.run.id.clone(), candidate)
        },
    );
    let mut runs: HashMap<RunId, Candidate> = runs.into_iter().collect();
    let starts = START.query(
        arguments!(START {
            shard,
            run_id: column(started, |(run_id, _)| run_id),
            snapshot_id: column(started, |(_, snapshot_id)| snapshot_id)
        }),
        start,
    );
    starts
        .into_iter()
        .filter_map(|start| {
            let candidate = runs.remove(&start.run_id)?;
            Some(start.of(candidate, machines))
        })
        .collect()
}

/// A start, and what its run executes with.
struct Start {
    run_id: RunId,
    dequeue_id: SnapshotId,
    machine: Option<String>,
    version: Option<String>,
    image: Option<String>,
    max_duration_seconds: Option<i32>,
    carried: Carried,
    begun: Begun,
}

fn start(cells: &Cells<START>) -> Start {
    let attempt_number: Option<i32> = cell!(cells, START.attempt_number);
    Start {
        run_id: cell!(cells, START.run_id),
        dequeue_id: cell!(cells, START.dequeue_id),
        machine: cell!(cells, START.machine),
        version: cell!(cells, START.version),
        image: cell!(cells, START.image),
        max_duration_seconds: cell!(cells, START.max_duration_seconds),
        carried: Carried {
            checkpoint: cell!(cells, START.checkpoint),
            completed_waitpoints: cell!(cells, START.completed_waitpoints),
        },
        begun: Begun {
            attempt_number: attempt_number.unwrap_or(0),
            snapshot_id: cell!(cells, START.start_id),
        },
    }
}

impl Start {
    /// The run as it was handed out.
    fn of(self, candidate: Candidate, machines: &Machines) -> (Dequeued, Begun) {
        let machine = self.machine.as_deref().and_then(Machine::parse);
        let assignment = Assignment {
            version: self.version,
            image: self.image,
            machine: machine.unwrap_or_else(|| machines.resolve(candidate.run.machine.as_deref())),
            max_attempts: candidate.run.attempts(),
            max_duration_seconds: self.max_duration_seconds,
            retry: candidate.run.retry.clone(),
        };
        let dequeued = Dequeued {
            candidate,
            snapshot_id: self.dequeue_id,
            assignment,
            limits: SlotLimits::default(),
            carried: self.carried,
            begun: None,
        };
        (dequeued, self.begun)
    }
}
