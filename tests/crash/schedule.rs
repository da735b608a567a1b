//! A schedule that ticks each second, three tickers, and a server that is stopped and killed in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Database, Options, Session};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Ticks until it is told to stop, each time on a new connection.
fn ticker(database: Database, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while !stop.load(Ordering::SeqCst) {
            if let Ok(session) = Session::open(&database).await {
                while !stop.load(Ordering::SeqCst)
                    && session
                        .client
                        .query("select * from engine_tick()", &[])
                        .await
                        .is_ok()
                {
                    sleep(Duration::from_millis(30)).await;
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
}

/// Ticks of the schedule that made runs, and when those were made, seconds since the epoch, in their order.
async fn ticks(session: &Session) -> Result<Vec<(i64, i64)>> {
    let sql = "select extract(epoch from (payload::jsonb ->> 'timestamp')::timestamptz)::bigint as tick, \
                      floor(extract(epoch from created_at))::bigint \
               from engine.run order by 1";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn wait_for_runs(database: &Database, more: usize) -> Result<()> {
    let session = Session::open(database).await?;
    let before = ticks(&session).await?.len();
    eventually(
        "the schedule continues",
        Duration::from_secs(60),
        async || Ok(ticks(&session).await?.len() >= before + more),
    )
    .await
}

async fn clock(session: &Session) -> Result<i64> {
    let sql = "select extract(epoch from clock_timestamp())::bigint";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_makes_one_run_per_tick_whatever_happens_to_the_server() -> Result<()> {
    let mut cluster = Cluster::start(Options::default()).await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let set = "select extract(epoch from next_nominal_at)::bigint from engine_set_schedule('s', 'test', '* * * * * *')";
    let first: i64 = session.client.query_one(set, &[]).await?.get(0);
    let stop = Arc::new(AtomicBool::new(false));
    let tickers: Vec<_> = (0..3)
        .map(|_| ticker(database.clone(), Arc::clone(&stop)))
        .collect();
    for is_killed in [false, true] {
        wait_for_runs(&database, 3).await?;
        if is_killed {
            cluster.kill_9()?;
        }
        cluster.restart()?;
    }
    wait_for_runs(&database, 3).await?;
    stop.store(true, Ordering::SeqCst);
    for ticker in tickers {
        ticker.await?;
    }

    let session = Session::open(&database).await?;
    let ticks = ticks(&session).await?;
    println!("{ticks:?}");
    assert_eq!(ticks.first().map(|(tick, _)| *tick), Some(first));
    for pair in ticks.windows(2) {
        let ((last, made), (next, _)) = (pair[0], pair[1]);
        ensure!(next > last, "tick {last} has made two runs");
        ensure!(made >= last, "tick {last} has made its run too early");
        // The tick that was due when the server went down is caught up on; those that were past by then are skipped,
        // and no other.
        ensure!(
            next - 1 <= made.max(last),
            "ticks {}..{next} have made no runs",
            last + 1
        );
    }
    let last = ticks.last().map_or(0, |(tick, _)| *tick);
    ensure!(
        clock(&session).await? - last <= 3,
        "the schedule has fallen behind"
    );
    session.check().await
}
