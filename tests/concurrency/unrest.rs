//! Sessions that disturb, for tests of what holds meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine_harness::{Held, Session};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;

/// The total work of all workers.
#[derive(Default)]
pub struct Tally {
    /// Runs that ended.
    pub ends: AtomicU64,
    /// Calls that dequeued a run.
    pub dequeues: AtomicU64,
    /// Time of these calls, microseconds.
    pub dequeue_us: AtomicU64,
}

/// A worker that now and then fails, stops, and rolls back.
pub async fn work(
    worker: Session,
    mut rng: StdRng,
    over: Arc<AtomicBool>,
    tally: Arc<Tally>,
) -> Result<()> {
    while !over.load(Ordering::Relaxed) {
        if rng.random_ratio(1, 20) {
            worker
                .client
                .batch_execute("begin; select engine_dequeue(max_runs => 3); rollback")
                .await?;
            continue;
        }
        let start = Instant::now();
        let dequeued = worker.dequeue_many(rng.random_range(1..5)).await?;
        if !dequeued.is_empty() {
            let us = u64::try_from(start.elapsed().as_micros())?;
            tally.dequeues.fetch_add(1, Ordering::Relaxed);
            tally.dequeue_us.fetch_add(us, Ordering::Relaxed);
        }
        for held in dequeued {
            if let Some(completion) = end(&mut rng) {
                finish(&worker, &held, completion).await?;
                tally.ends.fetch_add(1, Ordering::Relaxed);
            } else {
                // The worker is lost: the tick requeues its run.
                worker.lapse(&held.run_id).await.ok();
            }
        }
        if rng.random_ratio(1, 4) {
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..5))).await;
        }
    }
    Ok(())
}

fn end(rng: &mut StdRng) -> Option<serde_json::Value> {
    let error = json!({"type": "STRING_ERROR", "raw": "no"});
    match rng.random_range(0..10) {
        0 => None,
        1 => Some(json!({"ok": false, "error": error})),
        2 => Some(json!({"ok": false, "error": error, "retry": {"delay": 60_000}})),
        _ => Some(json!({"ok": true})),
    }
}

/// Starts and completes; a run that was cancelled in between refuses, and its worker confirms that it stopped.
async fn finish(worker: &Session, held: &Held, completion: serde_json::Value) -> Result<()> {
    let done = async {
        let held = worker.start(held).await?;
        worker.complete(&held, completion).await
    };
    if let Err(error) = done.await {
        let code = error
            .downcast_ref::<tokio_postgres::Error>()
            .and_then(tokio_postgres::Error::code)
            .map(|state| state.code().to_owned());
        ensure!(
            matches!(code.as_deref(), Some("RE002" | "RE003" | "RE004")),
            "{error:#}"
        );
    }
    Ok(())
}

/// Cancels runs that are queued or held. It reads only what does not grow with the finished runs.
pub async fn cancel(canceller: Session, over: Arc<AtomicBool>) -> Result<()> {
    while !over.load(Ordering::Relaxed) {
        let sql = "select engine_cancel(run_id, finalize => true) \
                   from (select run_id \
                         from (select run_id from engine.queue_item union all select run_id from engine.heartbeat) as a \
                         order by random() limit 1) as r";
        canceller.client.batch_execute(sql).await?;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
