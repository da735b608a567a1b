//! Whatever holds vacuum back, what is removed is removed, and what lives goes on.

use anyhow::Result;
use engine_harness::{Cluster, Options, Session};

/// What holds vacuum back, and what lets it go: a prepared transaction that has triggered a run, one that has only taken an id, and a
/// slot for logical decoding.
const HOLDERS: [(&str, &str); 3] = [
    (
        "begin; select engine_trigger('held'); prepare transaction 'held'",
        "commit prepared 'held'",
    ),
    (
        "begin; select pg_current_xact_id(); prepare transaction 'held'",
        "rollback prepared 'held'",
    ),
    (
        "select pg_create_logical_replication_slot('held', 'pgoutput')",
        "select pg_drop_replication_slot('held')",
    ),
];

/// Runs of a round.
const RUNS: i32 = 50;

/// Removes all that has ended.
async fn removes(session: &Session) -> Result<i32> {
    session.age(8).await?;
    let removed = session.sweep().await?;
    assert_eq!(session.tables_with_rows().await?, ["trigger_key"]);
    session.check().await?;
    Ok(removed)
}

#[tokio::test]
async fn a_prepared_transaction_or_a_slot_holds_up_no_sweep_and_no_run() -> Result<()> {
    let options = Options::quick()
        .set("max_prepared_transactions", "2")
        .set("wal_level", "logical")
        .set("autovacuum", "off");
    let cluster = Cluster::start(options).await?;
    for (hold, release) in HOLDERS {
        let database = cluster.database().await?;
        let session = Session::open(&database).await?;
        session.run_of_every_kind().await?;
        let holder = Session::open(&database).await?;
        holder.client.batch_execute(hold).await?;
        for _ in 0..2 {
            for _ in 0..RUNS {
                session.ended("'t'").await?;
            }
            session.client.batch_execute("vacuum").await?;
            assert!(removes(&session).await? >= RUNS, "{hold}");
        }
        holder.client.batch_execute(release).await?;
        while session.count("engine.run").await? > 0 {
            session.end_next().await?;
            removes(&session).await?;
        }
        session.client.batch_execute("vacuum").await?;
        session.check().await?;
    }
    Ok(())
}
