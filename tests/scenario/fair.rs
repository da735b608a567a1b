//! Fairness between environments, and order within one.

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

async fn dequeue(session: &Session, max_runs: i32) -> Result<Vec<String>> {
    let sql = "select environment_id from engine_dequeue(max_runs => $1)";
    let rows = session.client.query(sql, &[&max_runs]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Spec: FS-02.
#[tokio::test]
async fn a_full_environment_is_passed() -> Result<()> {
    let session = session(&["a", "b"]).await?;
    session
        .client
        .batch_execute("select engine_set_environment('a', concurrency_limit => 2)")
        .await?;
    trigger_many(&session, "a", 5).await?;
    assert_eq!(dequeue(&session, 10).await?.len(), 2);
    trigger_many(&session, "b", 1).await?;
    assert_eq!(dequeue(&session, 10).await?, ["b"]);
    Ok(())
}

/// Spec: FS-06, FS-13.
#[tokio::test]
async fn environments_get_equal_shares_at_every_position() -> Result<()> {
    let environments = ["a", "b", "c", "d"];
    let session = session(&environments).await?;
    for environment in environments {
        trigger_many(&session, environment, 200).await?;
    }
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..40 {
        let served = dequeue(&session, 4).await?;
        let mut sorted = served.clone();
        sorted.sort();
        assert_eq!(sorted, environments, "each gets its share of a call");
        *first.entry(served[0].clone()).or_default() += 1;
    }
    for _ in 0..40 {
        *first
            .entry(dequeue(&session, 1).await?.remove(0))
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

/// Spec: FS-07, FS-09.
#[tokio::test]
async fn within_an_environment_the_oldest_goes_first() -> Result<()> {
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

/// Spec: FS-14.
#[tokio::test]
async fn a_long_backlog_holds_up_no_other_environment() -> Result<()> {
    let session = session(&["large", "small"]).await?;
    for _ in 0..5 {
        trigger_many(&session, "large", 1000).await?;
    }
    dequeue(&session, 1).await?;
    trigger_many(&session, "small", 1).await?;
    let two = [dequeue(&session, 1).await?, dequeue(&session, 1).await?].concat();
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
    assert_eq!(dequeue(&session, 10).await?.len(), 10);
    Ok(())
}

/// This many environments with runs, called `e1`, `e2` and so on.
async fn many(count: i32, limit: Option<i32>, runs: i32) -> Result<Session> {
    let session = session(&[]).await?;
    let set = "select engine_set_environment('e' || n, concurrency_limit => $2) from generate_series(1, $1) as n";
    session.client.query(set, &[&count, &limit]).await?;
    let trigger = "select count(*) from engine_trigger_many(( \
                   select jsonb_agg(jsonb_build_object('task', 'test', 'environment_id', 'e' || n)) \
                   from generate_series(1, $1) as n, generate_series(1, $2)))";
    session.client.query(trigger, &[&count, &runs]).await?;
    Ok(session)
}

#[tokio::test]
async fn each_environment_gets_its_turn_however_many_there_are() -> Result<()> {
    let session = many(250, None, 3).await?;
    for turn in 1..=3 {
        let mut served = BTreeMap::new();
        for _ in 0..25 {
            for environment in dequeue(&session, 10).await? {
                *served.entry(environment).or_insert(0) += 1;
            }
        }
        assert_eq!(served.len(), 250, "turn {turn}: {served:?}");
    }
    assert!(dequeue(&session, 10).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_call_finds_what_may_go_behind_any_number_of_full_environments() -> Result<()> {
    let session = many(250, Some(1), 2).await?;
    let full = dequeue(&session, 1000).await?;
    assert_eq!(full.len(), 250, "one of each");
    for open in ["a", "m", "z"] {
        let sql = format!("select engine_set_environment('{open}')");
        session.client.batch_execute(&sql).await?;
        trigger_many(&session, open, 5).await?;
        for _ in 0..5 {
            assert_eq!(dequeue(&session, 1).await?, [open]);
        }
        assert!(dequeue(&session, 1).await?.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn an_environment_with_nothing_but_retries_to_come_is_served_when_they_are_due() -> Result<()>
{
    let session = many(120, None, 1).await?;
    assert_eq!(dequeue(&session, 1000).await?.len(), 120);
    let retry = "select count(*) from engine.run_state as s \
                 cross join lateral engine_start_attempt(s.run_id, s.snapshot_id) as a \
                 cross join lateral engine_complete_attempt(s.run_id, a.snapshot_id, \
                 '{\"ok\": false, \"error\": {\"type\": \"STRING_ERROR\", \"raw\": \"no\"}, \"retry\": {\"delay\": 600000}}') as c";
    session.client.query_one(retry, &[]).await?;
    trigger_many(&session, "e7", 1).await?;
    assert_eq!(dequeue(&session, 10).await?, ["e7"]);
    assert!(dequeue(&session, 10).await?.is_empty());
    let due = "update engine.queue_item set available_at = now() - interval '1 minute', is_ahead = true \
               where environment_id in ('e3', 'e99')";
    session.client.batch_execute(due).await?;
    let mut served = dequeue(&session, 10).await?;
    served.sort();
    assert_eq!(served, ["e3", "e99"]);
    Ok(())
}
