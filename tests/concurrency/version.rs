//! Dequeues that park runs against a registration that promotes them, and the tick.

use std::time::Duration;

use anyhow::Result;
use engine_harness::condition::eventually;
use engine_harness::{Database, Scale, Session};
use tokio::task::JoinSet;

const ROUNDS: Scale = Scale::new("rounds", 5, 20);
const RUNS: i64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn no_run_stays_parked_for_want_of_a_version_that_has_registered() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for round in 0..ROUNDS.pick() {
        let environment = format!("env{round}");
        let set =
            format!("select engine_set_environment('{environment}', requires_version => true)");
        session.client.query(&set, &[]).await?;
        let mut work = JoinSet::new();
        for _ in 0..3 {
            let (worker, environment) = (Session::open(&database).await?, environment.clone());
            work.spawn(async move {
                let sql = "select count(*) from engine_dequeue(environment_id => $1, max_runs => 3)";
                let mut given = 0;
                // Until a version is there, and none of its runs is left.
                let over = "select exists (select from engine.worker where environment_id = $1) \
                                   and not exists (select from engine.run r join engine.run_state s on s.run_id = r.id \
                                                   where r.environment_id = $1 and s.run_status <> 'DEQUEUED')";
                loop {
                    given += worker.client.query_one(sql, &[&environment]).await?.get::<_, i64>(0);
                    let is_over = worker.client.query_one(over, &[&environment]).await?;
                    if is_over.get(0) {
                        return Ok::<_, anyhow::Error>(given);
                    }
                }
            });
        }
        let many = format!(
            "select count(*) from engine_trigger_many((select jsonb_agg(jsonb_build_object( \
             'task', 'test', 'environment_id', '{environment}')) from generate_series(1, {RUNS})))"
        );
        session.client.query_one(&many, &[]).await?;
        eventually(
            "some runs are parked",
            Duration::from_secs(30),
            async || Ok(session.count("engine.parked").await? > (round as i64 * 7) % 40),
        )
        .await?;
        let register = format!(
            "select engine_register_worker('{environment}', '1', '[\"test\"]', image => 'i')"
        );
        session.client.query(&register, &[]).await?;
        let drained = async {
            let mut given = 0;
            while let Some(done) = work.join_next().await {
                given += done??;
            }
            Ok::<_, anyhow::Error>(given)
        };
        // The tick promotes runs parked by a dequeue that began before the registration.
        let ticks = async {
            loop {
                session.tick().await?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let given: Result<i64> = tokio::select! {
            given = tokio::time::timeout(Duration::from_secs(60), drained) => given?,
            failed = ticks => failed,
        };
        assert_eq!(given?, RUNS);
        assert_eq!(session.count("engine.parked").await?, 0);
    }
    session.check().await
}
