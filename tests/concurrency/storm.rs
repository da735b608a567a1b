//! Many runs wait, are woken, suspended and continued by many sessions, at random moments.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Database, Held, Scale, Session};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

const RUNS: Scale = Scale::new("runs", 80, 200);
const ROUNDS: Scale = Scale::new("rounds", 3, 5);
const PARENTS: Scale = Scale::new("parents", 8, 20);
const SESSIONS: usize = 12;
const PATIENCE: Duration = Duration::from_secs(60);

/// Sessions that calls share.
struct Pool(Vec<Mutex<Session>>);

impl Pool {
    async fn open(database: &Database) -> Result<Arc<Self>> {
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            sessions.push(Mutex::new(Session::open(database).await?));
        }
        Ok(Arc::new(Self(sessions)))
    }

    /// Waits a moment, then does `work` with the next free session.
    async fn later<T>(
        &self,
        (pause, session): (Duration, usize),
        work: impl AsyncFnOnce(&Session) -> Result<T>,
    ) -> Result<T> {
        sleep(pause).await;
        let session = self.0[session % SESSIONS].lock().await;
        work(&session).await
    }
}

/// A moment and a session, at random.
fn chance(random: &mut StdRng) -> (Duration, usize) {
    let pause = Duration::from_micros(random.random_range(0..20_000));
    (pause, random.random_range(0..SESSIONS))
}

/// Ticks in sessions of its own until it is told to stop; any error, above all a deadlock, fails it.
async fn tick(database: Database, stop: Arc<AtomicBool>) -> Result<()> {
    let session = Session::open(&database).await?;
    while !stop.load(Ordering::Relaxed) {
        session.tick().await?;
        sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

fn seed() -> u64 {
    let seed = rand::random();
    println!("seed {seed}");
    seed
}

async fn join(mut tasks: JoinSet<Result<()>>) -> Result<()> {
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

/// Ticks until nothing is due.
async fn settle(session: &Session) -> Result<()> {
    eventually("nothing is due", PATIENCE, async || {
        session.tick().await?;
        let due = "engine.timer where due_at <= clock_timestamp()";
        Ok(session.count(due).await? == 0)
    })
    .await
}

/// Spec: R-05.
#[tokio::test(flavor = "multi_thread")]
async fn many_runs_wait_and_continue_again_and_again_and_none_is_forgotten() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let mut random = StdRng::seed_from_u64(seed());
    let pool = Pool::open(&database).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut ticks = JoinSet::new();
    for _ in 0..2 {
        ticks.spawn(tick(database.clone(), Arc::clone(&stop)));
    }
    let sql = "select count(*) from engine_trigger_many((select jsonb_agg(jsonb_build_object('task', 't')) \
               from generate_series(1, $1)))";
    let (runs, rounds) = (i32::try_from(RUNS.pick())?, usize::try_from(ROUNDS.pick())?);
    session.client.query_one(sql, &[&runs]).await?;
    for held in session.dequeue_many(runs).await? {
        session.start(&held).await?;
    }
    let sql = "select run_id from engine.run_state";
    let rows = session.client.query(sql, &[]).await?;
    let run_ids: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    for round in 0..rounds {
        let mut tasks = JoinSet::new();
        for (number, run_id) in run_ids.iter().enumerate() {
            let tokens = [session.token().await?, session.token().await?];
            for token in &tokens {
                let (pool, token, chance) = (pool.clone(), token.clone(), chance(&mut random));
                tasks.spawn(async move {
                    pool.later(chance, async |session| {
                        session.complete_waitpoint(&token).await
                    })
                    .await
                });
            }
            let (pool, run_id) = (pool.clone(), run_id.clone());
            let chances = [(); 3].map(|()| chance(&mut random));
            let is_suspended = (round + number).is_multiple_of(3);
            tasks.spawn(async move {
                let tokens = tokens.each_ref().map(String::as_str);
                let blocked = pool
                    .later(chances[0], async |session| {
                        session.block(&run_id, &tokens).await
                    })
                    .await?;
                if is_suspended {
                    pool.later(chances[1], async |session| {
                        session.checkpoint(&blocked.held, "storm").await
                    })
                    .await?;
                }
                // A second completion, while the first may have completed the wait.
                pool.later(chances[2], async |session| {
                    let late = session.token().await?;
                    session.complete_waitpoint(&late).await?;
                    let sql = format!("select engine_block('{run_id}', '{{{late}}}')");
                    match session.client.query(&sql, &[]).await {
                        Ok(_) => Ok(()),
                        // It is queued again, after a checkpoint.
                        Err(error) => {
                            let code = error.code().map(|code| code.code().to_owned());
                            ensure!(code.as_deref() == Some("RE004"), "{error:?}");
                            Ok(())
                        }
                    }
                })
                .await
            });
        }
        join(tasks).await?;
        settle(&session).await?;
        // While a tick checks a run, a dequeue skips it.
        let others = "engine.run_state where execution_status <> 'EXECUTING'";
        eventually(&format!("round {round} is over"), PATIENCE, async || {
            for dequeued in session.dequeue_many(runs).await? {
                session.resume(&dequeued).await?;
            }
            Ok(session.count(others).await? == 0)
        })
        .await?;
        assert_eq!(session.count("engine.edge").await?, 0);
        session.check().await?;
    }
    stop.store(true, Ordering::Relaxed);
    join(ticks).await?;
    let suspended = session
        .count("engine.snapshot where execution_status = 'SUSPENDED'")
        .await?;
    let noted = session
        .count("engine.snapshot where transition = 'UNBLOCKED'")
        .await?;
    println!("{suspended} suspensions, {noted} continuations in the process");
    Ok(())
}

/// A session of the second storm: dequeues, starts, completes, until nothing is left.
async fn work(database: Database, seed: u64, stop: Arc<AtomicBool>) -> Result<()> {
    let session = Session::open(&database).await?;
    let mut random = StdRng::seed_from_u64(seed);
    while !stop.load(Ordering::Relaxed) {
        let dequeued = session.dequeue_many(random.random_range(1..5)).await?;
        if dequeued.is_empty() {
            sleep(Duration::from_millis(2)).await;
        }
        let mut started = Vec::new();
        for held in &dequeued {
            started.push(session.start(held).await?);
        }
        if random.random_bool(0.3) && started.len() > 1 {
            complete_many(&session, &started).await?;
            continue;
        }
        for held in &started {
            let completion = if random.random_bool(0.8) {
                json!({"ok": true, "output": "1"})
            } else {
                json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}})
            };
            session.complete(held, completion).await?;
        }
    }
    Ok(())
}

async fn complete_many(session: &Session, started: &[Held]) -> Result<()> {
    let completions: Vec<_> = started
        .iter()
        .map(|held| json!({"run_id": held.run_id, "snapshot_id": held.snapshot_id, "ok": true}))
        .collect();
    let sql = "select count(error_code) from engine_complete_many($1)";
    let arguments = tokio_postgres::types::Json(json!(completions));
    let refused: i64 = session.client.query_one(sql, &[&arguments]).await?.get(0);
    ensure!(refused == 0, "{refused} completions were refused");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn parents_of_many_children_and_batches_are_woken_once_and_none_is_forgotten() -> Result<()> {
    const CHILDREN: usize = 15;
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let seed = seed();
    let stop = Arc::new(AtomicBool::new(false));
    let mut parents = Vec::new();
    let wanted = PARENTS.pick();
    for _ in 0..wanted {
        let run = session
            .trigger_with("'parent', worker_queue => 'parents'")
            .await?;
        let sql = "select run_id, snapshot_id from engine_dequeue('parents')";
        let row = session.client.query_one(sql, &[]).await?;
        let held = session
            .start(&Held {
                run_id: row.get(0),
                snapshot_id: row.get(1),
            })
            .await?;
        ensure!(run.run_id == held.run_id, "another run came first");
        parents.push(held);
    }
    let mut tasks = JoinSet::new();
    for number in 0..6 {
        tasks.spawn(work(database.clone(), seed + number, Arc::clone(&stop)));
    }
    for _ in 0..2 {
        tasks.spawn(tick(database.clone(), Arc::clone(&stop)));
    }
    // Each parent's children come in two streams, through two sessions.
    let mut streams = JoinSet::new();
    for parent in &parents {
        let sql = "select batch_id from engine_create_batch($1, parent_run_id => $2, resume_parent => true)";
        let batch: String = session
            .client
            .query_one(sql, &[&(CHILDREN as i32), &parent.run_id])
            .await?
            .get(0);
        for stream in 0..2 {
            let (database, batch) = (database.clone(), batch.clone());
            streams.spawn(async move {
                let session = Session::open(&database).await?;
                for index in (stream..CHILDREN).step_by(2) {
                    let item = json!([{"task": "child", "index": index}]);
                    let sql = "select enqueued from engine_add_to_batch($1, $2)";
                    let arguments = tokio_postgres::types::Json(item);
                    session.client.query_one(sql, &[&batch, &arguments]).await?;
                }
                Ok(())
            });
        }
    }
    join(streams).await?;
    let open = "engine.run_state where execution_status not in ('EXECUTING', 'FINISHED')";
    eventually("all parents continue", PATIENCE, async || {
        Ok(session.count(open).await? == 0)
    })
    .await?;
    stop.store(true, Ordering::Relaxed);
    join(tasks).await?;
    settle(&session).await?;
    session.check().await?;
    for parent in &parents {
        let data = session.data(&parent.run_id).await?;
        assert_eq!(data["snapshot"]["executionStatus"], "EXECUTING");
        let entries = data["completedWaitpoints"].as_array().context("no array")?;
        assert_eq!(entries.len(), CHILDREN + 1);
        for (place, entry) in entries[..CHILDREN].iter().enumerate() {
            assert_eq!(entry["index"], json!(place));
        }
    }
    let woken = "engine.snapshot where transition = 'UNBLOCKED'";
    assert_eq!(session.count(woken).await?, wanted.cast_signed());
    let ended = "engine.batch where status = 'COMPLETED'";
    assert_eq!(session.count(ended).await?, wanted.cast_signed());
    Ok(())
}
