//! The parent triggers what it waits for, and waits, in one transaction.

use anyhow::Result;
use serde_json::{Value, json};
use tokio_postgres::types::{Json, ToSql};

use super::perform::WORKER;
use super::player::{Names, Player};
use super::state::{Awaited, Who};
use crate::call::call;

/// Has the parent of this worker wait, unless the worker has lost it.
pub async fn wait(player: &mut Player, worker: usize) -> Result<()> {
    let client = &player.session.client;
    client.batch_execute("begin").await?;
    let names = match (player.state.was_triggered, player.state.awaited) {
        (true, _) => block(player, worker, None).await?,
        (false, Awaited::Child) => {
            let child = trigger(player).await?;
            let sql = "select waitpoint_id from engine_run_waitpoint($1)";
            let waitpoint = client.query_one(sql, &[&child]).await?.get(0);
            block(player, worker, Some((child, waitpoint))).await?
        }
        (false, Awaited::Token) => {
            let child = trigger(player).await?;
            let sql = "select waitpoint_id from engine_create_manual_waitpoint(environment_id => 'replay')";
            let waitpoint = client.query_one(sql, &[]).await?.get(0);
            block(player, worker, Some((child, waitpoint))).await?
        }
        (false, Awaited::Batch) => batch(player, worker).await?,
    };
    if let Some(names) = names {
        client.batch_execute("commit").await?;
        player.names = names;
    } else {
        client.batch_execute("rollback").await?;
    }
    Ok(())
}

fn child(player: &Player) -> Value {
    json!({"task": "child", "worker_queue": player.queue(Who::Child), "max_attempts": 2, "machine": "small-1x"})
}

async fn trigger(player: &Player) -> Result<String> {
    let mut child = child(player);
    child["environment_id"] = json!("replay");
    child["parent_run_id"] = json!(player.run(Who::Parent)?);
    let sql = "select run_id from engine_trigger_many($1)";
    let client = &player.session.client;
    Ok(client.query_one(sql, &[&Json([child])]).await?.get(0))
}

/// Waits for a waitpoint: a new one, with the child that was triggered for it, or the one that there is. Returns what there is then,
/// or nothing if the worker is refused.
async fn block(
    player: &Player,
    worker: usize,
    new: Option<(String, String)>,
) -> Result<Option<Names>> {
    let (process, run, snapshot) = player.held(worker)?;
    let names = &player.names;
    let (child, waitpoint) = match new {
        Some((child, waitpoint)) => (Some(child), Some(waitpoint)),
        None => (names.runs[1].clone(), names.waitpoint.clone()),
    };
    let names = Names {
        runs: [Some(run.clone()), child],
        batch: names.batch.clone(),
        waitpoint,
    };
    let sql = "select from engine_block($1, array[$2::text], batch_id => $3, worker_id => $4, runner_id => $5, snapshot_id => $6)";
    let (waitpoint, batch) = (&names.waitpoint, &names.batch);
    let arguments: [&(dyn ToSql + Sync); 6] = [run, waitpoint, batch, &WORKER, process, snapshot];
    let answer = call(&player.session, sql, &arguments).await?;
    Ok(answer.map(|_| names))
}

/// Waits for a new batch. That call names no snapshot: the worker asks before it whether the run is still its own.
async fn batch(player: &Player, worker: usize) -> Result<Option<Names>> {
    let client = &player.session.client;
    let (process, run, snapshot) = player.held(worker)?;
    let sql = "select snapshot_id from engine_heartbeat($1, $2)";
    let latest: String = client.query_one(sql, &[run, snapshot]).await?.get(0);
    if latest != *snapshot {
        return Ok(None);
    }
    let sql = "select batch_id, waitpoint_id from engine_create_batch(run_count => 1, environment_id => 'replay', \
               parent_run_id => $1, resume_parent => true, worker_id => $2, runner_id => $3)";
    let row = client.query_one(sql, &[run, &WORKER, process]).await?;
    let batch: String = row.get(0);
    let sql = "select run_id from engine_add_to_batch($1, $2)";
    let added = client
        .query_one(sql, &[&batch, &Json([child(player)])])
        .await?;
    Ok(Some(Names {
        runs: [Some(run.clone()), added.get(0)],
        batch: Some(batch),
        waitpoint: row.get(1),
    }))
}
