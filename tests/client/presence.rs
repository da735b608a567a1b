//! A worker is seen while it is there, also while it has nothing to do.

use anyhow::Result;
use engine_client::{Identity, WorkerConfig};
use engine_harness::condition::eventually;
use engine_harness::{Database, Session};

use crate::running::{PATIENCE, Running, config, worker};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_tells_its_capacity_when_it_begins_and_that_it_ends() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let identity = Identity {
        worker_id: Some("mail".to_owned()),
        runner_id: Some("mail-1".to_owned()),
    };
    let running = Running::start(worker(&database)?.config(WorkerConfig {
        concurrency: 3,
        prefetch: 2,
        identity,
        ..config()
    }));
    let seen =
        "engine.worker_state where runner_id = 'mail-1' and worker_queue = 'main' and capacity = 5";
    eventually("the worker is seen", PATIENCE, async || {
        Ok(session.count(seen).await? == 1)
    })
    .await?;
    running.stop().await?;
    assert_eq!(session.count("engine.worker_state").await?, 0);
    Ok(())
}
