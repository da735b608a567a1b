//! Moments at which a crash between two commits would leave a run half moved. Here a flow is one commit: a backend that
//! dies before it has done nothing, and one that dies after it has done everything.

use std::time::Duration;

use anyhow::{Context, Result};
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Cluster, Database, Options, Session};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// A flow that moves the only run of a database, or, as a turn does, one run and the next.
#[derive(Clone, Copy, Debug)]
enum Flow {
    Dequeue,
    Turn,
    RequeueOfAStall,
    RequeueOfAFailure,
    RetryAtOnce,
    CancelExecuting,
    CancelQueued,
    CancelOfAParent,
    Success,
    Block,
    Checkpoint,
    Continue,
    CompletionOfAWaitpoint,
    TriggerAndWait,
    SuccessOfAChild,
    LastOfABatch,
    Removal,
}

impl Flow {
    const ALL: [Self; 17] = [
        Self::Dequeue,
        Self::Turn,
        Self::RequeueOfAStall,
        Self::RequeueOfAFailure,
        Self::RetryAtOnce,
        Self::CancelExecuting,
        Self::CancelQueued,
        Self::CancelOfAParent,
        Self::Success,
        Self::Block,
        Self::Checkpoint,
        Self::Continue,
        Self::CompletionOfAWaitpoint,
        Self::TriggerAndWait,
        Self::SuccessOfAChild,
        Self::LastOfABatch,
        Self::Removal,
    ];

    /// Brings a run to the beginning of this flow; returns the call.
    async fn prepare(self, session: &Session) -> Result<String> {
        let run = session.trigger("test").await?.run_id;
        let failure = |delay_ms: u32| {
            json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": {"delay": delay_ms},
                   "usage": {"durationMs": 500}})
        };
        Ok(match self {
            Self::Dequeue => "select count(*) from engine_dequeue()".to_owned(),
            Self::Turn => {
                let held = session.take().await?;
                session.trigger("test").await?;
                let (run_id, snapshot_id) = (held.run_id, held.snapshot_id);
                let end = json!([{"run_id": run_id, "snapshot_id": snapshot_id, "ok": true}]);
                format!("select count(*) from engine_work('{end}')")
            }
            Self::RequeueOfAStall => {
                session.dequeue().await?.context("nothing is queued")?;
                session.lapse(&run).await?;
                "select count(*) from engine_tick()".to_owned()
            }
            Self::RequeueOfAFailure => complete(session, &failure(60_000)).await?,
            Self::RetryAtOnce => complete(session, &failure(0)).await?,
            Self::CancelExecuting => {
                session.take().await?;
                format!("select count(*) from engine_cancel('{run}')")
            }
            Self::CancelQueued => format!("select count(*) from engine_cancel('{run}')"),
            Self::CancelOfAParent => {
                session
                    .trigger_with(&format!("'test', parent_run_id => '{run}'"))
                    .await?;
                format!("select count(*) from engine_cancel('{run}', finalize => true)")
            }
            Self::Removal => {
                let held = session.take().await?;
                session.complete(&held, json!({"ok": true})).await?;
                session.age(8).await?;
                "select engine_sweep()::bigint".to_owned()
            }
            Self::Success => complete(session, &json!({"ok": true, "output": "1"})).await?,
            Self::Block
            | Self::Checkpoint
            | Self::Continue
            | Self::CompletionOfAWaitpoint
            | Self::TriggerAndWait
            | Self::SuccessOfAChild
            | Self::LastOfABatch => self.prepare_wait(session).await?,
        })
    }

    /// Brings a queued run to the beginning of a flow of waiting.
    async fn prepare_wait(self, session: &Session) -> Result<String> {
        let parent = session.take().await?.run_id;
        let token = session.token().await?;
        let child = format!("'test', parent_run_id => '{parent}', resume_parent => true");
        let success = json!({"ok": true, "output": "1"});
        match self {
            Self::TriggerAndWait => {
                return Ok(format!("select count(*) from engine_trigger({child})"));
            }
            Self::SuccessOfAChild => {
                session.trigger_with(&child).await?;
                return complete(session, &success).await;
            }
            Self::LastOfABatch => {
                let sql = "select batch_id from engine_create_batch(1, parent_run_id => $1, resume_parent => true)";
                let batch: String = session.client.query_one(sql, &[&parent]).await?.get(0);
                let item =
                    format!("select engine_add_to_batch('{batch}', '[{{\"task\": \"test\"}}]')");
                session.client.query(&item, &[]).await?;
                return complete(session, &success).await;
            }
            Self::Block => {
                return Ok(format!(
                    "select count(*) from engine_block('{parent}', '{{{token}}}')"
                ));
            }
            _ => {}
        }
        let blocked = session.block(&parent, &[&token]).await?.held;
        if let Self::Checkpoint = self {
            let snapshot = blocked.snapshot_id;
            return Ok(format!(
                "select count(*) from engine_create_checkpoint('{parent}', '{snapshot}', 'DOCKER', 'here')"
            ));
        }
        if let Self::Continue = self {
            session.suspend(&blocked, "why").await?;
            session.complete_waitpoint(&token).await?;
            let snapshot = session
                .dequeue()
                .await?
                .context("nothing is queued")?
                .snapshot_id;
            return Ok(format!(
                "select count(*) from engine_continue('{parent}', '{snapshot}')"
            ));
        }
        Ok(format!(
            "select count(*) from engine_complete_waitpoint('{token}')"
        ))
    }
}

/// Dequeues the run; returns the call that ends its attempt.
async fn complete(session: &Session, completion: &Value) -> Result<String> {
    let held = session.take().await?;
    let (run, snapshot) = (held.run_id, held.snapshot_id);
    Ok(format!(
        "select count(*) from engine_complete_attempt('{run}', '{snapshot}', '{completion}')"
    ))
}

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
    let bystander = cluster.connect().await?;
    let mut pids = Vec::new();
    for session in &sessions {
        pids.push(backend_pid(&session.client).await?);
    }
    cluster.kill_9_backends(&pids)?;
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
