//! Workers that take turns, and a session that triggers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_postgres::types::Json;

const WORKERS: usize = 4;

/// Triggers in a second; each makes runs for that time.
const TRIGGERS: u32 = 20;

/// Runs of one trigger while the greatest rate is sought, and the backlog at which it pauses.
const UNPACED: usize = 500;
const BACKLOG: i64 = 2000;

#[derive(Default)]
pub struct Figures {
    /// Milliseconds of each turn.
    turns: Vec<f64>,
    ended: u64,
    time: Duration,
}

impl Figures {
    pub fn rate(&self) -> f64 {
        self.ended as f64 / self.time.as_secs_f64()
    }

    pub fn percentile(&self, share: f64) -> f64 {
        let mut turns = self.turns.clone();
        turns.sort_by(f64::total_cmp);
        let index = (turns.len() as f64 * share) as usize;
        turns.get(index).copied().unwrap_or_default()
    }
}

/// What it came to.
#[derive(Default)]
pub struct Done {
    pub figures: Figures,
    /// A run of each trigger that was acknowledged.
    pub acknowledged: Vec<String>,
}

pub struct Work {
    over: Arc<AtomicBool>,
    begun_at: Instant,
    sessions: JoinSet<Done>,
}

impl Work {
    /// Begins, at this rate or as fast as it can.
    pub fn begin(database: &Database, rate: Option<f64>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut sessions = JoinSet::new();
        for number in 0..WORKERS {
            sessions.spawn(take_turns(database.clone(), number, Arc::clone(&over)));
        }
        sessions.spawn(trigger(database.clone(), rate, Arc::clone(&over)));
        Self {
            over,
            begun_at: Instant::now(),
            sessions,
        }
    }

    pub async fn end_after(mut self, time: Duration) -> Result<Done> {
        sleep(time).await;
        self.over.store(true, Ordering::SeqCst);
        let mut all = Done::default();
        all.figures.time = self.begun_at.elapsed();
        while let Some(done) = self.sessions.join_next().await {
            let done = done?;
            all.figures.turns.extend(done.figures.turns);
            all.figures.ended += done.figures.ended;
            all.acknowledged.extend(done.acknowledged);
        }
        Ok(all)
    }
}

/// A session, as soon as the server takes one.
async fn connect(database: &Database) -> Session {
    loop {
        if let Ok(session) = Session::open(database).await {
            return session;
        }
        sleep(Duration::from_millis(30)).await;
    }
}

async fn take_turns(database: Database, number: usize, over: Arc<AtomicBool>) -> Done {
    let mut done = Done::default();
    let mut session = connect(&database).await;
    let (mut ends, mut turn, mut worker) = (Vec::<Value>::new(), 0, 0);
    while !over.load(Ordering::SeqCst) {
        let sql = "select kind, run_id, snapshot_id, error_code from engine_work($1, max_runs => 50, worker_id => $2, \
                   runner_id => 'r', turn_id => $3)";
        let (name, id) = (format!("w{number}-{worker}"), turn.to_string());
        let begun_at = Instant::now();
        let Ok(rows) = session.client.query(sql, &[&Json(&ends), &name, &id]).await else {
            // The same turn again, on another connection if this one is gone.
            if session.client.is_closed() {
                session = connect(&database).await;
            }
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        done.figures
            .turns
            .push(begun_at.elapsed().as_secs_f64() * 1000.0);
        turn += 1;
        if turn == 1_000_000 {
            (turn, worker) = (0, worker + 1);
        }
        ends.clear();
        for row in &rows {
            let error: Option<&str> = row.get("error_code");
            if row.get::<_, &str>("kind") == "started" {
                let (run, snapshot): (&str, &str) = (row.get(1), row.get(2));
                ends.push(json!({"run_id": run, "snapshot_id": snapshot, "ok": true}));
            } else if error.is_none() {
                done.figures.ended += 1;
            }
        }
        if ends.is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    }
    done
}

async fn trigger(database: Database, rate: Option<f64>, over: Arc<AtomicBool>) -> Done {
    let mut done = Done::default();
    let mut session = connect(&database).await;
    let count = rate.map_or(UNPACED, |rate| (rate / f64::from(TRIGGERS)).ceil() as usize);
    let runs = json!(vec![
        json!({"task": "t", "keep": "0", "max_attempts": 200});
        count
    ]);
    let begun_at = Instant::now();
    let mut triggers = 0;
    while !over.load(Ordering::SeqCst) {
        let due_at = begun_at + Duration::from_secs(1) * triggers / TRIGGERS;
        if rate.is_some() && Instant::now() < due_at {
            sleep(Duration::from_millis(2)).await;
            continue;
        }
        if rate.is_none() && session.count("engine.queue_item").await.unwrap_or(0) > BACKLOG {
            sleep(Duration::from_millis(2)).await;
            continue;
        }
        triggers += 1;
        let sql = "select run_id from engine_trigger_many($1) limit 1";
        match session.client.query_one(sql, &[&Json(&runs)]).await {
            Ok(row) => done.acknowledged.push(row.get(0)),
            Err(_) if session.client.is_closed() => session = connect(&database).await,
            Err(_) => {}
        }
        let tick = if triggers % TRIGGERS == 0 {
            "select engine_tick(10000)"
        } else {
            "select 1"
        };
        let _ = session.client.batch_execute(tick).await;
    }
    done
}

/// A turn of a worker that reports these ends; returns those of the runs that it has started.
pub async fn turn(session: &Session, ends: &[Value]) -> Result<Vec<Value>> {
    let sql =
        "select run_id, snapshot_id from engine_work($1, max_runs => 100) where kind = 'started'";
    let rows = session.client.query(sql, &[&Json(ends)]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let (run, snapshot): (&str, &str) = (row.get(0), row.get(1));
            json!({"run_id": run, "snapshot_id": snapshot, "ok": true})
        })
        .collect())
}
