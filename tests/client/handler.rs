//! Waits and steps of handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use engine_client::{
    Context, Engine, Failure, RunResult, TaskOptions, Trigger, WaitpointId, Watch, WorkerConfig,
};
use engine_harness::condition::eventually;
use engine_harness::{Database, Session};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use crate::running::{PATIENCE, Running, config, finished, worker};

async fn result_of(session: &Session, trigger: &Trigger) -> Result<RunResult> {
    let run = Engine::new(&session.client).trigger(trigger).await?;
    let mut watch = Watch::new(&session.client, run.run_id);
    Ok(timeout(PATIENCE, watch.result()).await??)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_waits_for_time_and_for_tokens() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let (tell, mut tokens) = mpsc::unbounded_channel::<WaitpointId>();
    let running = Running::start(
        worker(&database)?.task("ask", move |ctx: Context, _: Value| {
            let tell = tell.clone();
            async move {
                ctx.wait_for("a moment", Duration::from_millis(50)).await?;
                let moment = Some(Duration::from_millis(50));
                let late = ctx.create_token("late", moment).await?;
                let answer: Option<i32> = ctx.wait_for_token(&late).await?;
                let token = ctx.create_token("answer", None).await?;
                tell.send(token.clone()).ok();
                Ok((answer, ctx.wait_for_token::<i32>(&token).await?))
            }
        }),
    );
    let asking = tokio::spawn({
        let session = Session::open(&database).await?;
        async move { result_of(&session, &Trigger::new("ask")).await }
    });
    let token = tokens.recv().await.expect("a token");
    Engine::new(&session.client)
        .complete_waitpoint(&token, Some("42"), None, false)
        .await?;
    let result = asking.await??;
    assert_eq!(
        result.output::<(Option<i32>, Option<i32>)>()?,
        (None, Some(42))
    );
    running.stop().await?;
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_completed_with_an_error_fails_its_wait() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let (tell, mut tokens) = mpsc::unbounded_channel::<WaitpointId>();
    let running = Running::start(
        worker(&database)?.task("ask", move |ctx: Context, _: Value| {
            let tell = tell.clone();
            async move {
                let token = ctx.create_token("answer", None).await?;
                tell.send(token.clone()).ok();
                ctx.wait_for_token::<i32>(&token).await
            }
        }),
    );
    let run = session.trigger("ask").await?;
    let token = tokens.recv().await.expect("a token");
    Engine::new(&session.client)
        .complete_waitpoint(&token, Some("\"no\""), None, true)
        .await?;
    let mut watch = Watch::new(&session.client, run.run_id.into());
    let result = timeout(PATIENCE, watch.result()).await??;
    assert!(!result.is_success());
    assert_eq!(result.error_message().as_deref(), Some("\"no\""));
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_waits_for_its_children_even_in_a_worker_with_one_place() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let one_place = WorkerConfig {
        concurrency: 1,
        ..config()
    };
    let worker = worker(&database)?
        .config(one_place)
        .task("double", |_: Context, number: i64| async move {
            match number {
                0 => Err(Failure::message("nothing to double")),
                _ => Ok(number * 2),
            }
        })
        .task("sum", |ctx: Context, numbers: Vec<i64>| async move {
            let doubles: Result<Vec<Trigger>, _> = numbers
                .iter()
                .map(|number| Trigger::new("double").payload(number))
                .collect();
            let results = ctx.batch_trigger_and_wait("doubles", doubles?).await?;
            let mut sum = 0;
            for result in &results {
                sum += result.output::<i64>()?;
            }
            let failing = Trigger::new("double").payload(&0)?;
            let failed = ctx.trigger_and_wait("zero", failing).await?;
            assert!(!failed.is_success());
            Ok((sum, failed.error_message()))
        });
    let running = Running::start(worker);
    let sum = Trigger::new("sum").payload(&[1, 2, 3])?;
    let result = result_of(&session, &sum).await?;
    assert_eq!(
        result.output::<(i64, Option<String>)>()?,
        (12, Some("nothing to double".to_owned()))
    );
    running.stop().await?;
    assert_eq!(session.count("engine.run").await?, 5);
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_and_a_child_are_done_once_by_all_attempts_together() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let charged = Arc::new(AtomicUsize::new(0));
    let charges = Arc::clone(&charged);
    let worker = worker(&database)?
        .task("child", |_: Context, (): ()| async move { Ok("done") })
        .task("order", move |ctx: Context, (): ()| {
            let charges = Arc::clone(&charges);
            async move {
                let number = ctx
                    .step("charge", async || {
                        Ok(charges.fetch_add(1, Ordering::SeqCst) + 1)
                    })
                    .await?;
                let child = Trigger::new("child").payload(&())?;
                let child = ctx.trigger_and_wait("child", child).await?;
                if ctx.attempt_number() < 3 {
                    let failure = Failure::message("try again");
                    return Err(failure.retry_after(Duration::from_millis(1)));
                }
                Ok((number, child.output::<String>()?))
            }
        });
    let running = Running::start(worker);
    let order = Trigger::new("order").payload(&())?.max_attempts(3);
    let result = result_of(&session, &order).await?;
    assert_eq!(result.output::<(usize, String)>()?, (1, "done".to_owned()));
    assert_eq!(result.attempt_number, Some(3));
    assert_eq!(charged.load(Ordering::SeqCst), 1);
    running.stop().await?;
    assert_eq!(session.count("engine.run").await?, 2);
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_run_has_no_slot_and_continues_where_it_was() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let (tell, mut tokens) = mpsc::unbounded_channel::<WaitpointId>();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&calls);
    let options = TaskOptions {
        suspend_after: Some(Duration::ZERO),
        ..TaskOptions::default()
    };
    let worker = worker(&database)?.task_with("ask", options, move |ctx: Context, (): ()| {
        let (tell, log) = (tell.clone(), Arc::clone(&log));
        async move {
            log.lock().await.push(ctx.attempt_number());
            let token = ctx.create_token("answer", None).await?;
            tell.send(token.clone()).ok();
            ctx.wait_for_token::<i32>(&token).await
        }
    });
    let running = Running::start(worker);
    let run = Engine::new(&session.client)
        .trigger(&Trigger::new("ask").payload(&())?)
        .await?;
    let token = tokens.recv().await.expect("a token");
    eventually("the run is suspended", PATIENCE, async || {
        let suspended = "engine.run_state where execution_status = 'SUSPENDED'";
        Ok(session.count(suspended).await? == 1)
    })
    .await?;
    assert_eq!(session.count("engine.slot").await?, 0);
    Engine::new(&session.client)
        .complete_waitpoint(&token, Some("7"), None, false)
        .await?;
    finished(&session, 1).await?;
    running.stop().await?;
    let result = Watch::new(&session.client, run.run_id).result().await?;
    assert_eq!(result.output::<Option<i32>>()?, Some(7));
    assert_eq!(*calls.lock().await, [1, 1], "the same attempt continues");
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_come_again_in_a_loop_are_steps_and_waits_of_their_own_in_all_attempts()
-> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let handler = move |ctx: Context, (): ()| {
        let count = Arc::clone(&count);
        async move {
            let mut outputs = Vec::new();
            for number in 0..3 {
                let output = ctx.step("s", async || {
                    count.fetch_add(1, Ordering::SeqCst);
                    Ok(number)
                });
                outputs.push(output.await?);
                ctx.wait_for("pause", Duration::from_millis(1)).await?;
                let child = Trigger::new("child").payload(&number)?;
                let child = ctx.trigger_and_wait("child", child).await?;
                outputs.push(child.output()?);
            }
            match ctx.attempt_number() {
                1 => Err(Failure::message("once more").retry_after(Duration::ZERO)),
                _ => Ok(outputs),
            }
        }
    };
    let child = |_: Context, number: usize| async move { Ok(number + 10) };
    let worker = worker(&database)?
        .task("loop", handler)
        .task("child", child);
    let running = Running::start(worker);
    let trigger = Trigger::new("loop").payload(&())?.max_attempts(2);
    Engine::new(&session.client).trigger(&trigger).await?;
    finished(&session, 4).await?;
    running.stop().await?;
    let sql = "select s.output from engine.run r join engine.run_state s on s.run_id = r.id where r.task = 'loop'";
    let output: String = session.client.query_one(sql, &[]).await?.get(0);
    assert_eq!(output, "[0,10,1,11,2,12]");
    assert_eq!(
        done.load(Ordering::SeqCst),
        3,
        "the second attempt repeats none"
    );
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_keeps_steps_does_only_those_that_the_other_run_did_not_do() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let done = Arc::new(Mutex::new(Vec::new()));
    let is_broken = Arc::new(AtomicBool::new(true));
    let (done_here, broken) = (Arc::clone(&done), Arc::clone(&is_broken));
    let handler = move |ctx: Context, (): ()| {
        let (done, broken) = (Arc::clone(&done_here), Arc::clone(&broken));
        async move {
            let mut outputs = Vec::new();
            for number in 0..4 {
                let output = ctx.step("s", async || {
                    if number == 2 && broken.load(Ordering::SeqCst) {
                        return Err(Failure::message("broken").no_retry());
                    }
                    done.lock().await.push(number);
                    Ok(number)
                });
                outputs.push(output.await?);
                ctx.wait_for("pause", Duration::from_millis(1)).await?;
            }
            Ok(outputs)
        }
    };
    let running = Running::start(worker(&database)?.task("loop", handler));
    let engine = Engine::new(&session.client);
    let old = result_of(&session, &Trigger::new("loop").payload(&())?).await?;
    assert!(!old.is_success());
    assert_eq!(*done.lock().await, [0, 1]);
    is_broken.store(false, Ordering::SeqCst);

    let kept = engine.replay_keeping_steps(&old.run_id).await?;
    let mut watch = Watch::new(&session.client, kept.run_id);
    let result = timeout(PATIENCE, watch.result()).await??;
    assert_eq!(result.output::<Vec<i32>>()?, [0, 1, 2, 3]);
    assert_eq!(*done.lock().await, [0, 1, 2, 3]);

    let newer = engine.replay(&old.run_id).await?;
    let mut watch = Watch::new(&session.client, newer.run_id);
    let result = timeout(PATIENCE, watch.result()).await??;
    assert_eq!(result.output::<Vec<i32>>()?, [0, 1, 2, 3]);
    assert_eq!(*done.lock().await, [0, 1, 2, 3, 0, 1, 2, 3]);
    running.stop().await?;
    session.check().await
}
