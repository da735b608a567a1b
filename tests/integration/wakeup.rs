//! With the library preloaded, a waiting dequeue is woken by the commit that queues a run for it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Cluster, Database, Options, Session};
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};

pub const PATIENCE: Duration = Duration::from_secs(10);

pub async fn preloaded() -> Result<Cluster> {
    Cluster::start(Options::quick().set("shared_preload_libraries", "engine")).await
}

/// Half of the waiters would take longer without a bell: with the library preloaded they look once a second.
pub const WOKEN: Duration = Duration::from_millis(100);

/// The median.
pub fn median(mut waited: Vec<Duration>) -> Duration {
    waited.sort_unstable();
    waited[waited.len() / 2]
}

/// Dequeues a run of `worker_queue`, waiting for a minute, in a session of its own; returns once it has slept so long
/// that its pauses are the longest ones.
pub async fn sleeper(
    database: &Database,
    worker_queue: &'static str,
) -> Result<JoinHandle<Result<Vec<String>>>> {
    let (session, observer) = (
        Session::open(database).await?,
        Session::open(database).await?,
    );
    let pid = backend_pid(&session.client).await?;
    let dequeue = tokio::spawn(async move {
        let sql = "select run_id from engine_dequeue($1, wait_ms => 60000)";
        let rows = session.client.query(sql, &[&worker_queue]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    });
    eventually("the dequeue sleeps", PATIENCE, async || {
        let sleeping = "pg_stat_activity where wait_event_type = 'Extension' \
                        and query_start < clock_timestamp() - interval '800 ms' and pid =";
        Ok(observer.count(&format!("{sleeping} {pid}")).await? == 1)
    })
    .await?;
    Ok(dequeue)
}

#[tokio::test]
async fn a_commit_wakes_the_session_that_waits_for_its_run() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let mut waited = Vec::new();
    for _ in 0..9 {
        let dequeue = sleeper(&database, "main").await?;
        let triggered = session.trigger("test").await?;
        let committed = Instant::now();
        assert_eq!(dequeue.await??, [triggered.run_id]);
        waited.push(committed.elapsed());
    }
    let waited = median(waited);
    assert!(waited < WOKEN, "{waited:?}");
    session.check().await
}

#[tokio::test]
async fn one_commit_wakes_as_many_as_it_has_runs_for() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let mut sleepers = JoinSet::new();
    for _ in 0..5 {
        sleepers.spawn(sleeper(&database, "main").await?);
    }
    let other = sleeper(&database, "other").await?;
    let sql = "select run_id from engine_trigger_many('[{\"task\": \"a\"}, {\"task\": \"b\"}, {\"task\": \"c\"}]')";
    let rows = session.client.query(sql, &[]).await?;
    let mut triggered: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    for _ in 0..3 {
        let woken = sleepers.join_next().await;
        for run_id in woken.into_iter().flatten().flatten().flatten().flatten() {
            assert!(triggered.remove(&run_id), "{run_id} was handed out twice");
        }
    }
    assert_eq!(triggered, BTreeSet::new());
    session
        .trigger_with("'test', worker_queue => 'other'")
        .await?;
    assert_eq!(other.await??.len(), 1);
    sleepers.abort_all();
    session.check().await
}

#[tokio::test]
async fn a_trigger_that_is_rolled_back_returns_no_run_to_a_waiter() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let dequeue = sleeper(&database, "main").await?;
    session.client.batch_execute("begin").await?;
    session.trigger("test").await?;
    session.client.batch_execute("rollback").await?;
    let sql = "begin; savepoint s";
    session.client.batch_execute(sql).await?;
    session.trigger("test").await?;
    session
        .client
        .batch_execute("rollback to s; commit")
        .await?;
    let triggered = session.trigger("test").await?;
    assert_eq!(dequeue.await??, [triggered.run_id]);
    session.check().await
}

#[tokio::test]
async fn who_waits_for_a_slot_is_woken_by_its_release() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let limit = "select engine_set_queue('q', concurrency_limit => 1)";
    session.client.batch_execute(limit).await?;
    let mut waited = Vec::new();
    for _ in 0..9 {
        let arguments = "'test', queue => 'q'";
        session.trigger_with(arguments).await?;
        let held = session.take().await?;
        let next = session.trigger_with(arguments).await?.run_id;
        // Files it behind the full queue: such a dequeue returns, so that this is committed.
        assert!(session.dequeue().await?.is_none());
        let dequeue = sleeper(&database, "main").await?;
        session.complete(&held, json!({"ok": true})).await?;
        let freed = Instant::now();
        assert_eq!(dequeue.await??, [next.as_str()]);
        waited.push(freed.elapsed());
        let sql = "select engine_cancel($1, finalize => true)";
        session.client.query_one(sql, &[&next]).await?;
    }
    let waited = median(waited);
    assert!(waited < WOKEN, "{waited:?}");
    session.check().await
}

/// Number of sessions that wait together.
const MANY: i64 = 300;

/// Number of sessions of which each waits for runs that no other session waits for.
const FEW: i64 = 30;

/// Runs a statement in each of `count` sessions, once.
fn many(
    database: &Database,
    count: i64,
    statement: impl Fn(i64) -> String,
) -> JoinSet<Result<usize>> {
    let mut waiting = JoinSet::new();
    for number in 0..count {
        let (database, statement) = (database.clone(), statement(number));
        waiting.spawn(async move {
            let session = Session::open(&database).await?;
            Ok(session.client.query(&statement, &[]).await?.len())
        });
    }
    waiting
}

/// Returns once `count` sessions sleep.
async fn all_sleep(session: &Session, count: i64) -> Result<()> {
    let sleeping = "pg_stat_activity where wait_event_type = 'Extension' and query like '%wait%' \
                    and datname = current_database()";
    eventually("all of them sleep", PATIENCE * 3, async || {
        Ok(session.count(sleeping).await? == count)
    })
    .await
}

/// Number of transactions that `count` sessions with such a query have begun: one that waits by a procedure begins one for each
/// look.
async fn begun(session: &Session, query: &str, count: i64) -> Result<i64> {
    let sql = "select coalesce(sum(split_part(l.virtualxid, '/', 2)::bigint), 0)::bigint, count(*) from pg_locks as l \
               join pg_stat_activity as a using (pid) \
               where l.locktype = 'virtualxid' and l.granted and a.query like $1 and a.pid <> pg_backend_pid() \
               and a.datname = current_database()";
    let mut begun = None;
    eventually("all of them are in a transaction", PATIENCE, async || {
        let row = session.client.query_one(sql, &[&query]).await?;
        begun = (row.get::<_, i64>(1) == count).then(|| row.get(0));
        Ok(begun.is_some())
    })
    .await?;
    begun.context("not counted")
}

#[tokio::test]
async fn sessions_that_wait_for_the_same_runs_look_less_often_than_one_that_waits_alone()
-> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let mut waiting = many(&database, MANY, |_| {
        "call engine_wait(wait_ms => 60000)".to_owned()
    });
    let mut alone = many(&database, FEW, |number| {
        format!("call engine_wait('alone{number}', wait_ms => 60000)")
    });
    all_sleep(&session, MANY + FEW).await?;
    // Both are counted over the same time, so that a machine which is slow is slow for both.
    let queries = ["call engine_wait(wait%", "call engine_wait('alone%"];
    let before = [
        begun(&session, queries[0], MANY).await?,
        begun(&session, queries[1], FEW).await?,
    ];
    let mut looks = [0, 0];
    eventually(
        "those alone have looked five times each",
        PATIENCE * 3,
        async || {
            looks[1] = begun(&session, queries[1], FEW).await? - before[1];
            looks[0] = begun(&session, queries[0], MANY).await? - before[0];
            Ok(looks[1] >= 5 * FEW)
        },
    )
    .await?;
    // A third as often, and what chance adds.
    let each = looks[0] * FEW * 2;
    assert!(looks[0] > 0 && each < looks[1] * MANY, "{looks:?}");
    waiting.abort_all();
    alone.abort_all();
    Ok(())
}

#[tokio::test]
async fn a_run_that_becomes_due_is_dequeued_by_one_of_many_waiting_sessions() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let mut waiting = many(&database, MANY, |_| {
        "select run_id from engine_dequeue(wait_ms => 60000)".to_owned()
    });
    all_sleep(&session, MANY).await?;
    // Nobody else looks for what this one does: it counts itself only.
    let other = sleeper(&database, "other").await?;
    for worker_queue in ["main", "other"] {
        session
            .trigger_with(&format!(
                "'test', worker_queue => '{worker_queue}', queue_timestamp => clock_timestamp() + interval '2 s'"
            ))
            .await?;
    }
    assert_eq!(other.await??.len(), 1);
    let first = waiting.join_next().await;
    assert_eq!(first.transpose()?.transpose()?, Some(1));
    let late = "(select s.created_at - r.queue_timestamp as late from engine.snapshot as s \
                 join engine.run as r on r.shard = s.shard and r.id = s.run_id where s.transition = 'DEQUEUED') as s";
    let in_time = format!("{late} where late < interval '4 s'");
    assert_eq!(session.count(&in_time).await?, 2);
    waiting.abort_all();
    session.check().await
}
