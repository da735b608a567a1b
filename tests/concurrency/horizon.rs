//! A transaction that stays open keeps vacuum from removing dead queue items. A dequeue does not read them, and misses
//! no live item.

use std::time::Duration;

use anyhow::{Context, Result};
use engine_harness::condition::eventually;
use engine_harness::{Database, Scale, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

/// Runs that go by while one is held back.
const RUNS: Scale = Scale::new("runs", 2_000, 5_000);

/// Triggers and finishes this many runs, a hundred at a time.
async fn churn(session: &Session, runs: i32) -> Result<()> {
    churn_in(session, "default", runs).await
}

async fn churn_in(session: &Session, environment: &str, runs: i32) -> Result<()> {
    let trigger = "select count(*) from engine_trigger_many(( \
                   select jsonb_agg(jsonb_build_object('task', 'test', 'environment_id', $1::text)) from generate_series(1, 100)))";
    let finish = "select count(*) from engine_dequeue(max_runs => 100) as d \
                  cross join lateral engine_succeed(d.run_id, d.snapshot_id)";
    for _ in 0..runs / 100 {
        session.client.query_one(trigger, &[&environment]).await?;
        let finished: i64 = session.client.query_one(finish, &[]).await?.get(0);
        assert_eq!(finished, 100);
    }
    Ok(())
}

/// Pages that a dequeue reads.
async fn pages(session: &Session) -> Result<i64> {
    let sql = "explain (analyze, buffers, format json) select * from engine_dequeue()";
    let plan: Json<Value> = session.client.query_one(sql, &[]).await?.get(0);
    plan.0[0]["Plan"]["Shared Hit Blocks"]
        .as_i64()
        .context("no buffers in the plan")
}

#[tokio::test]
async fn a_dequeue_does_not_read_items_that_were_claimed_before() -> Result<()> {
    let database = Database::fresh().await?;
    let (worker, holder) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let hold = "begin isolation level repeatable read; select from engine.run limit 1";
    holder.client.batch_execute(hold).await?;
    churn(&worker, 5000).await?;
    worker.trigger("test").await?;
    let near = pages(&worker).await?;
    churn(&worker, 5000).await?;
    worker.trigger("test").await?;
    let far = pages(&worker).await?;
    println!("{near} pages, then {far}");
    assert!(far < near + 500, "{near} pages, then {far}");
    let newcomer = Session::open(&database).await?;
    newcomer.trigger("test").await?;
    let all = pages(&newcomer).await?;
    assert!(
        all > 3 * far,
        "a session that does not know where the living begin walks over {all} pages"
    );
    Ok(())
}

/// Takes a worker's turn: ends these runs and starts the next hundred, which it returns.
async fn turn(session: &Session, ended: &Value) -> Result<Value> {
    let sql = "select coalesce(jsonb_agg(jsonb_build_object('run_id', run_id, 'snapshot_id', snapshot_id, 'ok', true)) \
               filter (where kind = 'started'), '[]') from engine_work(completions => $1, max_runs => 100)";
    let started: Json<Value> = session.client.query_one(sql, &[&Json(ended)]).await?.get(0);
    Ok(started.0)
}

#[tokio::test]
async fn a_turn_that_reports_ends_does_not_read_items_that_were_claimed_before() -> Result<()> {
    let database = Database::fresh().await?;
    let (worker, holder) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let hold = "begin isolation level repeatable read; select from engine.run limit 1";
    holder.client.batch_execute(hold).await?;
    let trigger = "select count(*) from engine_trigger_many(( \
                   select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, 100)))";
    let mut held = json!([]);
    for _ in 0..80 {
        worker.client.query_one(trigger, &[]).await?;
        held = turn(&worker, &held).await?;
    }
    worker.trigger("test").await?;
    let sql = format!(
        "explain (analyze, buffers, format json) select * from engine_work(completions => '[{}]')",
        held[0]
    );
    let plan: Json<Value> = worker.client.query_one(&sql, &[]).await?.get(0);
    let near = plan.0[0]["Plan"]["Shared Hit Blocks"].as_i64();
    let near = near.context("no buffers in the plan")?;
    let newcomer = Session::open(&database).await?;
    newcomer.trigger("test").await?;
    let all = pages(&newcomer).await?;
    println!("{near} pages, a session that has just begun {all}");
    assert!(3 * near < all, "{near} pages of {all}");
    Ok(())
}

#[tokio::test]
async fn a_listing_of_environments_does_not_read_items_that_were_claimed_before() -> Result<()> {
    let database = Database::fresh().await?;
    let (worker, holder) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let set = "select engine_set_environment(id) from unnest(array['a', 'b', 'c', 'd']) as id";
    worker.client.batch_execute(set).await?;
    let hold = "begin isolation level repeatable read; select from engine.run limit 1";
    holder.client.batch_execute(hold).await?;
    for environment in ["a", "c"] {
        churn_in(&worker, environment, 3000).await?;
    }
    // Nothing is alive: these calls list environments, and no dequeue looks anywhere.
    let mut near = 0;
    let patience = Duration::from_secs(20);
    let what = "the worker knows where the living begin";
    eventually(what, patience, async || {
        near = pages(&worker).await?;
        Ok(near < 300)
    })
    .await?;
    let newcomer = Session::open(&database).await?;
    let all = pages(&newcomer).await?;
    println!("{near} pages, and {all} of a session that does not know where the living begin");
    assert!(all > 3 * near, "{near} pages, and {all} of a newcomer");
    // A run in an environment without live items is found.
    let back = worker.trigger_with("'test', environment_id => 'c'").await?;
    let claimed = worker.dequeue_many(10).await?;
    assert!(claimed.iter().any(|held| held.run_id == back.run_id));
    Ok(())
}

#[tokio::test]
async fn what_is_committed_late_or_goes_ahead_is_not_missed() -> Result<()> {
    let database = Database::fresh().await?;
    let (worker, holder) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    holder
        .client
        .batch_execute("begin isolation level repeatable read; select from engine.run limit 1")
        .await?;
    let late = Session::open(&database).await?;
    late.client.batch_execute("begin").await?;
    let late_run = late.trigger("test").await?;
    let runs = i32::try_from(RUNS.pick())?;
    churn(&worker, runs).await?;

    late.client.batch_execute("commit").await?;
    let queued = worker.trigger("test").await?;
    let ahead = worker
        .trigger_with("'test', priority_ms => 3600000")
        .await?;
    for expected in [ahead, late_run, queued] {
        assert_eq!(
            worker.dequeue().await?.map(|held| held.run_id),
            Some(expected.run_id)
        );
    }

    churn(&worker, runs / 2).await?;
    let run = worker.trigger("test").await?;
    worker.take().await?;
    churn(&worker, runs / 2).await?;
    worker.lapse(&run.run_id).await?;
    assert_eq!(worker.tick().await?, 1, "a stalled run is found");
    worker.make_due(&run.run_id).await?;
    assert_eq!(
        worker.dequeue().await?.map(|held| held.run_id),
        Some(run.run_id)
    );
    Ok(())
}

#[tokio::test]
async fn a_dequeue_that_is_rolled_back_leaves_its_runs_where_the_next_one_looks() -> Result<()> {
    let database = Database::fresh().await?;
    let (worker, holder) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    holder
        .client
        .batch_execute("begin isolation level repeatable read; select from engine.run limit 1")
        .await?;
    churn(&worker, 4000).await?;
    let run = worker.trigger("test").await?;
    worker.client.batch_execute("begin").await?;
    assert!(worker.dequeue().await?.is_some());
    // The mark does not advance in a transaction that has deleted items.
    for _ in 0..10 {
        assert_eq!(worker.dequeue().await?, None);
        worker.client.batch_execute("select pg_sleep(0.01)").await?;
    }
    worker.client.batch_execute("rollback").await?;
    churn_of_others(&database).await?;
    assert_eq!(
        worker.dequeue().await?.map(|held| held.run_id),
        Some(run.run_id)
    );
    Ok(())
}

/// Runs of another worker queue advance the clock, and nothing else.
async fn churn_of_others(database: &Database) -> Result<()> {
    let other = Session::open(database).await?;
    for _ in 0..10 {
        other
            .trigger_with("'test', worker_queue => 'other'")
            .await?;
    }
    let row = other
        .client
        .query(
            "select run_id, snapshot_id from engine_dequeue('other', 10)",
            &[],
        )
        .await?;
    for row in row {
        let held = engine_harness::Held {
            run_id: row.get(0),
            snapshot_id: row.get(1),
        };
        let held = other.start(&held).await?;
        other.complete(&held, json!({"ok": true})).await?;
    }
    Ok(())
}
