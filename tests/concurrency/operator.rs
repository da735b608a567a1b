//! Sessions that set limits: they wait for no dequeue, no dequeue waits for them, and limits hold whenever they are
//! set.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Database, Session};
use tokio::task::JoinSet;

use crate::waiter::PATIENCE;

/// All ways of changing the environment "default".
const SET: [&str; 5] = [
    "engine_set_queue('q', paused => true)",
    "engine_set_queue('q', concurrency_limit => 3)",
    "engine_set_environment('default', burst_factor => 2)",
    "engine_register_worker('default', '1', queues => '[{\"name\": \"r\", \"concurrencyLimit\": 2}]')",
    "engine_promote_worker('default', '1')",
];

/// Dequeues `runs` runs, one after the other.
async fn dequeues(worker: &Session, runs: usize) -> Result<()> {
    for _ in 0..runs {
        worker.dequeue().await?.context("a dequeue found nothing")?;
    }
    Ok(())
}

#[tokio::test]
async fn setting_limits_waits_for_no_dequeue_and_no_dequeue_for_it() -> Result<()> {
    let database = Database::fresh().await?;
    let (holder, worker, operator) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    for _ in 0..50 {
        holder.trigger("test").await?;
    }
    holder.client.batch_execute("begin").await?;
    holder.dequeue().await?.context("nothing is queued")?;
    let bound = "set lock_timeout = '2s'; set statement_timeout = '5s'";
    operator.client.batch_execute(bound).await?;
    for call in SET {
        let set = format!("begin; select {call}");
        operator.client.batch_execute(&set).await?;
        dequeues(&worker, 3).await.context(call)?;
        operator.client.batch_execute("commit").await?;
        dequeues(&worker, 3).await.context(call)?;
        worker.tick().await?;
        dequeues(&worker, 3).await.context(call)?;
    }
    holder.client.batch_execute("commit").await?;
    operator.check().await
}

#[tokio::test]
async fn who_sets_an_environment_waits_for_another_one_with_a_bound_and_says_for_whom() -> Result<()>
{
    let database = Database::fresh().await?;
    let (first, second) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let pid = backend_pid(&first.client).await?;
    let begin = format!(
        "set application_name = 'first'; select {}; begin; select {}",
        SET[3], SET[0]
    );
    first.client.batch_execute(&begin).await?;
    let bound = "set lock_timeout = '100ms'";
    second.client.batch_execute(bound).await?;
    for call in SET {
        let refused = second.refused(&format!("select {call}")).await?;
        assert_eq!(refused.code, "55P03", "{call}");
        assert!(
            refused.detail.contains(&format!("session {pid} (first")),
            "{refused:?}"
        );
    }
    let elsewhere = "select engine_set_environment('elsewhere', concurrency_limit => 1)";
    second.client.batch_execute(elsewhere).await?;
    first.client.batch_execute("commit").await?;
    for call in SET {
        second
            .client
            .batch_execute(&format!("select {call}"))
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_pause_holds_at_once_although_a_dequeue_is_under_way() -> Result<()> {
    let database = Database::fresh().await?;
    let (holder, worker) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    for queue in ["q", "q", "q", "other"] {
        let trigger = format!("'test', queue => '{queue}'");
        holder.trigger_with(&trigger).await?;
    }
    holder.client.batch_execute("begin").await?;
    holder.dequeue().await?.context("nothing is queued")?;
    let pause = "set statement_timeout = '5s'; select engine_set_queue('q', paused => true)";
    worker.client.batch_execute(pause).await?;
    assert_eq!(
        worker.dequeue_many(10).await?.len(),
        1,
        "of the other queue"
    );
    let resume = "select engine_set_queue('q', paused => false)";
    worker.client.batch_execute(resume).await?;
    assert_eq!(worker.dequeue_many(10).await?.len(), 2);
    holder.client.batch_execute("commit").await?;
    worker.check().await
}

#[tokio::test]
async fn advice_names_sessions_that_have_dequeued_or_set_limits_and_do_not_end() -> Result<()> {
    let database = Database::fresh().await?;
    let (holder, reader) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let pid = backend_pid(&holder.client).await?;
    holder.trigger("test").await?;
    for (what, call) in [
        ("dequeued runs", "engine_dequeue()"),
        ("set an environment", SET[0]),
    ] {
        let begin = format!("begin; select {call}");
        holder.client.batch_execute(&begin).await?;
        let row = format!(
            "engine.advice where kind = 'lock_holder' and subject = '{pid}' and detail like '%has {what} in%' \
             and age between '1 second' and '1 minute'"
        );
        eventually(what, PATIENCE, async || Ok(reader.count(&row).await? == 1)).await?;
        holder.client.batch_execute("commit").await?;
        assert_eq!(reader.count(&row).await?, 0);
    }
    Ok(())
}

/// Rows that are not adapted to the limits of the environment "default" yet.
const UNFITTED: &str = "(select from engine.queue where not is_fitted \
                         union all select from engine.timer where kind = 'FIT_LIMITS') as u";

/// Ticks until all rows are adapted.
async fn fit(session: &Session) -> Result<()> {
    eventually("everything is fitted", PATIENCE, async || {
        session.tick().await?;
        Ok(session.count(UNFITTED).await? == 0)
    })
    .await
}

#[tokio::test]
async fn limits_that_come_and_go_hold_before_the_tick_and_after_it() -> Result<()> {
    let database = Database::fresh().await?;
    let (session, holder) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let set = async |limit: &str| {
        let sql = format!("select engine_set_queue('q', concurrency_limit => {limit})");
        session.client.batch_execute(&sql).await
    };
    for ticks in [false, true] {
        for key in 0..30 {
            let trigger = format!("'test', queue => 'q', concurrency_key => 'k{}'", key % 3);
            session.trigger_with(&trigger).await?;
        }
        let look = async || if ticks { fit(&session).await } else { Ok(()) };
        // Three lanes, in which others take slots before anything counts.
        holder.client.batch_execute("begin").await?;
        let before = holder.dequeue_many(6).await?.len();
        holder.client.batch_execute("commit").await?;
        set("3").await?;
        look().await?;
        assert_eq!(before + session.dequeue_many(20).await?.len(), 9);
        assert_eq!(session.dequeue_many(20).await?.len(), 0);
        set("4").await?;
        look().await?;
        assert_eq!(session.dequeue_many(20).await?.len(), 3);
        set("0").await?;
        look().await?;
        assert_eq!(session.dequeue_many(20).await?.len(), 0);
        set("null").await?;
        look().await?;
        assert_eq!(session.dequeue_many(20).await?.len(), 18);
        session.check().await?;
        let cancel = "select engine_cancel(run_id, finalize => true) from engine.run_state \
                      where execution_status <> 'FINISHED'";
        session.client.batch_execute(cancel).await?;
        fit(&session).await?;
        session.check().await?;
    }
    Ok(())
}

#[tokio::test]
async fn rows_are_adapted_once_all_dequeues_with_other_limits_have_ended() -> Result<()> {
    let database = Database::fresh().await?;
    let (holder, session) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    for _ in 0..3 {
        session.trigger_with("'test', queue => 'q'").await?;
    }
    holder.client.batch_execute("begin").await?;
    holder.dequeue().await?.context("nothing is queued")?;
    let set = "select engine_set_queue('q', concurrency_limit => 1)";
    session.client.batch_execute(set).await?;
    session.tick().await?;
    assert!(session.count(UNFITTED).await? > 0, "a dequeue is under way");
    session
        .dequeue()
        .await?
        .context("a session does not see the other")?;
    holder.client.batch_execute("commit").await?;
    assert!(session.dequeue().await?.is_none(), "both count");
    fit(&session).await?;
    assert!(session.dequeue().await?.is_none(), "both count");
    session.check().await
}

#[tokio::test]
async fn an_operator_gets_through_where_dequeues_never_end() -> Result<()> {
    let database = Database::fresh().await?;
    let operator = Session::open(&database).await?;
    let over = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let (worker, over) = (Session::open(&database).await?, over.clone());
        workers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                worker.trigger("test").await?;
                worker.dequeue().await?;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    for limit in 1..20 {
        let set = format!("select engine_set_queue('q', concurrency_limit => {limit})");
        operator.client.batch_execute(&set).await?;
    }
    over.store(true, Ordering::Relaxed);
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    operator.check().await
}
