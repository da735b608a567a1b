//! A role that may end the sessions of others, which Postgres lets members of `pg_signal_backend` do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use engine_harness::condition::{backend_pid, eventually};
use serde_json::{Value, json};
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Config, NoTls};

use super::{Hostile, code};

const PATIENCE: Duration = Duration::from_secs(60);

/// Sessions of a worker that are ended or cancelled, while it works through these runs.
const SIGNALS: i64 = 40;
const RUNS: i32 = 1000;

async fn connect(config: &Config) -> Option<Client> {
    let (client, connection) = config.connect(NoTls).await.ok()?;
    tokio::spawn(connection);
    Some(client)
}

/// A worker whose sessions end at any moment: it asks for the answer of the same turn again in the next one.
async fn work(config: Config, over: Arc<AtomicBool>) {
    let turn = "select run_id, snapshot_id from engine_work($1, 'signals', max_runs => 3, environment_id => 'theirs', \
                worker_id => 'w', runner_id => 'r', turn_id => $2) where kind = 'started'";
    let (mut ends, mut number) = (Vec::<Value>::new(), 0);
    let mut client = connect(&config).await;
    while !over.load(Ordering::SeqCst) {
        let answer = match &client {
            Some(open) if !open.is_closed() => {
                open.query(turn, &[&Json(&ends), &number.to_string()]).await
            }
            _ => {
                client = connect(&config).await;
                continue;
            }
        };
        let Ok(started) = answer else { continue };
        number += 1;
        let end = |row: &tokio_postgres::Row| {
            let (run, snapshot): (&str, &str) = (row.get(0), row.get(1));
            json!({"run_id": run, "snapshot_id": snapshot, "ok": true})
        };
        ends = started.iter().map(end).collect();
    }
}

#[tokio::test]
async fn a_role_that_may_end_sessions_makes_others_lose_no_run_and_end_none_twice() -> Result<()> {
    let hostile = Hostile::new().await?;
    let victim = hostile.role.replace("hostile", "victim");
    let prepare = format!(
        "create role {victim} login; select engine_grant('{victim}', 'work', 'theirs'); \
         grant pg_signal_backend to {hostile}; \
         select engine_trigger('s', environment_id => 'theirs', worker_queue => 'signals', max_attempts => 200) \
         from generate_series(1, {RUNS})",
        hostile = hostile.role
    );
    hostile.owner.client.batch_execute(&prepare).await?;
    let mut config: Config = hostile.database.connection_string().parse()?;
    config.user(&victim);
    let over = Arc::new(AtomicBool::new(false));
    let working = tokio::spawn(work(config, Arc::clone(&over)));

    let session = hostile.session().await?;
    let superuser = backend_pid(&hostile.owner.client).await?;
    let end = format!("select pg_terminate_backend({superuser})");
    assert_eq!(code(&session, &end).await?, "42501");
    let signal = "with found as materialized (select pid from pg_stat_activity where usename = $1::text) \
                  select count(*) from found \
                  where case when random() < 0.5 then pg_terminate_backend(pid) else pg_cancel_backend(pid) end";
    let mut signals: i64 = 0;
    eventually("sessions are ended", PATIENCE, async || {
        let row = session.client.query_one(signal, &[&victim]).await?;
        signals += row.get::<_, i64>(0);
        Ok(signals >= SIGNALS)
    })
    .await?;
    let left = "engine.run_overview where environment_id = 'theirs' and task = 's' and execution_status <> 'FINISHED'";
    eventually("all runs end", PATIENCE, async || {
        Ok(hostile.owner.count(left).await? == 0)
    })
    .await?;
    over.store(true, Ordering::SeqCst);
    working.await?;
    let ends = "(select s.run_id from engine.snapshot as s join engine.run as r on r.shard = s.shard and r.id = s.run_id \
                where r.worker_queue = 'signals' and s.execution_status = 'FINISHED') as e";
    ensure!(hostile.owner.count(ends).await? == i64::from(RUNS));
    let drop = format!("drop owned by {victim}; drop role {victim}");
    hostile.owner.client.batch_execute(&drop).await?;
    hostile.end().await
}
