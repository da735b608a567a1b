//! `pg_upgrade` with runs in flight.

use anyhow::{Result, ensure};
use engine_harness::{Cluster, Options, Prefix};

use crate::sweep::load::{DATABASE, Load, options, session};

/// Ends of runs before the upgrade.
const ENDS: usize = 100;

/// With the library preloaded, and a background worker that finds no database: nothing moves between the two servers.
fn still() -> Options {
    options().set("engine.database", "none")
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_upgrade_keeps_every_row_and_runs_in_flight_go_on() -> Result<()> {
    let old = Cluster::start_from(Prefix::shared()?, still()).await?;
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
