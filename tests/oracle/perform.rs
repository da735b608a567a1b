//! Calls the real engine.

use anyhow::Result;
use engine_core::Timestamp;
use engine_harness::Held;
use serde_json::Value;
use tokio_postgres::types::Json;

use crate::answer::Answer;
use crate::call::{CANCELLED_AT, Call, WORKER, element};
use crate::server::Server;

/// Calls the engine, or moves the clock.
///
/// # Errors
/// If the connection breaks, or what moves the clock is refused.
pub async fn perform(server: &Server, worker_queue: &str, call: &Call) -> Result<Answer> {
    match call {
        Call::Trigger(run) => trigger(server, run).await,
        Call::TriggerMany(runs) => {
            let sql = "select to_jsonb(a) from engine_trigger_many($1) as a";
            server.call(sql, &[&Json(runs)]).await
        }
        Call::Dequeue {
            max_runs,
            environment_id,
        } => dequeue(server, worker_queue, *max_runs, environment_id.as_deref()).await,
        Call::Start(Held {
            run_id,
            snapshot_id,
        }) => {
            let sql = "select to_jsonb(a) from engine_start_attempt($1, $2, $3) as a";
            server.call(sql, &[run_id, snapshot_id, &WORKER]).await
        }
        Call::Complete(
            Held {
                run_id,
                snapshot_id,
            },
            completion,
        ) => {
            let sql = "select to_jsonb(a) from engine_complete_attempt($1, $2, $3, $4) as a";
            let completion = Json(completion);
            server
                .call(sql, &[run_id, snapshot_id, &completion, &WORKER])
                .await
        }
        Call::CompleteMany(ends) => {
            let sql = "select to_jsonb(a) from engine_complete_many($1, $2) as a";
            let ends: Vec<Value> = ends.iter().map(element).collect();
            server.call(sql, &[&Json(ends), &WORKER]).await
        }
        Call::Work {
            ends,
            max_runs,
            environment_id,
        } => {
            let sql = "select to_jsonb(a) from engine_work($1, $2, $3, $4, $5) as a";
            let ends: Vec<Value> = ends.iter().map(element).collect();
            let ends = Json(ends);
            server
                .call(
                    sql,
                    &[&ends, &worker_queue, max_runs, environment_id, &WORKER],
                )
                .await
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
            dequeue(server, worker_queue, 1000, None).await
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
    environment_id: Option<&str>,
) -> Result<Answer> {
    let sql = "select to_jsonb(a) from engine_dequeue($1, $2, $3, environment_id => $4) as a";
    server
        .call(sql, &[&worker_queue, &max_runs, &WORKER, &environment_id])
        .await
}

async fn due(server: &Server, run_id: &str, moment: Timestamp) -> Result<Answer> {
    let sql = "update engine.queue_item set available_at = $2::text::timestamptz, is_ahead = true where run_id = $1";
    server.query(sql, &[&run_id, &moment.to_rfc3339()]).await?;
    Ok(Ok(Vec::new()))
}
