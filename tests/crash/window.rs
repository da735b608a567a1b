//! Moments at which a crash between two commits would leave a run half moved. Here a flow is one commit: a backend that
//! dies before it has done nothing, and one that dies after it has done everything.

use std::time::Duration;

use anyhow::Result;
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Cluster, Database, Options, Session};

use crate::flow::Flow;

const PATIENCE: Duration = Duration::from_secs(60);

/// A flow in a database of its own.
struct Window {
    flow: Flow,
    database: Database,
    call: String,
    /// The contents of the tables before it and, once it is done, after it.
    contents: Vec<String>,
}

/// Kills the backends of these sessions, and waits until the server has recovered.
pub async fn kill_9(cluster: &Cluster, sessions: Vec<Session>) -> Result<()> {
    let mut pids = Vec::new();
    for session in &sessions {
        pids.push(backend_pid(&session.client).await?);
    }
    kill_9_backends(cluster, &pids).await
}

/// Kills these backends, and waits until the server has recovered.
pub async fn kill_9_backends(cluster: &Cluster, pids: &[i32]) -> Result<()> {
    let bystander = cluster.connect().await?;
    cluster.kill_9_backends(pids)?;
    eventually("the server has ended all sessions", PATIENCE, async || {
        Ok(bystander.simple_query("select 1").await.is_err())
    })
    .await?;
    eventually("the server has recovered", PATIENCE, async || {
        Ok(cluster.connect().await.is_ok())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_killed_before_its_commit_has_done_nothing_and_after_it_everything()
-> Result<()> {
    let cluster = Cluster::start(Options::default()).await?;
    let mut windows = Vec::new();
    for flow in Flow::ALL {
        let database = cluster.database().await?;
        let session = Session::open(&database).await?;
        let call = flow.prepare(&session).await?;
        let contents = session.contents().await?;
        windows.push(Window {
            flow,
            database,
            call,
            contents,
        });
    }

    let mut open = Vec::new();
    for window in &windows {
        let session = Session::open(&window.database).await?;
        session.client.batch_execute("begin").await?;
        session.client.query_one(&window.call, &[]).await?;
        assert_ne!(
            session.contents().await?,
            window.contents,
            "{:?} does nothing",
            window.flow
        );
        open.push(session);
    }
    // Their writes are on disk: recovery must know that they do not count.
    cluster.connect().await?.batch_execute("checkpoint").await?;
    kill_9(&cluster, open).await?;
    for window in &windows {
        let session = Session::open(&window.database).await?;
        assert_eq!(
            session.contents().await?,
            window.contents,
            "{:?}, before the commit",
            window.flow
        );
        session.check().await?;
    }

    let mut done = Vec::new();
    for window in &mut windows {
        let session = Session::open(&window.database).await?;
        let row = session.client.query_one(&window.call, &[]).await?;
        assert!(row.get::<_, i64>(0) > 0);
        let contents = session.contents().await?;
        assert_ne!(contents, window.contents, "{:?} does nothing", window.flow);
        window.contents = contents;
        done.push(session);
    }
    kill_9(&cluster, done).await?;
    for window in &windows {
        let session = Session::open(&window.database).await?;
        assert_eq!(
            session.contents().await?,
            window.contents,
            "{:?}, after the commit",
            window.flow
        );
        session.check().await?;
    }
    Ok(())
}
