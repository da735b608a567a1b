//! Worker processes under load: one is asked to stop, one is killed, their server is gone for seconds.

use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use engine_client::{Engine, Trigger};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Database, Options, Scale, Session};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(120);

/// The heartbeat deadline of the tests.
const DEADLINE: Duration = Duration::from_secs(3);

const RUNS: Scale = Scale::new("runs", 3_000, 10_000);
const RUNS_UNDER_LOAD: Scale = Scale::new("runs", 1_000, 2_000);

/// Longer than the deadline, so that running attempts are abandoned.
const AWAY: Scale = Scale::new("seconds without a server", 4, 10);

const EFFECT: &str = "create table public.effect \
                      (run_id text not null, attempt int not null, worker text not null, at timestamptz not null)";

/// A worker process.
struct Worker {
    name: String,
    process: Child,
}

impl Worker {
    fn start(database: &Database, name: &str, concurrency: u32) -> Result<Self> {
        let process = Command::new(env!("CARGO_BIN_EXE_effect-worker"))
            .args([&database.connection_string(), name])
            .arg(concurrency.to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the worker")?;
        Ok(Self {
            name: name.to_owned(),
            process,
        })
    }

    /// Sends it a signal, and waits for its end.
    async fn end_by(&mut self, signal: Signal) -> Result<ExitStatus> {
        let pid = i32::try_from(self.process.id().context("it has ended")?)?;
        kill(Pid::from_raw(pid), signal)?;
        Ok(timeout(PATIENCE, self.process.wait()).await??)
    }

    /// Number of runs that it holds.
    async fn held(&self, session: &Session) -> Result<i64> {
        let held = format!(
            "engine.run_state as r join engine.history as s on s.run_id = r.run_id and s.ordinal = r.snapshot_ordinal \
             where s.worker_id = '{}' and r.execution_status in ('PENDING_EXECUTING', 'EXECUTING')",
            self.name
        );
        session.count(&held).await
    }
}

/// A server of the test's own with a table for effects.
async fn start() -> Result<(Cluster, Database, Session)> {
    let cluster = Cluster::start(Options::default()).await?;
    let database = cluster.database().await?;
    let deadline = format!("{} ms", DEADLINE.as_millis());
    for status in ["pending_executing", "executing"] {
        let setting = format!("engine.heartbeat_{status}_ms");
        database.set(&setting, &deadline).await?;
    }
    database.set("engine.queue_backoff_max_ms", "100").await?;
    let session = Session::open(&database).await?;
    session.client.batch_execute(EFFECT).await?;
    Ok((cluster, database, session))
}

async fn trigger(session: &Session, task: &str, count: usize) -> Result<()> {
    let triggers: Vec<Trigger> = (0..count)
        .map(|_| Trigger::new(task).max_attempts(9))
        .collect();
    for triggers in triggers.chunks(1000) {
        Engine::new(&session.client).trigger_many(triggers).await?;
    }
    Ok(())
}

async fn finished(session: &Session) -> Result<i64> {
    session
        .count("engine.run_state where execution_status = 'FINISHED'")
        .await
}

async fn until_finished(session: &Session, runs: i64) -> Result<()> {
    let what = format!("{runs} runs are finished");
    eventually(&what, PATIENCE, async || {
        Ok(finished(session).await? >= runs)
    })
    .await
}

/// Nothing is lost, nothing is done twice, and no attempt has effects once the next one has begun.
async fn audit(session: &Session, runs: i64) -> Result<()> {
    let succeeded = "engine.run_state where run_status = 'COMPLETED_SUCCESSFULLY'";
    assert_eq!(session.count(succeeded).await?, runs);
    let ends = "(select run_id from engine.snapshot where execution_status = 'FINISHED' \
                 group by run_id having count(*) = 1) as ended";
    assert_eq!(session.count(ends).await?, runs, "each run ends once");
    let done = "engine.run_state as r where exists \
                (select from public.effect as e where e.run_id = r.run_id and e.attempt = r.attempt_number)";
    assert_eq!(
        session.count(done).await?,
        runs,
        "the attempt that succeeded did something"
    );
    let twice =
        "(select run_id from public.effect group by run_id, attempt having count(*) > 1) as twice";
    assert_eq!(session.count(twice).await?, 0, "no attempt does it twice");
    let late = "public.effect as e join engine.snapshot as s on s.run_id = e.run_id \
                where s.execution_status = 'EXECUTING' and s.attempt_number > e.attempt and s.created_at < e.at";
    assert_eq!(
        session.count(late).await?,
        0,
        "attempts ran on after their deadlines"
    );
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_gets_sigterm_under_load_leaves_no_run_behind() -> Result<()> {
    let (_cluster, database, session) = start().await?;
    let runs = RUNS_UNDER_LOAD.pick().cast_signed();
    trigger(&session, "short", usize::try_from(runs)?).await?;
    let mut first = Worker::start(&database, "first", 50)?;
    let mut second = Worker::start(&database, "second", 50)?;
    until_finished(&session, 300).await?;
    let status = first.end_by(Signal::SIGTERM).await?;
    ensure!(status.success(), "{status}");
    assert_eq!(first.held(&session).await?, 0, "it left runs behind");
    until_finished(&session, runs).await?;
    ensure!(second.end_by(Signal::SIGTERM).await?.success());
    let again = "engine.run_state where attempt_number > 1 or queue_attempts > 0";
    assert_eq!(session.count(again).await?, 0, "runs stalled");
    audit(&session, runs).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runs_of_a_killed_worker_continue_elsewhere_after_one_deadline() -> Result<()> {
    let (_cluster, database, session) = start().await?;
    trigger(&session, "long", 20).await?;
    let mut first = Worker::start(&database, "first", 20)?;
    eventually("the runs are executed", PATIENCE, async || {
        Ok(session.count("public.effect").await? == 20)
    })
    .await?;
    let mut second = Worker::start(&database, "second", 20)?;
    sleep(DEADLINE).await;
    assert_eq!(finished(&session).await?, 0, "their worker keeps them");
    first.end_by(Signal::SIGKILL).await?;
    let killed_at = Instant::now();
    until_finished(&session, 20).await?;
    let took = killed_at.elapsed();
    // From the last beat, at most a third of the deadline ago; then a tick, the pause before a retry, a dequeue.
    let range = DEADLINE * 3 / 5..DEADLINE + Duration::from_secs(3);
    ensure!(range.contains(&took), "they went on after {took:?}");
    ensure!(second.end_by(Signal::SIGTERM).await?.success());
    let again = "engine.run_state where attempt_number = 2";
    assert_eq!(session.count(again).await?, 20);
    audit(&session, 20).await
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_runs_survive_their_workers_and_their_server() -> Result<()> {
    let runs = RUNS.pick().cast_signed();
    let (mut cluster, database, session) = start().await?;
    trigger(&session, "short", usize::try_from(runs)?).await?;
    let mut workers = Vec::new();
    for name in ["a", "b", "c"] {
        workers.push(Worker::start(&database, name, 40)?);
    }
    until_finished(&session, runs / 5).await?;
    workers[0].end_by(Signal::SIGKILL).await?;
    workers[0] = Worker::start(&database, "d", 40)?;
    until_finished(&session, runs * 2 / 5).await?;
    let status = workers[1].end_by(Signal::SIGTERM).await?;
    ensure!(status.success(), "{status}");
    workers[1] = Worker::start(&database, "e", 40)?;
    until_finished(&session, runs * 3 / 5).await?;
    cluster.kill_9()?;
    // Longer than the deadline: running attempts are abandoned, and retried.
    sleep(Duration::from_secs(AWAY.pick())).await;
    cluster.restart()?;
    let session = Session::open(&database).await?;
    ensure!(finished(&session).await? < runs, "the server died too late");
    until_finished(&session, runs).await?;
    for worker in &mut workers {
        ensure!(worker.end_by(Signal::SIGTERM).await?.success());
    }
    audit(&session, runs).await
}
