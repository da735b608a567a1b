//! Everything at once, for any duration: `ENGINE_SOAK_SECONDS=500 cargo xtask test soak`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use engine_harness::{Database, Scale, Session, Size};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use crate::reservation::preloaded;
use crate::unrest::{Tally, cancel, work};

/// Twenty environments: every second one has a limit, and so has every second one of the four queues of each. Half of
/// the runs have one of five keys.
const SET_UP: &str = "create table change (environment_id text, at timestamptz); \
    create index on change (environment_id, at); \
    select engine_set_environment('e' || n, concurrency_limit => case when n % 2 = 0 then 10 end) \
    from generate_series(1, 20) as n; \
    select engine_set_queue('q' || q, 'e' || n, 3) from generate_series(1, 20) as n, generate_series(1, 3, 2) as q";

/// Ten more runs for each queue that has fewer than fifty queued ones, paused or not: so the amount of work stays the
/// same.
const TRIGGER: &str = "select count(*) from engine_trigger_many(( \
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object( \
               'task', 'test', 'environment_id', 'e' || n, 'queue', 'q' || q, \
               'concurrency_key', case when k <= 5 then 'k' || k end))), '[]') \
    from generate_series(1, 20) as n, generate_series(1, 4) as q, generate_series(1, 10) as k \
    where 50 > (select count(*) from engine.queue_item as i where i.environment_id = 'e' || n and i.queue = 'q' || q)))";

/// Lanes and environments that hold more slots than they may, although one was taken since their limit last changed.
const TOO_MANY: &str = "select count(*), string_agg(format('%s %s %s: %s of %s', s.environment_id, s.queue, s.concurrency_key, s.held, s.cap), '; ') \
    from ( \
        select s.environment_id, s.queue, s.concurrency_key, count(*) as held, max(s.acquired_at) as last, \
               (select least(k.concurrency_limit, e.concurrency_limit) from engine.environment as e \
                left join engine.queue as k on k.environment_id = e.id and k.name = s.queue \
                where e.id = s.environment_id) as cap \
        from engine.slot as s \
        group by s.environment_id, s.queue, s.concurrency_key \
        union all \
        select s.environment_id, null, null, count(*), max(s.acquired_at), \
               (select e.concurrency_limit from engine.environment as e where e.id = s.environment_id) \
        from engine.slot as s \
        group by s.environment_id) as s \
    where s.held > s.cap \
      and s.last > coalesce((select max(c.at) from change as c where c.environment_id = s.environment_id), '-infinity')";

/// Duration, seconds, unless the environment variable sets another.
const SECONDS: Scale = Scale::new("seconds", 8, 300);

#[tokio::test(flavor = "multi_thread")]
async fn a_soak_ends_without_a_deadlock_and_without_a_leaked_slot() -> Result<()> {
    soak(&Database::fresh().await?).await
}

/// Here dequeues reserve the slots of an environment, instead of holding its mutex exclusively.
#[tokio::test(flavor = "multi_thread")]
async fn a_soak_of_a_preloaded_server_ends_without_a_deadlock_and_without_a_leaked_slot()
-> Result<()> {
    let cluster = preloaded().await?;
    soak(&cluster.database().await?).await
}

async fn soak(database: &Database) -> Result<()> {
    let seed: u64 = rand::random();
    let seconds = match std::env::var("ENGINE_SOAK_SECONDS") {
        Ok(seconds) => seconds.parse().context("ENGINE_SOAK_SECONDS")?,
        Err(_) => SECONDS.pick(),
    };
    println!("seed {seed}, {seconds} s");
    let session = Session::open(database).await?;
    session.client.batch_execute(SET_UP).await?;
    let over = Arc::new(AtomicBool::new(false));
    let tally = Arc::new(Tally::default());
    let mut sessions = JoinSet::new();
    for number in 0..20 {
        let worker = Session::open(database).await?;
        let rng = StdRng::seed_from_u64(seed ^ number);
        sessions.spawn(work(worker, rng, over.clone(), tally.clone()));
    }
    sessions.spawn(change(
        Session::open(database).await?,
        StdRng::seed_from_u64(!seed),
        over.clone(),
    ));
    sessions.spawn(cancel(Session::open(database).await?, over.clone()));
    sessions.spawn(watch(Session::open(database).await?, over.clone()));

    keep_busy(
        &session,
        Duration::from_secs(seconds),
        &mut sessions,
        &tally,
    )
    .await?;
    over.store(true, Ordering::Relaxed);
    while let Some(result) = sessions.join_next().await {
        result??;
    }
    drain(&session).await?;
    assert_eq!(session.count("engine.slot").await?, 0, "no slot is leaked");
    assert_eq!(session.count("engine.heartbeat").await?, 0);
    assert_eq!(session.count("engine.queue_item").await?, 0);
    assert_eq!(session.count("engine_check()").await?, 0);
    assert!(
        tally.ends.load(Ordering::Relaxed) > seconds,
        "there was work"
    );
    Ok(())
}

/// Triggers and ticks until the time is up or a session fails; prints for each tenth of the time how many runs ended,
/// how many calls dequeued a run, and how long these took.
async fn keep_busy(
    session: &Session,
    time: Duration,
    sessions: &mut JoinSet<Result<()>>,
    tally: &Tally,
) -> Result<()> {
    let start = Instant::now();
    let (mut tenths, mut ended) = (1, 0);
    while start.elapsed() < time {
        if let Some(result) = sessions.try_join_next() {
            result??;
        }
        session.client.batch_execute(TRIGGER).await?;
        session.client.batch_execute("select engine_tick()").await?;
        if start.elapsed() >= time * tenths / 10 {
            let ends = tally.ends.load(Ordering::Relaxed);
            let dequeues = tally.dequeues.swap(0, Ordering::Relaxed);
            println!(
                "{} s: {} runs ended, {dequeues} dequeues of {} us",
                start.elapsed().as_secs(),
                ends - ended,
                tally.dequeue_us.swap(0, Ordering::Relaxed) / dequeues.max(1)
            );
            ended = ends;
            tenths += 1;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Samples the slots, each time in one snapshot.
async fn watch(session: Session, over: Arc<AtomicBool>) -> Result<()> {
    let statement = session.client.prepare(TOO_MANY).await?;
    let mut samples = 0;
    while !over.load(Ordering::Relaxed) {
        let row = session.client.query_one(&statement, &[]).await?;
        let wrong: Option<String> = row.get(1);
        ensure!(row.get::<_, i64>(0) == 0, "{}", wrong.unwrap_or_default());
        samples += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("{samples} samples");
    ensure!(samples > 10, "the limits were watched");
    Ok(())
}

/// Raises and lowers limits, pauses and resumes.
async fn change(session: Session, mut rng: StdRng, over: Arc<AtomicBool>) -> Result<()> {
    let mut paused = HashMap::new();
    let mut changes = 0;
    while !over.load(Ordering::Relaxed) {
        let environment = format!("e{}", rng.random_range(1..=20));
        let queue = format!("q{}", rng.random_range(1..=4));
        let limit = rng.random_range(1..15);
        let call = match rng.random_range(0..5) {
            0 => format!("engine_set_environment('{environment}', concurrency_limit => {limit})"),
            1 => format!("engine_set_environment('{environment}', concurrency_limit => null)"),
            2 => format!("engine_set_queue('{queue}', '{environment}', {limit})"),
            3 => format!("engine_set_queue('{queue}', '{environment}', null)"),
            _ => {
                let is_paused = paused
                    .entry((environment.clone(), queue.clone()))
                    .or_insert(false);
                *is_paused = !*is_paused;
                format!("engine_set_queue('{queue}', '{environment}', paused => {is_paused})")
            }
        };
        // Running dequeues use the old limits, or none: so the new ones are not watched before all of these have ended.
        let sql = format!(
            "begin; delete from change where environment_id = '{environment}'; \
             insert into change values ('{environment}', 'infinity'); select {call}; commit"
        );
        session.client.batch_execute(&sql).await?;
        let is_unfitted = format!(
            "(select from engine.environment where id = '{environment}' and not is_fitted \
              union all select from engine.queue where environment_id = '{environment}' and not is_fitted) as u"
        );
        while session.count(&is_unfitted).await? > 0 && !over.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        changes += 1;
        let sql = format!(
            "update change set at = clock_timestamp() where environment_id = '{environment}'"
        );
        session.client.batch_execute(&sql).await?;
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..50))).await;
    }
    println!("{changes} changes");
    // Each waits until all older dequeues have ended, which on a busy machine takes seconds.
    let fewest = if Size::now() == Size::Full { 6 } else { 1 };
    ensure!(changes >= fewest, "limits were changed");
    Ok(())
}

/// Cancels all remaining runs.
async fn drain(session: &Session) -> Result<()> {
    let cancel = "select count(*) from (select engine_cancel(run_id, finalize => true) \
                  from engine.run_state where execution_status <> 'FINISHED') as c";
    session.client.query_one(cancel, &[]).await?;
    Ok(())
}
