//! Moves to a server of another major, with runs in flight.

use std::time::Duration;

use anyhow::{Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::progress::tell;
use engine_harness::{Cluster, Options, Prefix, Session};

use crate::dump;
use crate::sweep::load::{DATABASE, Load, options, session};

/// Ends of runs before the upgrade.
const ENDS: usize = 100;

/// What releases write into every column that they create, and releases of before November 2026 do not read.
const COLUMN_VERSION: &str = "pg_attver";

const PATIENCE: Duration = Duration::from_secs(60);

/// With the library preloaded, and a background worker that finds no database: nothing moves between the two servers.
fn still() -> Options {
    options().set("engine.database", "none")
}

/// Moves a server by `pg_upgrade` that has a table of one column and no extension.
async fn upgrade_a_table(origin: &Prefix) -> Result<Cluster> {
    let old = Cluster::start_from(origin.clone(), Options::quick()).await?;
    let client = old.connect().await?;
    for statement in [
        "alter database engine_template is_template false",
        "drop database engine_template",
        "create table public.plain (number int)",
    ] {
        client.batch_execute(statement).await?;
    }
    drop(client);
    old.upgrade(Prefix::shared()?, Options::quick())
}

/// Until the server has ended what killed clients had asked for, which it may still commit.
async fn until_alone(session: &Session) -> Result<()> {
    let others = "pg_stat_activity where datname = current_database() and backend_type = 'client backend' \
                  and pid <> pg_backend_pid()";
    eventually("no other session", PATIENCE, async || {
        Ok(session.count(others).await? == 0)
    })
    .await
}

async fn upgrade_runs_in_flight(origin: Prefix) -> Result<()> {
    let old = Cluster::start_from(origin, still()).await?;
    let connection = old.server().connection_string(DATABASE);
    let mut load = Load::begin(&old, &connection, rand::random()).await?;
    load.until_ends(ENDS).await?;
    load.stop().await?;
    let client = old.connect().await?;
    // pg_upgrade asks for that.
    client
        .batch_execute("alter database engine_template allow_connections true")
        .await?;
    let before = session(old.server()).await?;
    until_alone(&before).await?;
    let in_flight = "engine.run_state where execution_status <> 'FINISHED'";
    ensure!(before.count(in_flight).await? > 0, "nothing is in flight");
    let contents = before.contents().await?;
    drop((before, client));

    let new = old.upgrade(Prefix::shared()?, still())?;
    let after = session(new.server()).await?;
    ensure!(after.contents().await? == contents, "rows have changed");
    after.check().await?;
    let connection = new.server().connection_string(DATABASE);
    let mut load = Load::attach(&connection, rand::random())?;
    load.drain()?;
    Load::end_schedules(&after).await?;
    load.until_finished(&after).await?;
    after.check().await?;
    load.stop().await
}

/// From a server of the same major, and from those of earlier ones from which it takes a table at all.
#[tokio::test(flavor = "multi_thread")]
async fn pg_upgrade_keeps_every_row_and_runs_in_flight_go_on() -> Result<()> {
    upgrade_runs_in_flight(Prefix::shared()?).await?;
    for origin in Prefix::older()? {
        let base = origin.base().display().to_string();
        match upgrade_a_table(&origin).await {
            Ok(_) => {
                upgrade_runs_in_flight(origin).await?;
                tell(format!("from {base}: moved"));
            }
            Err(error) => {
                let error = format!("{error:#}");
                ensure!(error.contains(COLUMN_VERSION), "{error}");
                tell(format!("from {base}: pg_upgrade takes no table"));
            }
        }
    }
    Ok(())
}

/// To the same major, and from earlier ones to this one. The program is the old server's: that of the new one would write what only the
/// new server reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_under_load_has_every_row_and_setting_of_its_moment_and_the_copy_goes_on()
-> Result<()> {
    let mut origins = Prefix::older()?;
    origins.push(Prefix::shared()?);
    for origin in origins {
        dump::moves(&Cluster::start_from(origin, options()).await?).await?;
    }
    Ok(())
}
