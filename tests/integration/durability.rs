//! Which commits wait for the disk: what is not flushed when a call returns is lost in a crash.

use anyhow::Result;
use engine_harness::{Cluster, Options, Session};

/// Whether all WAL of the session's last transaction is on the disk.
async fn is_flushed(session: &Session) -> Result<bool> {
    let sql = "select pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

#[tokio::test]
async fn only_a_transaction_of_beats_alone_does_not_wait_for_the_disk() -> Result<()> {
    // The WAL writer sleeps meanwhile.
    let options = Options::default()
        .set("autovacuum", "off")
        .set("wal_writer_delay", "10s");
    let cluster = Cluster::start(options).await?;
    let session = Session::open(&cluster.database().await?).await?;
    session.client.batch_execute("create table note ()").await?;
    let run = session.executing("test").await?;
    let beat = format!(
        "select * from engine_heartbeat('{}', '{}')",
        run.run_id, run.snapshot_id
    );
    for _ in 0..3 {
        session.client.batch_execute(&beat).await?;
        assert!(!is_flushed(&session).await?, "a beat");
        let write = "insert into note default values";
        for transaction in [
            write.to_owned(),
            format!("begin; {write}; {beat}; commit"),
            format!("begin; {beat}; {write}; commit"),
            format!("begin; {beat}; {write}; {beat}; commit"),
            format!("begin; {beat}; savepoint s; {write}; rollback to s; {beat}; commit"),
        ] {
            session.client.batch_execute(&transaction).await?;
            assert!(is_flushed(&session).await?, "{transaction}");
            session.client.batch_execute(&beat).await?;
        }
        let only_beats = format!("begin; {beat}; {beat}; commit");
        session.client.batch_execute(&only_beats).await?;
        assert!(!is_flushed(&session).await?, "{only_beats}");
        let setting: String = session
            .client
            .query_one("show synchronous_commit", &[])
            .await?
            .get(0);
        assert_eq!(setting, "on");
        session.client.batch_execute(write).await?;
    }
    session.check().await
}
