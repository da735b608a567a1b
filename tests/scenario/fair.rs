//! FS: fairness between environments, and order within one.

use std::collections::BTreeMap;

use anyhow::Result;
use engine_harness::{Database, Session};

async fn session(environments: &[&str]) -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    for environment in environments {
        let sql = format!("select engine_set_environment('{environment}')");
        session.client.batch_execute(&sql).await?;
    }
    Ok(session)
}

async fn trigger_many(session: &Session, environment: &str, runs: i32) -> Result<()> {
    let sql = "select count(*) from engine_trigger_many(( \
               select jsonb_agg(jsonb_build_object('task', 'test', 'environment_id', $1::text)) from generate_series(1, $2)))";
    session
        .client
        .query_one(sql, &[&environment, &runs])
        .await?;
    Ok(())
}

async fn claim(session: &Session, max_runs: i32) -> Result<Vec<String>> {
    let sql = "select environment_id from engine_dequeue(max_runs => $1)";
    let rows = session.client.query(sql, &[&max_runs]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn fs_02_a_full_environment_is_passed() -> Result<()> {
    let session = session(&["a", "b"]).await?;
    session
        .client
        .batch_execute("select engine_set_environment('a', concurrency_limit => 2)")
        .await?;
    trigger_many(&session, "a", 5).await?;
    assert_eq!(claim(&session, 10).await?.len(), 2);
    trigger_many(&session, "b", 1).await?;
    assert_eq!(claim(&session, 10).await?, ["b"]);
    Ok(())
}

#[tokio::test]
async fn fs_06_fs_13_environments_get_equal_shares_at_every_position() -> Result<()> {
    let environments = ["a", "b", "c", "d"];
    let session = session(&environments).await?;
    for environment in environments {
        trigger_many(&session, environment, 200).await?;
    }
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..40 {
        let claimed = claim(&session, 4).await?;
        let mut sorted = claimed.clone();
        sorted.sort();
        assert_eq!(sorted, environments, "each gets its share of a call");
        *first.entry(claimed[0].clone()).or_default() += 1;
    }
    for _ in 0..40 {
        *first
            .entry(claim(&session, 1).await?.remove(0))
            .or_default() += 1;
    }
    assert_eq!(first.len(), 4);
    for (environment, times) in &first {
        assert!(
            (10..=50).contains(times),
            "{environment} came first {times} times of 80"
        );
    }
    Ok(())
}

#[tokio::test]
async fn fs_07_fs_09_within_an_environment_the_oldest_goes_first() -> Result<()> {
    let session = session(&["a", "b"]).await?;
    for environment in ["a", "b"] {
        for (queue, at) in [("new", "2026-01-02"), ("old", "2026-01-01")] {
            let arguments = format!(
                "'test', environment_id => '{environment}', queue => '{queue}', queue_timestamp => '{at}'"
            );
            session.trigger_with(&arguments).await?;
        }
    }
    let sql = "select environment_id, queue from engine_dequeue(max_runs => 4)";
    let rows = session.client.query(sql, &[]).await?;
    assert_eq!(rows.len(), 4);
    for environment in ["a", "b"] {
        let queues: Vec<&str> = rows
            .iter()
            .filter(|row| row.get::<_, &str>(0) == environment)
            .map(|row| row.get(1))
            .collect();
        assert_eq!(queues, ["old", "new"]);
    }
    Ok(())
}

#[tokio::test]
async fn fs_14_a_long_backlog_holds_up_no_other_environment() -> Result<()> {
    let session = session(&["large", "small"]).await?;
    for _ in 0..5 {
        trigger_many(&session, "large", 1000).await?;
    }
    claim(&session, 1).await?;
    trigger_many(&session, "small", 1).await?;
    let two = [claim(&session, 1).await?, claim(&session, 1).await?].concat();
    assert!(two.contains(&"small".to_owned()), "{two:?}");
    Ok(())
}

#[tokio::test]
async fn an_environment_that_is_named_is_the_only_one_that_is_served() -> Result<()> {
    let session = session(&["a", "b"]).await?;
    trigger_many(&session, "a", 2).await?;
    trigger_many(&session, "b", 2).await?;
    let sql = "select environment_id from engine_dequeue(max_runs => 10, environment_id => 'b')";
    let rows = session.client.query(sql, &[]).await?;
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.get::<_, &str>(0) == "b"));
    Ok(())
}

#[tokio::test]
async fn what_one_environment_cannot_use_of_a_call_the_others_get() -> Result<()> {
    let session = session(&["a", "b"]).await?;
    trigger_many(&session, "a", 1).await?;
    trigger_many(&session, "b", 20).await?;
    assert_eq!(claim(&session, 10).await?.len(), 10);
    Ok(())
}
