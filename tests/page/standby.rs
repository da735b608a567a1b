//! The dashboard of a standby shows all that its primary would, and offers nothing that cannot be done there.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Options, Session};
use engine_page::http::{Answer, send};
use engine_page::{Dashboard, SHOP};

const PATIENCE: Duration = Duration::from_secs(30);

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// Waits until the standby has replayed all that is on the primary's disk now.
async fn catch_up(primary: &Session, standby: &Session) -> Result<()> {
    let sql = "select pg_current_wal_flush_lsn()::text";
    let end: String = primary.client.query_one(sql, &[]).await?.get(0);
    eventually("the standby has caught up", PATIENCE, async || {
        let sql = "select pg_last_wal_replay_lsn() >= $1::text::pg_lsn";
        Ok(standby.client.query_one(sql, &[&end]).await?.get(0))
    })
    .await
}

async fn read(dashboard: &Dashboard, path: &str) -> Result<Answer> {
    send("GET", &dashboard.at(path), &[], "").await
}

#[tokio::test]
async fn a_standby_is_read_on_every_page_and_acted_on_by_none() -> Result<()> {
    let mut primary = Cluster::start(Options::quick()).await?;
    let database = primary.database().await?;
    Session::open(&database)
        .await?
        .client
        .batch_execute(SHOP)
        .await?;
    let standby = primary.standby(Options::quick())?;
    let session = Session {
        client: primary.server().connect(database.name()).await?,
    };
    let replica = Session {
        client: standby.server().connect(database.name()).await?,
    };
    catch_up(&session, &replica).await?;
    let connection = standby.server().connection_string(database.name());
    let dashboard = Dashboard::serve(&connection, engine_ui::Options::default()).await?;

    let run = "select o.run from engine.run_overview as o where o.task = 'fulfil_order' limit 1";
    let run: String = replica.client.query_one(run, &[]).await?.get(0);
    let run = format!("/runs/{run}");
    for (path, text) in [
        ("/", "capture_payment fails since"),
        ("/runs", "generate_invoice"),
        ("/runs?status=failed&error=no+answer&since=1h", "24 runs"),
        (run.as_str(), "for capture_payment"),
        ("/failures", "27 runs, 2 kinds"),
        ("/queues?queue=payments&of=default", "slots are in use"),
        ("/schedules", "nightly-report"),
        ("/workers", "payments-5d7b-9wd2x"),
        ("/bulk", "bulk"),
        ("/events", "dequeued"),
    ] {
        let page = read(&dashboard, path).await?;
        ensure!(page.status == 200, "{path}: {page:?}");
        ensure!(page.body.contains(text), "{path} does not say {text}");
        ensure!(page.body.contains("a standby: reading only"), "{path}");
        ensure!(!page.body.contains("method=\"post\""), "{path} has a form");
        ensure!(!page.body.contains("/bulk/new"), "{path} leads to one");
    }

    // What is asked for all the same is refused in words, and keeps no page from being read.
    let page = read(&dashboard, "/queues").await?;
    let browser = page.cookie("engine_browser").context("no cookie")?;
    let cookie = format!("engine_browser={browser}");
    for _ in 0..5 {
        let preview = read(&dashboard, "/bulk/new?action=replay&status=failed").await?;
        let form = "queue=payments&of=default&paused=true&back=%2Fqueues";
        let act = dashboard.at("/act/queue/pause");
        let acted = send("POST", &act, &[FORM, ("Cookie", &cookie)], form).await?;
        ensure!(acted.status == 403, "{acted:?}");
        ensure!(preview.status == 409, "{preview:?}");
        ensure!(preview.body.contains("is a standby"), "{preview:?}");
        ensure!(read(&dashboard, "/queues").await?.status == 200);
    }

    let pause = "select engine_set_queue('payments', paused => true, reason => 'INC-2291')";
    session.client.batch_execute(pause).await?;
    catch_up(&session, &replica).await?;
    let page = read(&dashboard, "/queues?queue=payments&of=default").await?;
    ensure!(page.body.contains("INC-2291"), "it is behind");
    Ok(())
}
