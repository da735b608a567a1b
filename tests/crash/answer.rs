//! An answer that a crash took is asked for again: whether the server had committed or not, the call takes effect once.

use anyhow::{Context, Result};
use engine_harness::{Cluster, Options, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

use crate::window::kill_9;

/// A call of a worker.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Start,
    Success,
    Failure,
    Retry,
    Release,
    Turn,
}

impl Asked {
    const ALL: [Self; 6] = [
        Self::Start,
        Self::Success,
        Self::Failure,
        Self::Retry,
        Self::Release,
        Self::Turn,
    ];

    /// Brings a run to this call, and returns it.
    async fn prepare(self, session: &Session) -> Result<String> {
        session.trigger_with("'test', max_attempts => 3").await?;
        let mut held = session.dequeue().await?.context("nothing is queued")?;
        if !matches!(self, Self::Start) {
            held = session.start(&held).await?;
        }
        let at = format!("'{}', '{}'", held.run_id, held.snapshot_id);
        let end = |completion| format!("engine_complete_attempt({at}, '{completion}', 'w', 'r')");
        Ok(match self {
            Self::Start => format!("engine_start_attempt({at}, 'w', 'r')"),
            Self::Success => end(r#"{"ok": true, "output": "1"}"#),
            Self::Failure => end(
                r#"{"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": null}"#,
            ),
            Self::Retry => end(
                r#"{"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": {"delay": 60000}}"#,
            ),
            Self::Release => format!("engine_release({at}, 'w', 'r')"),
            Self::Turn => {
                session.trigger("test").await?;
                session.trigger("test").await?;
                let (run_id, snapshot_id) = (held.run_id, held.snapshot_id);
                let end = json!([{"run_id": run_id, "snapshot_id": snapshot_id, "ok": true}]);
                format!("engine_work('{end}', worker_id => 'w', runner_id => 'r', turn_id => 'a')")
            }
        })
    }
}

async fn call(session: &Session, call: &str) -> Result<Value> {
    let sql = format!("select jsonb_agg(to_jsonb(a)) from {call} as a");
    let row = session.client.query_one(&sql, &[]).await?;
    Ok(row.get::<_, Json<Value>>(0).0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_a_crash_took_is_asked_for_again_and_the_call_takes_effect_once()
-> Result<()> {
    let cluster = Cluster::start(Options::default()).await?;
    let mut calls = Vec::new();
    for asked in Asked::ALL {
        let database = cluster.database().await?;
        let session = Session::open(&database).await?;
        let text = asked.prepare(&session).await?;
        calls.push((asked, database, text));
    }
    let mut open = Vec::new();
    for (_, database, text) in &calls {
        let session = Session::open(database).await?;
        session.client.batch_execute("begin").await?;
        call(&session, text).await?;
        open.push(session);
    }
    kill_9(&cluster, open).await?;
    // Nothing was done: the repeated call does it.
    let mut done = Vec::new();
    let mut lost = Vec::new();
    for (_, database, text) in &calls {
        let session = Session::open(database).await?;
        let answer = call(&session, text).await?;
        lost.push((answer, session.contents().await?));
        done.push(session);
    }
    kill_9(&cluster, done).await?;
    // Everything was done: the repeated call does nothing, and tells the same.
    for ((asked, database, text), (answer, contents)) in calls.iter().zip(lost) {
        let session = Session::open(database).await?;
        assert_eq!(call(&session, text).await?, answer, "{asked:?}");
        assert_eq!(session.contents().await?, contents, "{asked:?}");
        session.check().await?;
    }
    Ok(())
}
