//! Work while something is wrong all the time; four fifths of the greatest rate are asked for.

mod trouble;
mod work;

use std::collections::BTreeMap;
use std::env;
use std::fmt::{self, Display};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::progress::tell;
use engine_harness::{Cluster, Database, Options, Scale, Session, SmallDisk};

use self::trouble::{Stage, Trouble};
use self::work::{Figures, Work};

const SECONDS: Scale = Scale::new("seconds of trouble", 24, 1800);

/// How long the greatest rate is measured.
const MEASURED: Duration = Duration::from_secs(4);

const PATIENCE: Duration = Duration::from_secs(120);

/// The disk of the WAL, megabytes: several times what it holds.
const DISK: u32 = 400;

/// A server with few connections, short deadlines and little WAL.
fn options() -> Options {
    Options::default()
        .set("fsync", "off")
        .set("max_connections", "40")
        .set("max_wal_size", "96MB")
        .set("engine.heartbeat_executing_ms", "3000")
        .set("engine.heartbeat_pending_executing_ms", "3000")
        .set("engine.queue_backoff_min_ms", "10")
        .set("engine.queue_max_attempts", "10000")
}

/// What is kept of it.
struct Report {
    greatest: f64,
    figures: Figures,
    dead_rows: i64,
    bytes: i64,
    runs: i64,
    lost: i64,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            greatest,
            figures,
            dead_rows,
            bytes,
            runs,
            lost,
        } = self;
        writeln!(
            f,
            "greatest rate {greatest:.0} runs/s, held {:.0} runs/s of {:.0} asked for",
            figures.rate(),
            greatest * 0.8
        )?;
        writeln!(
            f,
            "a turn took {:.1} ms in the median, {:.1} ms at p99",
            figures.percentile(0.5),
            figures.percentile(0.99)
        )?;
        writeln!(
            f,
            "{runs} runs, {lost} of the acknowledged ones lost; {dead_rows} dead rows, {} MB in all",
            bytes / 1_000_000
        )
    }
}

/// Works until all runs have ended, those of workers that are gone as well.
async fn ends(session: &Session) -> Result<()> {
    let mut ends = Vec::new();
    eventually("all runs have ended", PATIENCE, async || {
        session.tick().await?;
        ends = work::turn(session, &ends).await?;
        let left = "engine.run_state where execution_status <> 'FINISHED'";
        Ok(ends.is_empty() && session.count(left).await? == 0)
    })
    .await
}

async fn report(
    session: &Session,
    greatest: f64,
    figures: Figures,
    acknowledged: &[String],
) -> Result<Report> {
    let sizes = "select coalesce(sum(n_dead_tup), 0)::bigint, pg_database_size(current_database()) \
                 from pg_stat_user_tables where schemaname = 'engine'";
    let sizes = session.client.query_one(sizes, &[]).await?;
    let lost =
        "select count(*) from (select unnest($1::text[]) except select id from engine.run) as lost";
    let lost = session.client.query_one(lost, &[&acknowledged]).await?;
    Ok(Report {
        greatest,
        figures,
        dead_rows: sizes.get(0),
        bytes: sizes.get(1),
        runs: session.count("engine.run").await?,
        lost: lost.get(0),
    })
}

async fn database(cluster: &Cluster) -> Result<Database> {
    let database = cluster.database().await?;
    database.set("engine.allow_test_clock", "on").await?;
    Ok(database)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_under_load_no_acknowledged_run_is_lost_or_ends_twice() -> Result<()> {
    let seconds = match env::var("ENGINE_SOAK_SECONDS") {
        Ok(seconds) => seconds
            .parse()
            .context("ENGINE_SOAK_SECONDS is no number")?,
        Err(_) => SECONDS.pick(),
    };
    let time = Duration::from_secs(seconds);
    let seed: usize = match env::var("ENGINE_SEED") {
        Ok(seed) => seed.parse().context("ENGINE_SEED is no number")?,
        Err(_) => rand::random_range(0..1000),
    };
    tell(format!("seed {seed}"));
    let disk = SmallDisk::mount(DISK);
    let mut cluster = Cluster::start(options()).await?;
    match &disk {
        Ok(disk) => cluster.keep_wal_on(disk)?,
        Err(error) => tell(format!(
            "no disk is full, since none can be mounted: {error:#}"
        )),
    }
    let database = database(&cluster).await?;
    let greatest = Work::begin(&database, None)
        .end_after(MEASURED)
        .await?
        .figures
        .rate();
    let session = Session::open(&database).await?;
    ends(&session).await?;
    drop(session);
    let work = Work::begin(&database, Some(greatest * 0.8));
    let mut stage = Stage {
        cluster: &mut cluster,
        database: &database,
        disk: disk.as_ref().ok(),
    };
    let troubles = Trouble::all(&mut stage, time, seed).await?;
    let done = work.end_after(Duration::ZERO).await?;
    let session = Session::open(&database).await?;
    ends(&session).await?;
    let report = report(&session, greatest, done.figures, &done.acknowledged).await?;
    tell(format!("{}\n{report}", counts(&troubles)));
    ensure!(
        report.lost == 0,
        "{} acknowledged runs are gone",
        report.lost
    );
    let twice = "(select run_id from engine.snapshot where execution_status = 'FINISHED' group by run_id having count(*) > 1) as t";
    ensure!(session.count(twice).await? == 0, "runs have ended twice");
    session.check().await
}

/// How often each has happened.
fn counts(troubles: &[Trouble]) -> String {
    let mut counts = BTreeMap::new();
    for trouble in troubles {
        *counts.entry(format!("{trouble:?}")).or_insert(0) += 1;
    }
    let counts = counts.iter().map(|(name, count)| format!("{name} {count}"));
    counts.collect::<Vec<_>>().join(", ")
}
