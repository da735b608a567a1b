//! Checkpoints: suspend a run, and resume it.

use engine_core::{
    CheckpointId, Command, ExecutionStatus, NewCheckpoint, Plan, Refusal, Run, RunId, Settings,
    SnapshotId, Suspension, decide, suspend,
};
use serde_json::json;

use crate::flow::transition::Transitions;
use crate::store::notice::Notice;
use crate::store::row::Caller;
use crate::{flow, mint, store};

/// The outcome of a checkpoint: taken, or discarded for a reason.
pub(crate) struct Created {
    pub(crate) checkpoint_id: Option<CheckpointId>,
    pub(crate) discard_reason: Option<String>,
    /// The latest snapshot of the run.
    pub(crate) snapshot_id: SnapshotId,
    pub(crate) execution_status: ExecutionStatus,
}

/// Suspends a run, or reports that its checkpoint was discarded.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`).
pub(crate) fn create(
    run_id: &RunId,
    given: &SnapshotId,
    checkpoint: &NewCheckpoint,
    caller: Caller<'_>,
) -> Result<Created, Refusal> {
    let run = flow::lock(run_id)?;
    let settings = flow::settings(flow::now());
    let id = mint::checkpoint_id(run_id.shard());
    let previous = store::checkpoint::previous_snapshot(&run);
    let suspension = suspend(&run, given, previous.as_ref(), &id);
    let mut transitions = Transitions::new(run_id.shard(), caller, &settings);
    let created = match suspension {
        Suspension::Suspended(moved) => {
            store::checkpoint::insert(&run, &id, checkpoint, settings.now);
            Created {
                checkpoint_id: Some(id),
                discard_reason: None,
                execution_status: moved.execution_status,
                snapshot_id: transitions.add(&run, Plan::Move(moved)),
            }
        }
        Suspension::Discarded(reason) => {
            transitions.tell(discarded(&run, checkpoint, &reason));
            Created {
                checkpoint_id: None,
                discard_reason: Some(reason),
                execution_status: run.execution_status,
                snapshot_id: run.snapshot_id.clone(),
            }
        }
    };
    flow::settle::apply(transitions);
    Ok(created)
}

fn discarded(run: &Run, checkpoint: &NewCheckpoint, reason: &str) -> Notice {
    Notice {
        run_id: run.id.clone(),
        name: "incomingCheckpointDiscarded",
        body: json!({
            "run": {"id": run.id.as_str()},
            "snapshot": {
                "id": run.snapshot_id.as_str(),
                "executionStatus": run.execution_status.as_str(),
            },
            "checkpoint": {"metadata": checkpoint.to_json(), "discardReason": reason},
        }),
    }
}

/// Resumes a run whose checkpoint was restored; returns what is its latest snapshot then.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`), [`Refusal::StaleSnapshot`] (`RE002`), [`Refusal::RunFinished`] (`RE003`),
/// [`Refusal::WrongStatus`] (`RE004`).
pub(crate) fn resume(
    run_id: &RunId,
    given: &SnapshotId,
    caller: Caller<'_>,
    settings: &Settings,
) -> Result<SnapshotId, Refusal> {
    let run = flow::lock(run_id)?;
    let command = Command::Continue { snapshot_id: given };
    let plan = decide(&run, command, settings)?;
    let mut transitions = Transitions::new(run_id.shard(), caller, settings);
    let snapshot_id = transitions.add(&run, plan);
    flow::settle::apply(transitions);
    Ok(snapshot_id)
}
