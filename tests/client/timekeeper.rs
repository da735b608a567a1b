//! `Timekeeper`: one of several leads.

use std::time::Duration;

use anyhow::Result;
use engine_client::{Timekeeper, TimekeeperConfig};
use engine_harness::condition::eventually;
use engine_harness::{Database, Session};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::running::PATIENCE;

type Ended = JoinHandle<Result<(), engine_client::Error>>;

fn start(database: &Database) -> Result<(oneshot::Sender<()>, Ended)> {
    Ok(start_by(database.connection_string().parse()?))
}

fn start_by(database: engine_client::Database) -> (oneshot::Sender<()>, Ended) {
    let (stop, stopped) = oneshot::channel();
    let config = TimekeeperConfig {
        interval: Duration::from_millis(20),
        ..TimekeeperConfig::default()
    };
    let timekeeper = Timekeeper::new(database, config);
    let shutdown = async move {
        stopped.await.ok();
    };
    (stop, tokio::spawn(timekeeper.run(shutdown)))
}

/// The leading backends of this database.
pub async fn leaders(session: &Session) -> Result<Vec<i32>> {
    let sql = "select l.pid from pg_locks l join pg_database d on d.oid = l.database \
               where l.locktype = 'advisory' and l.objsubid = x'4504'::integer and d.datname = current_database()";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_timekeeper_leads_and_another_follows_when_it_ends() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let (stop_first, first) = start(&database)?;
    eventually("one leads", PATIENCE, async || {
        Ok(leaders(&session).await?.len() == 1)
    })
    .await?;
    let leader = leaders(&session).await?;
    let (stop_second, second) = start(&database)?;
    eventually("the second has asked", PATIENCE, async || {
        let sql = "pg_stat_activity where datname = current_database() \
                   and application_name = 'engine-client' and state = 'idle'";
        Ok(session.count(sql).await? == 2)
    })
    .await?;
    assert_eq!(leaders(&session).await?, leader);
    stop_first.send(()).ok();
    first.await??;
    eventually("the second leads", PATIENCE, async || {
        let now = leaders(&session).await?;
        Ok(now.len() == 1 && now != leader)
    })
    .await?;
    stop_second.send(()).ok();
    second.await??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timekeeper_that_does_not_lead_still_ticks_now_and_then() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let dead = Session::open(&database).await?;
    // As a pooler would that keeps the session of a leader that is gone.
    let lead = "select engine_lead()";
    assert!(dead.client.query_one(lead, &[]).await?.get::<_, bool>(0));
    let held = {
        session.trigger("stuck").await?;
        session.take().await?
    };
    session.lapse(&held.run_id).await?;
    let (stop, ended) = start(&database)?;
    eventually("the run is recovered", PATIENCE, async || {
        let recovered = "engine.run_state where execution_status in ('QUEUED', 'FINISHED')";
        Ok(session.count(recovered).await? == 1)
    })
    .await?;
    stop.send(()).ok();
    ended.await??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timekeeper_whose_role_may_not_lead_ticks_now_and_then() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let role = format!("ticker_{}", std::process::id());
    let grant = format!(
        "create role {role} login; select engine_grant('{role}', 'tick'); revoke execute on function engine_lead from {role}"
    );
    session.client.batch_execute(&grant).await?;
    session.trigger("stuck").await?;
    let held = session.take().await?;
    session.lapse(&held.run_id).await?;
    let mut config: engine_client::tokio_postgres::Config = database.connection_string().parse()?;
    config.user(&role);
    let (stop, ended) = start_by(config.into());
    eventually("the run is recovered", PATIENCE, async || {
        let recovered = "engine.run_state where execution_status in ('QUEUED', 'FINISHED')";
        Ok(session.count(recovered).await? == 1)
    })
    .await?;
    assert!(leaders(&session).await?.is_empty());
    stop.send(()).ok();
    ended.await??;
    let drop = format!("drop owned by {role}; drop role {role}");
    session.client.batch_execute(&drop).await?;
    Ok(())
}
