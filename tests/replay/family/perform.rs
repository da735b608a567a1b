//! Makes the calls that the model's steps stand for.

use anyhow::{Context, Result};
use serde_json::json;
use tokio_postgres::types::{Json, ToSql};

use super::action::Action;
use super::player::Player;
use super::state::Who;
use super::tick;
use super::wait::wait;
use super::worker::end;
use crate::call::{call, due, stall};

pub const WORKER: &str = "worker";

/// Does a step; returns of how many runs it tells a worker that listens.
pub async fn perform(player: &mut Player, action: &Action) -> Result<Option<usize>> {
    tick::lock(player, action).await?;
    let told = match action {
        Action::Dequeue { who, is_heard } => {
            let told = dequeue(player, *who).await?;
            is_heard.then_some(told)
        }
        Action::Work { who } => Some(turn(player, None, *who).await?),
        Action::Turn { worker, next, .. } => Some(turn(player, Some(*worker), *next).await?),
        Action::Wait { worker } => {
            wait(player, *worker).await?;
            None
        }
        Action::Start { .. }
        | Action::Suspend { .. }
        | Action::Release { .. }
        | Action::End { .. } => {
            by_worker(player, action).await?;
            None
        }
        _ => {
            besides(player, action).await?;
            None
        }
    };
    tick::unlock(player).await?;
    Ok(told)
}

async fn dequeue(player: &Player, who: Who) -> Result<usize> {
    due(&player.session, player.run(who)?).await?;
    let sql = "select from engine_dequeue($1, worker_id => $2, runner_id => $3)";
    let (queue, process) = (player.queue(who), player.newcomer());
    let client = &player.session.client;
    let rows = client.query(sql, &[&queue, &WORKER, &process]).await?;
    Ok(rows.len())
}

/// A worker's turn: the success that it reports, if it has worked before, and what it gets.
async fn turn(player: &Player, worker: Option<usize>, next: Who) -> Result<usize> {
    if let Ok(run) = player.run(next) {
        due(&player.session, run).await?;
    }
    let (mut ends, mut process) = (json!([]), player.newcomer());
    if let Some(worker) = worker {
        let (name, run, snapshot) = player.held(worker)?;
        let mut end = end(true);
        end["run_id"] = json!(run);
        end["snapshot_id"] = json!(snapshot);
        (ends, process) = (json!([end]), name.clone());
    }
    let sql = "select w.run_id from engine_work($1, $2, worker_id => $3, runner_id => $4) as w where w.kind = 'started'";
    let queue = player.queue(next);
    let arguments: [&(dyn ToSql + Sync); 4] = [&Json(ends), &queue, &WORKER, &process];
    Ok(player.session.client.query(sql, &arguments).await?.len())
}

async fn by_worker(player: &Player, action: &Action) -> Result<()> {
    let worker = action.worker().context("no worker's step")?;
    let (process, run, snapshot) = player.held(worker)?;
    let session = &player.session;
    if let Action::End { is_success, .. } = action {
        let sql = "select from engine_complete_attempt($1, $2, $3, $4, $5)";
        let end = Json(end(*is_success));
        call(session, sql, &[run, snapshot, &end, &WORKER, process]).await?;
        return Ok(());
    }
    let held = player.state.workers[worker].who;
    let is_frozen = player
        .state
        .member(held)
        .is_some_and(|run| run.has_checkpoint);
    let sql = match action {
        Action::Start { .. } if is_frozen => "select from engine_continue($1, $2, $3, $4)",
        Action::Start { .. } => "select from engine_start_attempt($1, $2, $3, $4)",
        Action::Release { .. } => "select from engine_release($1, $2, $3, $4)",
        _ => {
            "select from engine_create_checkpoint($1, $2, 'DOCKER', 'here', worker_id => $3, runner_id => $4)"
        }
    };
    call(session, sql, &[run, snapshot, &WORKER, process]).await?;
    Ok(())
}

/// What others do, and time.
async fn besides(player: &Player, action: &Action) -> Result<()> {
    let session = &player.session;
    match action {
        Action::Stall { who, .. } => stall(session, player.run(*who)?).await?,
        Action::Cancel { who, is_final, .. } => {
            let sql = "select from engine_cancel($1, finalize => $2)";
            session
                .client
                .execute(sql, &[player.run(*who)?, is_final])
                .await?;
        }
        Action::Complete { .. } => {
            let sql = "select from engine_complete_waitpoint($1)";
            session
                .client
                .execute(sql, &[&player.names.waitpoint])
                .await?;
        }
        Action::TickResumes => {
            tick::of_note(session, "CONTINUE_RUN", player.run(Who::Parent)?).await?;
        }
        Action::TickCancels { .. } => {
            tick::of_note(session, "CANCEL_RUN", player.run(Who::Child)?).await?;
        }
        Action::TickEndsBatch { .. } => {
            let batch = player.names.batch.as_ref().context("there is no batch")?;
            tick::of_note(session, "COMPLETE_BATCH", batch).await?;
        }
        Action::Sweep { who } => {
            let sql = "select from engine_forget($1, dry_run => false)";
            session.client.execute(sql, &[player.run(*who)?]).await?;
        }
        // A worker that crashes calls nobody.
        _ => {}
    }
    Ok(())
}
