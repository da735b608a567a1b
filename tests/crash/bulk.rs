//! A bulk action whose ticks are killed half-way: each run is acted on once, and none is left out.

use anyhow::Result;
use engine_harness::{Cluster, Options, Session};

use crate::window::kill_9;

const RUNS: i64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_action_whose_ticks_are_killed_acts_on_each_run_once() -> Result<()> {
    let cluster = Cluster::start(Options::default()).await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    let sql = "select count(*) from generate_series(1, $1::bigint) as n, lateral engine_trigger('t', metadata => to_jsonb(n))";
    session.client.query_one(sql, &[&RUNS]).await?;
    let start = r#"select bulk_id from engine_bulk('replay', '{"all": true}', dry_run => false)"#;
    let id: String = session.client.query_one(start, &[]).await?.get(0);
    let tick =
        "select coalesce(sum(processed), 0)::bigint from engine_tick(200) where kind = 'bulk_run'";
    for _ in 0..2 {
        let session = Session::open(&database).await?;
        assert!(session.client.query_one(tick, &[]).await?.get::<_, i64>(0) > 0);
        // Half of the next step is done when its backend is killed.
        session.client.batch_execute("begin").await?;
        assert!(session.client.query_one(tick, &[]).await?.get::<_, i64>(0) > 0);
        cluster.connect().await?.batch_execute("checkpoint").await?;
        kill_9(&cluster, vec![session]).await?;
    }
    let session = Session::open(&database).await?;
    let sql = "select state, done, skipped, refused from engine.bulk where bulk_id = $1";
    let mut row = session.client.query_one(sql, &[&id]).await?;
    let done: i64 = row.get(1);
    assert!((1..RUNS).contains(&done), "{done}");
    for _ in 0..100 {
        if row.get::<_, String>(0) != "RUNNING" {
            break;
        }
        session.tick().await?;
        row = session.client.query_one(sql, &[&id]).await?;
    }
    assert_eq!(row.get::<_, String>(0), "COMPLETED");
    let counts: [i64; 3] = [row.get(1), row.get(2), row.get(3)];
    assert_eq!(counts, [RUNS, 0, 0]);
    let once = "(select replayed_from from engine.run where replayed_from is not null group by 1 having count(*) = 1) as r";
    assert_eq!(session.count(once).await?, RUNS);
    assert_eq!(session.count("engine.run").await?, 2 * RUNS);
    session.check().await
}
