//! A primary dies under load, and its standby is promoted.

use std::io::{Write, stderr};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Options, Scale, Server, Session};

use crate::sweep::audit;
use crate::sweep::load::{DATABASE, Load, options, session};

const PATIENCE: Duration = Duration::from_secs(60);

/// From the promotion until the next run ends.
const GOES_ON: Duration = Duration::from_secs(5);

const ROUNDS: Scale = Scale::new("failovers", 2, 20);

/// Ends of runs before each failover.
const ENDS: usize = 60;

/// A primary and its standby; either may become the other.
fn replicated() -> Options {
    options()
        .set("wal_log_hints", "on")
        .set("wal_keep_size", "256MB")
}

/// Where clients find the one of the two that is the primary.
fn either(first: &Server, second: &Server) -> String {
    format!(
        "host={},{} port=5432,5432 user=postgres dbname={DATABASE} target_session_attrs=read-write connect_timeout=1",
        first.socket().display(),
        second.socket().display()
    )
}

/// Makes the standby a synchronous one, and waits until no commit lacks it.
async fn synchronize(primary: &Cluster) -> Result<()> {
    let client = primary.connect().await?;
    client
        .batch_execute("alter system set synchronous_standby_names = '*'")
        .await?;
    client.batch_execute("select pg_reload_conf()").await?;
    eventually("the standby is synchronous", PATIENCE, async || {
        let sql = "select count(*) from pg_stat_replication where sync_state = 'sync'";
        Ok(client.query_one(sql, &[]).await?.get::<_, i64>(0) == 1)
    })
    .await
}

/// Nothing acknowledged is missing, and the state is consistent.
async fn is_sound(load: &mut Load, session: &Session) -> Result<()> {
    let found = load.audit(session).await?;
    ensure!(found.is_nothing(), "{found}");
    Ok(())
}

/// Has all events kept, for a reader that never reads.
async fn keep_events(session: &Session) -> Result<()> {
    let sql = "select engine_event_reader('failover', max_lag_ms => 3600000)";
    Ok(session.client.batch_execute(sql).await?)
}

/// The first events, with their positions.
async fn events(session: &Session) -> Result<Vec<(i64, String, String)>> {
    let sql = "select e.position, e.name, e.run_id from engine_event_reader('failover') as r, \
               engine_events(after => r.position, max_events => 1000) as e order by e.position";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synchronous_standby_that_is_promoted_has_all_and_work_goes_on_within_five_seconds()
-> Result<()> {
    let rounds = ROUNDS.pick();
    let mut primary = Cluster::start(replicated()).await?;
    let mut standby = primary.standby(replicated())?;
    let hosts = either(primary.server(), standby.server());
    let mut load = Load::begin(&primary, &hosts, rand::random()).await?;
    keep_events(&session(primary.server()).await?).await?;
    let mut slowest = Duration::ZERO;
    let mut ends = ENDS;
    for round in 1..=rounds {
        synchronize(&primary).await?;
        load.until_ends(ends).await?;
        let seen = events(&session(primary.server()).await?).await?;
        primary.kill_9()?;
        standby.promote().await?;
        let promoted_at = Instant::now();
        let before = load.ends()?;
        load.until_ends(before + 1).await?;
        let took = promoted_at.elapsed();
        slowest = slowest.max(took);
        ensure!(
            took <= GOES_ON,
            "failover {round}: work went on after {took:?}"
        );
        let session = session(standby.server()).await?;
        is_sound(&mut load, &session).await?;
        let now = events(&session).await?;
        ensure!(
            now.starts_with(&seen) && !seen.is_empty(),
            "readers of events see others than before"
        );
        primary.follow(&standby).await?;
        std::mem::swap(&mut primary, &mut standby);
        ends = load.ends()? + ENDS;
    }
    load.drain()?;
    let session = session(primary.server()).await?;
    Load::end_schedules(&session).await?;
    load.until_finished(&session).await?;
    is_sound(&mut load, &session).await?;
    let _ = writeln!(
        stderr(),
        "{rounds} failovers, 0 acknowledged runs of {} lost; work went on after {slowest:?} at most",
        load.journals.runs.len()
    );
    load.stop().await
}

/// Waits until the standby has replayed all that is on the primary's disk now.
async fn catch_up(primary: &Cluster, standby: &Cluster) -> Result<()> {
    let sql = "select pg_current_wal_flush_lsn()::text";
    let end: String = primary.connect().await?.query_one(sql, &[]).await?.get(0);
    let standby = standby.connect().await?;
    eventually("the standby has caught up", PATIENCE, async || {
        let sql = "select pg_last_wal_replay_lsn() >= $1::text::pg_lsn";
        Ok(standby.query_one(sql, &[&end]).await?.get(0))
    })
    .await
}

/// Has the standby receive nothing more.
async fn cut_off(standby: &Cluster) -> Result<()> {
    let client = standby.connect().await?;
    for statement in [
        "alter system set primary_conninfo = ''",
        "select pg_reload_conf()",
    ] {
        client.batch_execute(statement).await?;
    }
    eventually("the standby receives nothing", PATIENCE, async || {
        let sql = "select count(*) from pg_stat_wal_receiver";
        Ok(client.query_one(sql, &[]).await?.get::<_, i64>(0) == 0)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_standby_that_is_promoted_lacks_only_what_it_had_not_received() -> Result<()>
{
    let mut primary = Cluster::start(replicated()).await?;
    let standby = primary.standby(replicated())?;
    let hosts = either(primary.server(), standby.server());
    let mut load = Load::begin(&primary, &hosts, rand::random()).await?;
    load.until_ends(ENDS).await?;
    let received = load.journals.clone();
    catch_up(&primary, &standby).await?;
    cut_off(&standby).await?;
    load.until_ends(2 * ENDS).await?;
    primary.kill_9()?;
    standby.promote().await?;
    let promoted = session(standby.server()).await?;
    let reset = "alter system reset primary_conninfo";
    promoted.client.batch_execute(reset).await?;
    let found = audit::audit(&promoted, &received).await?;
    ensure!(
        found.lost.is_empty() && found.violations.is_empty(),
        "{found}"
    );
    let before = load.ends()?;
    load.until_ends(before + 1).await?;
    primary.follow(&standby).await?;
    load.drain()?;
    Load::end_schedules(&promoted).await?;
    load.until_finished(&promoted).await?;
    promoted.check().await?;
    load.stop().await?;
    // The old primary has what the new one has, and nothing else.
    let followed = session(primary.server()).await?;
    eventually(
        "the old primary has what the new one has",
        PATIENCE,
        async || Ok(followed.contents().await? == promoted.contents().await?),
    )
    .await?;
    followed.check().await
}
