//! After everything: an ordinary worker executes everything that is due, whatever the runs contain, and nothing blocks
//! it.

use anyhow::Result;
use tokio_postgres::Client;

use crate::reader::refusal;

/// How often it retries before it is clear that it never ends.
const ROUNDS: usize = 200;

const OPEN: &[&str] = &[
    "reset all",
    "select engine_set_shard(s.number, 'SERVING') from engine.shard as s",
    "select engine_set_environment(id, concurrency_limit => null, burst_factor => 1, paused => false, max_queue_size => null) \
     from engine.environment where archived_at is null",
    "select engine_set_queue(q.name, q.environment_id, null, false, null, null) from engine.queue as q \
     join engine.environment as e on e.id = q.environment_id where e.archived_at is null",
];

/// Dequeues, starts and completes up to a hundred runs of every worker queue that has some.
const TURN: &str = "
    with place as (
        select distinct worker_queue, environment_id from engine.queue_item where available_at <= clock_timestamp()
    ), claimed as materialized (
        select d.run_id, d.snapshot_id from place as p, engine_dequeue(p.worker_queue, 100, environment_id => p.environment_id) as d
    ) select count(*), coalesce(array_agg(run_id), '{}'), coalesce(array_agg(snapshot_id), '{}') from claimed";
const START: &str = "select run_id, snapshot_id, error_code from engine_start_many($1, $2)";
const COMPLETE: &str = "select error_code from engine_complete_many($1)";

/// What prevents runs from being executed, if anything.
///
/// # Errors
/// If the session is gone.
pub async fn complaints(client: &Client) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for call in OPEN {
        if let Err(error) = client.simple_query(call).await {
            found.push(refusal(call, &error));
        }
    }
    for _ in 0..ROUNDS {
        match turn(client).await {
            Ok(0) => return Ok(found),
            Ok(_) => {}
            Err(error) => {
                found.push(refusal("a turn of a worker", &error));
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// One round; returns the number of runs.
async fn turn(client: &Client) -> Result<usize, tokio_postgres::Error> {
    client.simple_query("select engine_tick()").await?;
    let row = client.query_one(TURN, &[]).await?;
    let (run_ids, snapshot_ids): (Vec<String>, Vec<String>) = (row.get(1), row.get(2));
    for (run_ids, snapshot_ids) in run_ids.chunks(500).zip(snapshot_ids.chunks(500)) {
        let started = client.query(START, &[&run_ids, &snapshot_ids]).await?;
        let held = started
            .iter()
            .filter(|row| row.get::<_, Option<&str>>(2).is_none());
        let completion = |row: &tokio_postgres::Row| {
            let (run_id, snapshot_id): (Option<String>, Option<String>) = (row.get(0), row.get(1));
            serde_json::json!({"run_id": run_id, "snapshot_id": snapshot_id, "ok": true})
        };
        let completions: serde_json::Value = held.map(completion).collect();
        client.query(COMPLETE, &[&completions]).await?;
    }
    Ok(run_ids.len())
}
