//! Flows that a crash may cut: calls that move runs, each with what must be there before it.

use anyhow::{Context, Result};
use engine_harness::Session;
use serde_json::{Value, json};

/// A flow that moves the runs of a database by one call.
#[derive(Clone, Copy, Debug)]
pub enum Flow {
    Dequeue,
    Turn,
    TurnOfAllKinds,
    Start,
    Release,
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
    Trigger,
    TriggerMany,
    Debounce,
    TriggerAndWait,
    SuccessOfAChild,
    LastOfABatch,
    Removal,
    RemovalOfAllKinds,
    Forget,
    EndOfAKeep,
    StepOfABulkAction,
}

impl Flow {
    pub const ALL: [Self; 27] = [
        Self::Dequeue,
        Self::Turn,
        Self::TurnOfAllKinds,
        Self::Start,
        Self::Release,
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
        Self::Trigger,
        Self::TriggerMany,
        Self::Debounce,
        Self::TriggerAndWait,
        Self::SuccessOfAChild,
        Self::LastOfABatch,
        Self::Removal,
        Self::RemovalOfAllKinds,
        Self::Forget,
        Self::EndOfAKeep,
        Self::StepOfABulkAction,
    ];

    /// Brings a run to the beginning of this flow; returns the call.
    pub async fn prepare(self, session: &Session) -> Result<String> {
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
            Self::TurnOfAllKinds => turn_of_all_kinds(session).await?,
            Self::Start | Self::Release => {
                let held = session.dequeue().await?.context("nothing is queued")?;
                let name = if matches!(self, Self::Start) {
                    "start_attempt"
                } else {
                    "release"
                };
                let (run_id, snapshot_id) = (held.run_id, held.snapshot_id);
                format!("select count(*) from engine_{name}('{run_id}', '{snapshot_id}', 'w', 'r')")
            }
            Self::Trigger => "select count(*) from engine_trigger('test', idempotency_key => 'k', one_time_use_token => 't', \
                              ttl => '1h', concurrency_key => 'c')"
                .to_owned(),
            Self::TriggerMany => {
                session.trigger_with("'test', idempotency_key => 'k'").await?;
                let runs = json!([
                    {"task": "test", "idempotency_key": "k"},
                    {"task": "test", "idempotency_key": "l", "parent_run_id": run},
                    {"task": "test", "delay_until": "2100-01-01T00:00:00Z"},
                    {"task": "test", "debounce": {"key": "d", "delay": "1h"}},
                ]);
                format!("select count(*) from engine_trigger_many('{runs}')")
            }
            Self::Debounce => {
                let put_off = |payload: i32| {
                    format!(
                        r#"'test', '{payload}', debounce => '{{"key": "d", "delay": "1h", "mode": "trailing"}}'"#
                    )
                };
                session.trigger_with(&put_off(1)).await?;
                format!("select count(*) from engine_trigger({})", put_off(2))
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
            Self::StepOfABulkAction => {
                session.trigger("other").await?;
                let replay = r#"select engine_bulk('replay', '{"all": true}', dry_run => false)"#;
                session.client.batch_execute(replay).await?;
                "select count(*) from engine_tick()".to_owned()
            }
            Self::EndOfAKeep => {
                session.cancel(&format!("'{run}'")).await?;
                session.trigger_with("'test', keep => '0', metadata => '1'").await?;
                session.end_next().await?;
                "select count(*) from engine_tick()".to_owned()
            }
            Self::RemovalOfAllKinds | Self::Forget => {
                session.cancel(&format!("'{run}'")).await?;
                session.run_of_every_kind().await?;
                // These belong to no run.
                let token = session.token().await?;
                session.complete_waitpoint(&token).await?;
                let batch = session.create_batch("").await?;
                session.seal_batch(&batch).await?;
                session.lapse_timers().await?;
                session.tick().await?;
                let filter = r#"'{"environment_id": "default"}'"#;
                let forget = format!("select count(*) from engine_forget(filter => {filter}, dry_run => false)");
                if let Self::Forget = self {
                    return Ok(forget);
                }
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

/// A turn of a worker whose environment is full: it reports the end of a child for which its parent waits, a failure that is
/// retried later and one that is retried at once, and an end that is refused. Then a slot is free for a run that is new, one
/// that had an attempt before, and one that continues from its checkpoint.
async fn turn_of_all_kinds(session: &Session) -> Result<String> {
    let parent = session.take().await?.run_id;
    let child = format!("'test', parent_run_id => '{parent}', resume_parent => true");
    session.trigger_with(&child).await?;
    let child = session.take().await?;
    let mut held = Vec::new();
    for _ in 0..2 {
        session.trigger_with("'test', max_attempts => 5").await?;
        held.push(session.take().await?);
    }
    let suspended = session.trigger("test").await?.run_id;
    session.take().await?;
    let token = session.token().await?;
    let blocked = session.block(&suspended, &[&token]).await?.held;
    session.suspend(&blocked, "why").await?;
    session.complete_waitpoint(&token).await?;
    let before = session
        .trigger_with("'test', max_attempts => 5")
        .await?
        .run_id;
    // The suspended run is due as well, and comes first.
    let resumed = session.dequeue().await?.context("nothing is queued")?;
    let again = session.take().await?;
    assert_eq!((&resumed.run_id, &again.run_id), (&suspended, &before));
    for held in [&resumed, &again] {
        let release = format!(
            "select engine_release('{}', '{}')",
            held.run_id, held.snapshot_id
        );
        session.client.batch_execute(&release).await?;
    }
    session.trigger("test").await?;
    let limit = "select engine_set_environment('default', concurrency_limit => 4)";
    session.client.batch_execute(limit).await?;
    let error = json!({"type": "STRING_ERROR", "raw": "no"});
    let end = |held: &engine_harness::Held, completion: Value| json!({"run_id": held.run_id, "snapshot_id": held.snapshot_id, "completion": completion});
    let stale = engine_harness::Held {
        snapshot_id: "stale".to_owned(),
        ..child.clone()
    };
    let ends = json!([
        end(&child, json!({"ok": true, "output": "1"})),
        end(
            &held[0],
            json!({"ok": false, "error": error, "retry": {"delay": 60_000}})
        ),
        end(
            &held[1],
            json!({"ok": false, "error": error, "retry": {"delay": 0}})
        ),
        end(&stale, json!({"ok": true})),
    ]);
    Ok(format!(
        "select count(*) from engine_work('{ends}', max_runs => 5, worker_id => 'w', runner_id => 'r', turn_id => 'a')"
    ))
}

/// Dequeues the run; returns the call that ends its attempt.
async fn complete(session: &Session, completion: &Value) -> Result<String> {
    let held = session.take().await?;
    let (run, snapshot) = (held.run_id, held.snapshot_id);
    Ok(format!(
        "select count(*) from engine_complete_attempt('{run}', '{snapshot}', '{completion}')"
    ))
}
