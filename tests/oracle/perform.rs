//! Calls the real engine.

use anyhow::Result;
use engine_core::Timestamp;
use engine_harness::Held;
use serde_json::Value;
use tokio_postgres::types::{Json, ToSql};

use crate::answer::Answer;
use crate::call::{CANCELLED_AT, Call, WORKER, element};
use crate::server::Server;

/// Calls the engine, as this process of the worker, or moves the clock.
///
/// # Errors
/// If the connection breaks, or what moves the clock is refused.
pub async fn perform(
    server: &Server,
    worker_queue: &str,
    runner: Option<&str>,
    call: &Call,
) -> Result<Answer> {
    match call {
        Call::Trigger(run) => trigger(server, run).await,
        Call::TriggerMany(runs) => {
            let sql = "select to_jsonb(a) from engine_trigger_many($1) as a";
            server.call(sql, &[&Json(runs)]).await
        }
        Call::Dequeue {
            max_runs,
            environment_id,
        } => {
            let environment_id = environment_id.as_deref();
            dequeue(server, worker_queue, *max_runs, runner, environment_id).await
        }
        Call::Start(Held {
            run_id,
            snapshot_id,
        }) => {
            let sql = "select to_jsonb(a) from engine_start_attempt($1, $2, $3, $4) as a";
            let arguments: [&(dyn ToSql + Sync); 4] = [run_id, snapshot_id, &WORKER, &runner];
            server.call(sql, &arguments).await
        }
        Call::Complete(
            Held {
                run_id,
                snapshot_id,
            },
            completion,
        ) => {
            let sql = "select to_jsonb(a) from engine_complete_attempt($1, $2, $3, $4, $5) as a";
            let completion = Json(completion);
            let arguments: [&(dyn ToSql + Sync); 5] =
                [run_id, snapshot_id, &completion, &WORKER, &runner];
            server.call(sql, &arguments).await
        }
        Call::CompleteMany(ends) => {
            let sql = "select to_jsonb(a) from engine_complete_many($1, $2, $3) as a";
            let ends: Vec<Value> = ends.iter().map(element).collect();
            server.call(sql, &[&Json(ends), &WORKER, &runner]).await
        }
        Call::Work {
            ends,
            max_runs,
            environment_id,
            turn_id,
        } => {
            let sql =
                "select to_jsonb(a) from engine_work($1, $2, $3, $4, $5, $6, turn_id => $7) as a";
            let ends: Vec<Value> = ends.iter().map(element).collect();
            let ends = Json(ends);
            let arguments: [&(dyn ToSql + Sync); 7] = [
                &ends,
                &worker_queue,
                max_runs,
                environment_id,
                &WORKER,
                &runner,
                turn_id,
            ];
            server.call(sql, &arguments).await
        }
        Call::Release(Held {
            run_id,
            snapshot_id,
        }) => {
            let sql = "select to_jsonb(a) from engine_release($1, $2, $3, $4) as a";
            let arguments: [&(dyn ToSql + Sync); 4] = [run_id, snapshot_id, &WORKER, &runner];
            server.call(sql, &arguments).await
        }
        Call::Block(held) => block(server, held, runner).await,
        Call::Unblock(run_id) => {
            let sql = "select engine_complete_waitpoint(e.waitpoint_id) from engine.edge as e where e.run_id = $1";
            server.query(sql, &[run_id]).await?;
            Ok(Ok(Vec::new()))
        }
        Call::Beat(Held {
            run_id,
            snapshot_id,
        }) => {
            let sql = "select to_jsonb(a) from engine_heartbeat($1, $2) as a";
            server.call(sql, &[run_id, snapshot_id]).await
        }
        Call::BeatMany(held) => {
            let sql = "select to_jsonb(a) from engine_heartbeat_many($1, $2) as a";
            let run_ids: Vec<&str> = held.iter().map(|held| held.run_id.as_str()).collect();
            let snapshot_ids: Vec<&str> =
                held.iter().map(|held| held.snapshot_id.as_str()).collect();
            server.call(sql, &[&run_ids, &snapshot_ids]).await
        }
        Call::Cancel(run_id, cancel) => {
            let sql = "select to_jsonb(a) from engine_cancel($1, $2, $3, $4::text::timestamptz, $5, $6) as a";
            let completed_at = cancel.is_dated.then_some(CANCELLED_AT);
            server
                .call(
                    sql,
                    &[
                        run_id,
                        &cancel.reason,
                        &cancel.finalize,
                        &completed_at,
                        &cancel.attempt_duration_ms,
                        &cancel.bulk_action_id,
                    ],
                )
                .await
        }
        Call::Tick => {
            // Of the kinds without work in any history, the oracle knows that nothing was done.
            let sql = "select to_jsonb(a) from engine_tick() as a \
                       where kind in ('stalled_heartbeat', 'cancelled_child') or processed > 0";
            server.call(sql, &[]).await
        }
        Call::Redrive(run_id) => {
            server
                .call("select to_jsonb(a) from engine_redrive($1) as a", &[run_id])
                .await
        }
        Call::Replay(run_id) => {
            server
                .call("select to_jsonb(a) from engine_replay($1) as a", &[run_id])
                .await
        }
        Call::Lapse(run_id) => {
            let sql = "update engine.heartbeat set deadline_at = '2000-01-01Z', check_at = '2000-01-01Z' where run_id = $1";
            server.query(sql, &[run_id]).await?;
            Ok(Ok(Vec::new()))
        }
        Call::Due(run_id, moment) => due(server, run_id, *moment).await,
        Call::Stray(run_id) => {
            let sql = "insert into engine.queue_item \
                       (shard, run_id, worker_queue, environment_id, queue, concurrency_key, available_at, is_ahead) \
                       select r.shard, r.id, r.worker_queue, r.environment_id, r.queue, '', '2000-01-01Z', true \
                       from engine.run as r where r.id = $1";
            server.query(sql, &[run_id]).await?;
            dequeue(server, worker_queue, 1000, runner, None).await
        }
    }
}

async fn trigger(server: &Server, run: &Value) -> Result<Answer> {
    let sql = "select to_jsonb(a) from jsonb_to_record($1) as r(task text, worker_queue text, environment_id text, \
               priority_ms bigint, max_attempts integer, machine text, retry jsonb, parent_run_id text), \
               engine_trigger(r.task, worker_queue => r.worker_queue, environment_id => r.environment_id, \
               priority_ms => r.priority_ms, max_attempts => r.max_attempts, machine => r.machine, retry => r.retry, \
               parent_run_id => r.parent_run_id) as a";
    server.call(sql, &[&Json(run)]).await
}

async fn dequeue(
    server: &Server,
    worker_queue: &str,
    max_runs: i32,
    runner: Option<&str>,
    environment_id: Option<&str>,
) -> Result<Answer> {
    let sql = "select to_jsonb(a) from engine_dequeue($1, $2, $3, $4, $5) as a";
    let arguments: [&(dyn ToSql + Sync); 5] =
        [&worker_queue, &max_runs, &WORKER, &runner, &environment_id];
    server.call(sql, &arguments).await
}

/// Makes a run wait for a token of its own.
async fn block(server: &Server, held: &Held, runner: Option<&str>) -> Result<Answer> {
    let sql = "select to_jsonb(a) \
               from engine_create_manual_waitpoint(environment_id => \
                        coalesce((select r.environment_id from engine.run as r where r.id = $1), 'default')) as w, \
                    engine_block($1, array[w.waitpoint_id], worker_id => $3, runner_id => $4, snapshot_id => $2) as a";
    let arguments: [&(dyn ToSql + Sync); 4] = [&held.run_id, &held.snapshot_id, &WORKER, &runner];
    server.call(sql, &arguments).await
}

async fn due(server: &Server, run_id: &str, moment: Timestamp) -> Result<Answer> {
    let sql = "update engine.queue_item set available_at = $2::text::timestamptz, is_ahead = true where run_id = $1";
    server.query(sql, &[&run_id, &moment.to_rfc3339()]).await?;
    Ok(Ok(Vec::new()))
}
