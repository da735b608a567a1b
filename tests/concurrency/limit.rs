//! Limits hold at every instant, while sessions dequeue, finish, and change them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine_harness::{Database, Scale, Session};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_postgres::types::Json;

use crate::unrest::{Tally, cancel, work};

const QUEUES: usize = 5;
const QUEUE_LIMIT: i32 = 3;
const ENVIRONMENT_LIMIT: i32 = 10;

/// Five queues with three slots each in an environment with ten.
async fn limited(database: &Database) -> Result<Session> {
    let session = Session::open(database).await?;
    let sql = format!(
        "select engine_set_environment('env', concurrency_limit => {ENVIRONMENT_LIMIT}); \
         select engine_set_queue('q' || n, 'env', {QUEUE_LIMIT}) from generate_series(1, {QUEUES}) as n"
    );
    session.client.batch_execute(&sql).await?;
    Ok(session)
}

async fn trigger(session: &Session, runs: i32) -> Result<()> {
    let sql = "select count(*) from engine_trigger_many(( \
                   select jsonb_agg(jsonb_build_object('task', 'test', 'environment_id', 'env', 'queue', 'q' || 1 + n % 5)) \
                   from generate_series(1, $1) as n))";
    session.client.query_one(sql, &[&runs]).await?;
    Ok(())
}

/// Samples the slots, in one statement and so in one snapshot, until `over` is set; returns the number of samples and
/// the greatest number of slots. `sql` returns the number of held slots, and what is wrong with it.
async fn watch(database: Database, sql: &'static str, over: Arc<AtomicBool>) -> Result<(u64, i64)> {
    let session = Session::open(&database).await?;
    let statement = session.client.prepare(sql).await?;
    let (mut samples, mut most) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        let row = session.client.query_one(&statement, &[]).await?;
        let wrong: Option<String> = row.get(1);
        ensure!(wrong.is_none(), "{}", wrong.unwrap_or_default());
        most = most.max(row.get::<_, i64>(0));
        samples += 1;
    }
    Ok((samples, most))
}

const LIMITS_HOLD: &str = "select coalesce(sum(c.held), 0)::bigint, \
           case when sum(c.held) > 10 then 'environment: ' || sum(c.held) \
                when max(c.held) > 3 then 'queue: ' || max(c.held) end \
    from (select count(*) as held from engine.slot as s group by s.queue) as c";

/// Spec: LM-09.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_sessions_never_hold_more_than_the_limits_and_dequeue_each_run_once() -> Result<()> {
    fifty_workers(Database::fresh().await?).await
}

/// Fifty workers execute many runs while the limits are watched.
pub async fn fifty_workers(database: Database) -> Result<()> {
    let session = limited(&database).await?;
    let runs = RUNS.pick().cast_signed();
    trigger(&session, i32::try_from(runs)?).await?;
    let over = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(watch(database.clone(), LIMITS_HOLD, over.clone()));
    let mut workers = JoinSet::new();
    for number in 0..50 {
        let worker = Session::open(&database).await?;
        workers.spawn(async move {
            let mut mine = 0;
            while worker
                .count("engine.run_state where execution_status <> 'FINISHED'")
                .await?
                > 0
            {
                for held in worker.dequeue_many(1 + number % 4).await? {
                    let held = worker.start(&held).await?;
                    worker.complete(&held, json!({"ok": true})).await?;
                    mine += 1;
                }
            }
            Ok::<_, anyhow::Error>(mine)
        });
    }
    let mut finished = 0;
    while let Some(mine) = workers.join_next().await {
        finished += mine??;
    }
    over.store(true, Ordering::Relaxed);
    let (samples, most) = watcher.await??;
    println!("{samples} samples, at most {most} slots");
    assert_eq!(finished, runs);
    assert!(samples > 10 && most > 0, "the limits were watched");
    let starts = "engine.snapshot where execution_status = 'EXECUTING'";
    assert_eq!(session.count(starts).await?, runs, "each run started once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_take_turns_never_hold_more_than_the_limits_and_start_each_run_once()
-> Result<()> {
    by_turns(Database::fresh().await?).await
}

/// Twenty workers finish many runs, each turn with the completions of the one before, while the limits are watched.
pub async fn by_turns(database: Database) -> Result<()> {
    let session = limited(&database).await?;
    let runs = RUNS.pick().cast_signed();
    trigger(&session, i32::try_from(runs)?).await?;
    let over = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(watch(database.clone(), LIMITS_HOLD, over.clone()));
    let mut workers = JoinSet::new();
    for worker in 0..20 {
        let session = Session::open(&database).await?;
        workers.spawn(take_turns(session, 1 + worker % 4));
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    over.store(true, Ordering::Relaxed);
    let (samples, most) = watcher.await??;
    println!("{samples} samples, at most {most} slots");
    assert!(samples > 10 && most > 0, "the limits were watched");
    let starts = "engine.snapshot where execution_status = 'EXECUTING'";
    assert_eq!(session.count(starts).await?, runs, "each run started once");
    let left = "engine.run_state where run_status <> 'COMPLETED_SUCCESSFULLY'";
    assert_eq!(session.count(left).await?, 0);
    session.check().await
}

/// Takes turns until no run is left.
async fn take_turns(session: Session, max_runs: i32) -> Result<()> {
    let sql = "select kind, run_id, snapshot_id, error_code from engine_work($1, max_runs => $2, environment_id => 'env')";
    let mut ends = Vec::new();
    loop {
        let rows = session
            .client
            .query(sql, &[&Json(&ends), &max_runs])
            .await?;
        ends.clear();
        for row in rows {
            let error: Option<&str> = row.get("error_code");
            ensure!(error.is_none(), "a completion was refused with {error:?}");
            if row.get::<_, &str>("kind") == "started" {
                let (run_id, snapshot_id): (&str, &str) = (row.get(1), row.get(2));
                ends.push(json!({"run_id": run_id, "snapshot_id": snapshot_id, "ok": true}));
            }
        }
        let left = "engine.run_state where execution_status <> 'FINISHED'";
        if ends.is_empty() && session.count(left).await? == 0 {
            return Ok(());
        }
    }
}

/// The time during which limits change and are watched.
const SOAK: Scale = Scale::new("seconds", 8, 60);

const RUNS: Scale = Scale::new("runs", 300, 1000);

/// After a limit was lowered more slots than it allows may remain from before, but none may have been taken since.
const CHANGING_LIMITS_HOLD: &str = "select coalesce(sum(c.held), 0)::bigint, \
           string_agg(format('%s: %s of %s, changed at %s, last taken at %s', c.scope, c.held, c.cap, c.changed_at, c.last), '; ') \
               filter (where c.held > c.cap and c.last > c.changed_at) \
    from ( \
        select 'environment' as scope, count(*) as held, max(s.acquired_at) as last, \
               (select concurrency_limit from engine.environment where id = 'env') as cap, \
               (select max(at) from change where scope = 'env') as changed_at \
        from engine.slot as s \
        union all \
        select s.queue, count(*), max(s.acquired_at), \
               (select case when k.is_paused then 0 else k.concurrency_limit end from engine.queue as k where k.name = s.queue), \
               (select max(at) from change where scope = s.queue) \
        from engine.slot as s \
        group by s.queue) as c";

/// Spec: LM-10.
#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_while_runs_finish_fail_and_are_cancelled_and_limits_change() -> Result<()> {
    changing_limits(Database::fresh().await?).await
}

/// Fifty workers, and others, work for `time` while limits change and are watched.
pub async fn changing_limits(database: Database) -> Result<()> {
    let time = Duration::from_secs(SOAK.pick());
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let session = limited(&database).await?;
    let changes = "create table change (scope text, at timestamptz); \
                   insert into change select 'q' || n, clock_timestamp() from generate_series(1, 5) as n; \
                   insert into change values ('env', clock_timestamp())";
    session.client.batch_execute(changes).await?;
    let over = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(watch(database.clone(), CHANGING_LIMITS_HOLD, over.clone()));
    let tally = Arc::new(Tally::default());
    let mut sessions = JoinSet::new();
    for number in 0..50 {
        let worker = Session::open(&database).await?;
        let (rng, over, tally) = (
            StdRng::seed_from_u64(seed ^ number),
            over.clone(),
            tally.clone(),
        );
        sessions.spawn(work(worker, rng, over, tally));
    }
    let changer = Session::open(&database).await?;
    sessions.spawn(change(changer, StdRng::seed_from_u64(!seed), over.clone()));
    let canceller = Session::open(&database).await?;
    sessions.spawn(cancel(canceller, over.clone()));

    let end = Instant::now() + time;
    while Instant::now() < end && !watcher.is_finished() {
        if session.count("engine.queue_item").await? < 500 {
            trigger(&session, 500).await?;
        }
        session.client.batch_execute("select engine_tick()").await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    over.store(true, Ordering::Relaxed);
    while let Some(result) = sessions.join_next().await {
        result??;
    }
    let (samples, most) = watcher.await??;
    let ends = tally.ends.load(Ordering::Relaxed);
    println!("{samples} samples, at most {most} slots, {ends} runs ended");
    assert!(
        samples > 10 && most > 0 && ends > time.as_secs(),
        "there was something to watch"
    );
    Ok(())
}

/// Raises and lowers limits, pauses and resumes.
async fn change(changer: Session, mut rng: StdRng, over: Arc<AtomicBool>) -> Result<()> {
    while !over.load(Ordering::Relaxed) {
        let queue = format!("q{}", rng.random_range(1..=QUEUES));
        let (scope, call) = match rng.random_range(0..4) {
            0 => {
                let limit = rng.random_range(3..25);
                (
                    "env",
                    format!("engine_set_environment('env', concurrency_limit => {limit})"),
                )
            }
            1 => (
                queue.as_str(),
                format!("engine_set_queue('{queue}', 'env', paused => true)"),
            ),
            2 => (
                queue.as_str(),
                format!("engine_set_queue('{queue}', 'env', paused => false)"),
            ),
            _ => {
                let limit = rng.random_range(0..8);
                (
                    queue.as_str(),
                    format!("engine_set_queue('{queue}', 'env', {limit})"),
                )
            }
        };
        // After the commit every new dequeue knows the new limit. Until then nothing is watched.
        let sql = format!(
            "begin; update change set at = 'infinity' where scope = '{scope}'; select {call}; commit; \
             update change set at = clock_timestamp() where scope = '{scope}'"
        );
        changer.client.batch_execute(&sql).await?;
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..30))).await;
    }
    let resume = "select engine_set_queue('q' || n, 'env', 3, paused => false) from generate_series(1, 5) as n";
    changer.client.batch_execute(resume).await?;
    Ok(())
}
