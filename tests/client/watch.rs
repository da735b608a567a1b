//! `Watch`: following a run from outside.

use std::time::Duration;

use anyhow::Result;
use engine_client::{Context, Engine, ErrorKind, Trigger, Watch};
use engine_harness::{Database, Session};
use tokio::time::timeout;

use crate::running::{PATIENCE, Running, worker};

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_a_run_sees_every_snapshot_once_and_then_its_result() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let engine = Engine::new(&session.client);
    let run = engine
        .trigger(&Trigger::new("double").payload(&21)?)
        .await?;
    let mut watch = Watch::new(&session.client, run.run_id.clone())
        .after(run.snapshot_id.expect("it is there"));
    let early = timeout(Duration::from_millis(50), watch.next()).await;
    assert!(early.is_err(), "nothing happens as yet");
    let running = Running::start(worker(&database)?.task(
        "double",
        |_: Context, number: i64| async move { Ok(number * 2) },
    ));
    let mut statuses = Vec::new();
    while let Some(snapshot) = timeout(PATIENCE, watch.next()).await?? {
        statuses.push(snapshot.execution_status.as_str());
    }
    assert_eq!(statuses, ["PENDING_EXECUTING", "EXECUTING", "FINISHED"]);
    assert!(watch.next().await?.is_none());
    let result = Watch::new(&session.client, run.run_id).result().await?;
    assert_eq!(result.output::<i64>()?, 42);
    running.stop().await
}

#[tokio::test]
async fn watching_an_unknown_run_is_refused() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let mut watch = Watch::new(&session.client, "nope".into());
    let errors = [
        watch.next().await.map(|_| ()).unwrap_err(),
        watch.result().await.map(|_| ()).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::UnknownRun);
    }
    Ok(())
}
