//! Sessions that call as fast as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_postgres::Client;

/// One session and the call that it repeats.
pub(super) trait Caller: Send + 'static {
    /// One call. Returns how many runs it served; none if it found nothing to do.
    fn call(&mut self) -> impl Future<Output = Result<u64>> + Send;

    /// Its connection.
    fn client(&self) -> &Client;
}

/// When a load ends: at the first of these.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) time: Duration,
    /// Runs of all sessions together.
    pub(super) runs: u64,
    /// Calls of each session.
    pub(super) calls: u64,
    /// Whether a session ends with its first call that finds nothing, which is not counted.
    pub(super) is_drain: bool,
}

impl Limit {
    pub(super) const fn time(time: Duration) -> Self {
        Self {
            time,
            runs: u64::MAX,
            calls: u64::MAX,
            is_drain: false,
        }
    }

    /// Enough calls for every statement to have its final plan; of long calls, one is enough.
    pub(super) const fn warm_up() -> Self {
        Self {
            time: Duration::from_secs(1),
            runs: u64::MAX,
            calls: 8,
            is_drain: false,
        }
    }

    /// While there is something to do.
    pub(super) const fn drain() -> Self {
        Self {
            is_drain: true,
            ..Self::time(Duration::MAX)
        }
    }

    pub(super) const fn runs(self, runs: u64) -> Self {
        Self { runs, ..self }
    }
}

/// What a load did.
#[derive(Clone, Debug, Default)]
pub(super) struct Served {
    pub(super) runs: u64,
    /// From the first call's start to the last one's end.
    pub(super) time: Duration,
    /// Of each call, ascending.
    pub(super) latencies_ms: Vec<f64>,
    /// Calls that found nothing to do.
    pub(super) empty_calls: u64,
}

/// Lets all `callers` call until `limit`, and returns them.
pub(super) async fn drive<C: Caller>(callers: Vec<C>, limit: Limit) -> Result<(Vec<C>, Served)> {
    let barrier = Arc::new(Barrier::new(callers.len()));
    let runs = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for caller in callers {
        tasks.spawn(call(caller, limit, Arc::clone(&barrier), Arc::clone(&runs)));
    }
    let mut callers = Vec::new();
    let mut served = Served::default();
    let (mut start, mut end) = (None, None);
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.context("a session ended abnormally")??;
        callers.push(ended.caller);
        served.latencies_ms.extend(ended.latencies_ms);
        served.empty_calls += ended.empty_calls;
        start = start.map_or(Some(ended.start), |start: Instant| {
            Some(start.min(ended.start))
        });
        end = end.max(Some(ended.end));
    }
    served.runs = runs.load(Ordering::Relaxed);
    served.latencies_ms.sort_by(f64::total_cmp);
    if let (Some(start), Some(end)) = (start, end) {
        served.time = end - start;
    }
    Ok((callers, served))
}

struct Ended<C> {
    caller: C,
    latencies_ms: Vec<f64>,
    empty_calls: u64,
    start: Instant,
    end: Instant,
}

async fn call<C: Caller>(
    mut caller: C,
    limit: Limit,
    barrier: Arc<Barrier>,
    runs: Arc<AtomicU64>,
) -> Result<Ended<C>> {
    barrier.wait().await;
    let start = Instant::now();
    let mut end = start;
    let mut latencies_ms = Vec::new();
    let mut empty_calls = 0;
    let mut calls = 0;
    while end - start < limit.time
        && calls < limit.calls
        && runs.load(Ordering::Relaxed) < limit.runs
    {
        let served = caller.call().await?;
        if served == 0 && limit.is_drain {
            break;
        }
        let now = Instant::now();
        latencies_ms.push((now - end).as_secs_f64() * 1e3);
        end = now;
        calls += 1;
        runs.fetch_add(served, Ordering::Relaxed);
        if served == 0 {
            empty_calls += 1;
        }
    }
    Ok(Ended {
        caller,
        latencies_ms,
        empty_calls,
        start,
        end,
    })
}
