//! A session that waits for a run holds nothing, and is woken when there is one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Database, Session};
use tokio::task::JoinHandle;

use crate::reservation::preloaded;

pub const PATIENCE: Duration = Duration::from_secs(10);

/// A dequeue that waits for a minute, in a session of its own; returns once it sleeps.
struct Waiter {
    pid: i32,
    runs: JoinHandle<Result<Vec<String>>>,
}

impl Waiter {
    async fn begin(database: &Database, arguments: &str) -> Result<Self> {
        let session = Session::open(database).await?;
        let observer = Session::open(database).await?;
        let pid = backend_pid(&session.client).await?;
        let sql = format!("select run_id from engine_dequeue({arguments}, wait_ms => 60000)");
        let runs = tokio::spawn(async move {
            // Returns without a run after it has set runs aside, so that this is committed.
            for _ in 0..3 {
                let rows = session.client.query(&sql, &[]).await?;
                if !rows.is_empty() {
                    return Ok(rows.iter().map(|row| row.get(0)).collect());
                }
            }
            bail!("three dequeues return no run")
        });
        let waiter = Self { pid, runs };
        eventually("the dequeue sleeps", PATIENCE, async || {
            waiter.sleeps(&observer).await
        })
        .await?;
        Ok(waiter)
    }

    /// Whether it sleeps, and has tried more than once.
    async fn sleeps(&self, observer: &Session) -> Result<bool> {
        let sleeping = "pg_stat_activity where wait_event_type = 'Extension' \
                        and query_start < clock_timestamp() - interval '100 ms' and pid =";
        Ok(observer.count(&format!("{sleeping} {}", self.pid)).await? == 1)
    }

    /// The locks that it holds, except those of its own transaction id.
    async fn locks(&self, observer: &Session) -> Result<Vec<String>> {
        let sql = "select format('%s %s %s', locktype, relation::regclass, mode) \
                   from pg_locks where pid = $1 and locktype <> 'virtualxid'";
        let rows = observer.client.query(sql, &[&self.pid]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Holds nothing, at every check while it sleeps.
    async fn holds_nothing(&self, observer: &Session) -> Result<()> {
        eventually("the dequeue holds nothing", PATIENCE, async || {
            Ok(self.sleeps(observer).await? && self.locks(observer).await?.is_empty())
        })
        .await
    }
}

/// All states in which a dequeue may wait: a queue that is empty, full, or paused, an environment that is full.
pub const STATES: [(&str, &str); 4] = [
    ("'main'", "select"),
    (
        "environment_id => 'default'",
        "select engine_set_queue('q', concurrency_limit => 0); select engine_trigger('test', queue => 'q')",
    ),
    (
        "'main'",
        "select engine_set_queue('q', paused => true); select engine_trigger('test', queue => 'q')",
    ),
    (
        "'main'",
        "select engine_set_environment('e', concurrency_limit => 1); \
         select engine_trigger('test', environment_id => 'e') from generate_series(1, 3); \
         select engine_dequeue(environment_id => 'e')",
    ),
];

async fn waits_with_nothing_in_its_hands(database: Database) -> Result<()> {
    let session = Session::open(&database).await?;
    for (arguments, state) in STATES {
        session.client.batch_execute(state).await?;
        // Afterwards nothing is left to set aside.
        session.dequeue_many(10).await?;
        session.dequeue_many(10).await?;
        let waiter = Waiter::begin(&database, arguments).await?;
        waiter.holds_nothing(&session).await?;
        let operator = "set lock_timeout = '2s'; \
                        select engine_set_queue('other', concurrency_limit => 3); \
                        select engine_set_environment('default', burst_factor => 2); \
                        select engine_register_worker('default', '1'); \
                        begin; lock table engine.queue_item, engine.environment, engine.queue in access exclusive mode; commit";
        session.client.batch_execute(operator).await?;
        let run = session.trigger("test").await?.run_id;
        assert_eq!(waiter.runs.await??, [run.as_str()], "{state}");
    }
    session.check().await
}

#[tokio::test]
async fn a_dequeue_that_waits_holds_no_lock() -> Result<()> {
    waits_with_nothing_in_its_hands(Database::fresh().await?).await
}

#[tokio::test]
async fn a_dequeue_that_waits_for_a_bell_holds_no_lock() -> Result<()> {
    let cluster = preloaded().await?;
    waits_with_nothing_in_its_hands(cluster.database().await?).await
}

#[tokio::test]
async fn a_transaction_that_has_written_does_not_wait_for_runs() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = "create table note (); set statement_timeout = '5s'; begin; insert into note default values; \
               select engine_dequeue(wait_ms => 60000); commit";
    session.client.batch_execute(sql).await?;
    Ok(())
}

#[tokio::test]
async fn a_dequeue_that_finds_nothing_holds_nothing_in_an_open_transaction() -> Result<()> {
    let database = Database::fresh().await?;
    let (session, observer) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let pid = backend_pid(&session.client).await?;
    session.client.batch_execute("begin").await?;
    assert!(session.dequeue().await?.is_none());
    let held = format!("pg_locks where pid = {pid} and locktype <> 'virtualxid'");
    assert_eq!(observer.count(&held).await?, 0);
    // Nor does it release anything that the transaction held before.
    let lock = "lock table engine.queue_item in share update exclusive mode";
    session.client.batch_execute(lock).await?;
    assert!(session.dequeue().await?.is_none());
    assert_eq!(observer.count(&held).await?, 1);
    session.trigger("test").await?;
    assert!(session.dequeue().await?.is_some());
    session.client.batch_execute("commit").await?;
    session.check().await
}

#[tokio::test]
async fn who_waits_at_a_paused_queue_is_woken_when_it_is_resumed() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let pause = "select engine_set_queue('q', paused => true)";
    let resume = "select engine_set_queue('q', paused => false)";
    // The longest pause of a waiter with a bell is a second. A busy machine may be late once, not five times.
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        session.client.batch_execute(pause).await?;
        session.trigger_with("'test', queue => 'q'").await?;
        assert!(session.dequeue().await?.is_none());
        let waiter = Waiter::begin(&database, "'main'").await?;
        let resumed = Instant::now();
        session.client.batch_execute(resume).await?;
        assert_eq!(waiter.runs.await??.len(), 1);
        fastest = fastest.min(resumed.elapsed());
    }
    assert!(fastest < Duration::from_millis(200), "{fastest:?}");
    session.check().await
}

#[tokio::test]
async fn a_run_wakes_a_session_that_waits_for_its_environment() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let set = "select engine_set_environment(id) from unnest(array['a', 'b']) as e(id)";
    session.client.batch_execute(set).await?;
    let trigger = async |environment: &str| {
        let arguments = format!("'test', environment_id => '{environment}'");
        session.trigger_with(&arguments).await
    };
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        // Whichever session is asked first, it is one that waits for another environment.
        let before = Waiter::begin(&database, "environment_id => 'b'").await?;
        let waiter = Waiter::begin(&database, "environment_id => 'a'").await?;
        let after = Waiter::begin(&database, "environment_id => 'b'").await?;
        let triggered = Instant::now();
        trigger("a").await?;
        assert_eq!(waiter.runs.await??.len(), 1);
        fastest = fastest.min(triggered.elapsed());
        trigger("b").await?;
        trigger("b").await?;
        for other in [before, after] {
            assert_eq!(other.runs.await??.len(), 1);
        }
    }
    assert!(fastest < Duration::from_millis(200), "{fastest:?}");
    session.check().await
}

#[tokio::test]
async fn a_run_wakes_a_session_of_its_version_and_no_other() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let set = "select engine_set_environment('e', requires_version => true); \
               select engine_register_worker('e', version, '[\"test\"]', image => 'i') from unnest(array['1', '2']) as v(version)";
    session.client.batch_execute(set).await?;
    let trigger = async |version: &str| {
        let arguments = format!("'test', environment_id => 'e', version => '{version}'");
        session.trigger_with(&arguments).await
    };
    let of_version = async |version: &str| {
        let arguments = format!("environment_id => 'e', worker_version => '{version}'");
        Waiter::begin(&database, &arguments).await
    };
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        // Whichever session is asked first, it is one of another version.
        let before = of_version("1").await?;
        let waiter = of_version("2").await?;
        let after = of_version("1").await?;
        let triggered = Instant::now();
        trigger("2").await?;
        assert_eq!(waiter.runs.await??.len(), 1);
        fastest = fastest.min(triggered.elapsed());
        trigger("1").await?;
        trigger("1").await?;
        for other in [before, after] {
            assert_eq!(other.runs.await??.len(), 1);
        }
    }
    assert!(fastest < Duration::from_millis(200), "{fastest:?}");
    session.check().await
}

#[tokio::test]
async fn a_run_that_returns_to_its_queue_wakes_a_session_of_its_version() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let set = "select engine_set_environment('e', requires_version => true); \
               select engine_register_worker('e', version, '[\"test\"]', image => 'i') from unnest(array['1', '2']) as v(version)";
    session.client.batch_execute(set).await?;
    let of_version = async |version: &str| {
        let arguments = format!("environment_id => 'e', worker_version => '{version}'");
        Waiter::begin(&database, &arguments).await
    };
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        // It is bound by its first dequeue, to the current version.
        session
            .trigger_with("'test', environment_id => 'e'")
            .await?;
        let held = session.dequeue().await?.context("nothing is queued")?;
        let before = of_version("1").await?;
        let waiter = Waiter::begin(&database, "worker_version => '2'").await?;
        let after = of_version("1").await?;
        let released = Instant::now();
        let release = format!(
            "select engine_release('{}', '{}')",
            held.run_id, held.snapshot_id
        );
        session.client.batch_execute(&release).await?;
        assert_eq!(waiter.runs.await??, [held.run_id.as_str()]);
        fastest = fastest.min(released.elapsed());
        for _ in 0..2 {
            session
                .trigger_with("'test', environment_id => 'e', version => '1'")
                .await?;
        }
        for other in [before, after] {
            assert_eq!(other.runs.await??.len(), 1);
        }
    }
    assert!(fastest < Duration::from_millis(200), "{fastest:?}");
    session.check().await
}

/// Tries to lock everything that the engine has locked, with every SQL function that takes a key.
const TAKE_ALL: &str = "
    select pg_try_advisory_lock(l.classid::bigint << 32 | l.objid::bigint),
           pg_try_advisory_lock(l.classid::bigint::bit(32)::integer, l.objid::bigint::bit(32)::integer)
    from pg_locks as l where l.locktype = 'advisory'";

#[tokio::test]
async fn no_other_function_takes_the_locks_of_the_engine() -> Result<()> {
    let database = Database::fresh().await?;
    let (worker, stranger) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let limit = "select engine_set_queue('q', concurrency_limit => 5)";
    worker.client.batch_execute(limit).await?;
    for _ in 0..2 {
        worker.trigger_with("'test', queue => 'q'").await?;
    }
    let timekeeper = Session::open(&database).await?;
    assert!(leads(&timekeeper).await?);
    worker.client.batch_execute("begin").await?;
    worker.dequeue().await?.context("nothing is queued")?;
    let taken = stranger.client.query(TAKE_ALL, &[]).await?;
    assert!(taken.len() >= 3, "the mutex, a lane and the lead");
    worker.client.batch_execute("commit").await?;
    worker
        .dequeue()
        .await?
        .context("another session is in the way")?;
    worker.client.batch_execute(limit).await?;
    assert!(!leads(&worker).await?, "one leads");
    assert!(leads(&timekeeper).await?, "as often as it asks");
    drop(timekeeper);
    eventually("another leads", PATIENCE, async || leads(&worker).await).await?;
    worker.check().await
}

async fn leads(session: &Session) -> Result<bool> {
    let row = session
        .client
        .query_one("select engine_lead()", &[])
        .await?;
    Ok(row.get(0))
}
