//! Brings a run of the server to where the model begins.

use anyhow::{Result, bail};
use engine_core::{EnvironmentType, ExecutionStatus};
use engine_harness::Session;

use super::perform::WORKER;
use super::state::State;

/// Environments without versions and with them, whose workers are not there yet.
pub const ENVIRONMENTS: &str = "
    select engine_set_environment('replay'), engine_set_environment('replay_dev', type => 'DEVELOPMENT'),
           engine_set_environment('later', requires_version => true),
           engine_set_environment('later_dev', type => 'DEVELOPMENT', requires_version => true)";

const TRIGGER: &str = "
    select run_id
    from engine_trigger('t', environment_id => $1, worker_queue => $2, max_attempts => 3, machine => 'small-1x',
        retry => '{\"randomize\": false, \"outOfMemory\": {\"machine\": \"small-2x\"}}',
        delay_until => case when $3 then clock_timestamp() + interval '1 day' end)";

const START: &str = "
    select w.snapshot_id
    from engine_work(worker_queue => $1, worker_id => $2, runner_id => $3) as w
    where w.kind = 'started'";

/// The first process of a run.
pub const FIRST: &str = "first";

/// A run of the worker queue `place` in the status in which `state` is.
pub async fn begin(session: &Session, place: &str, state: &State) -> Result<String> {
    use ExecutionStatus::*;
    let status = state.row.execution_status;
    let is_development = state.row.environment_type == EnvironmentType::Development;
    let environment = match (status == RunCreated, is_development) {
        (false, false) => "replay",
        (false, true) => "replay_dev",
        (true, false) => "later",
        (true, true) => "later_dev",
    };
    let client = &session.client;
    let row = client
        .query_one(TRIGGER, &[&environment, &place, &(status == Delayed)])
        .await?;
    let run: String = row.get(0);
    match status {
        Queued | Delayed => return Ok(run),
        RunCreated => {
            // A dequeue finds that no version is there.
            let park = "select from engine_dequeue($1)";
            client.query(park, &[&place]).await?;
            return Ok(run);
        }
        ExecutingWithWaitpoints | Suspended => {}
        other => bail!("no run begins as {other:?}"),
    }
    let started = client.query_one(START, &[&place, &WORKER, &FIRST]).await?;
    let snapshot: String = started.get(0);
    let block = "select b.snapshot_id from engine_create_manual_waitpoint(environment_id => $1) as w, \
                 engine_block($2, array[w.waitpoint_id], worker_id => $3, runner_id => $4, snapshot_id => $5) as b";
    let blocked = client
        .query_one(block, &[&environment, &run, &WORKER, &FIRST, &snapshot])
        .await?;
    let snapshot: String = blocked.get(0);
    if status == Suspended {
        let suspend = "select from engine_create_checkpoint($1, $2, 'DOCKER', 'here', worker_id => $3, runner_id => $4)";
        client
            .query_one(suspend, &[&run, &snapshot, &WORKER, &FIRST])
            .await?;
    }
    Ok(run)
}
