//! Registrations of worker versions.

use anyhow::Result;
use serde_json::{Value, json};
use tokio_postgres::types::Json;

use crate::version::{open, register, register_with, trigger};

#[tokio::test]
async fn what_a_run_does_not_say_its_task_says() -> Result<()> {
    let session = open().await?;
    let task = json!([{
        "id": "test", "machine": {"cpu": 1, "memory": 2}, "maxDuration": 60, "ttl": "1h",
        "retry": {"maxAttempts": 7, "factor": 1, "minTimeoutInMs": 100, "maxTimeoutInMs": 100, "randomize": false}
    }]);
    register(&session, "1", task).await?;
    trigger(&session, "test", "").await?;
    trigger(
        &session,
        "test",
        ", machine => 'micro', max_attempts => 2, max_duration_seconds => 2147483647, ttl => '2h'",
    )
    .await?;
    let sql = "select machine ->> 'name', max_attempts, max_duration_seconds from engine_dequeue(max_runs => 2)";
    let rows = session.client.query(sql, &[]).await?;
    let found: Vec<(String, i32, Option<i32>)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    assert_eq!(
        found,
        [
            ("medium-1x".to_owned(), 7, Some(60)),
            ("micro".to_owned(), 2, None)
        ]
    );
    let sql = "select string_agg(ttl, ' ' order by ttl) from engine.run";
    assert_eq!(
        session.client.query_one(sql, &[]).await?.get::<_, &str>(0),
        "1h 2h"
    );
    let sql = "select s.retry, s.max_duration_seconds, s.machine from engine.run_state s order by s.max_attempts desc limit 1";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(row.get::<_, Json<Value>>(0).0["maxAttempts"], 7);
    assert_eq!((row.get(1), row.get(2)), (Some(60), "medium-1x"));
    let events = session.events_named("runLocked").await?;
    assert_eq!(
        (
            &events[0]["run"]["maxAttempts"],
            &events[0]["run"]["maxDurationInSeconds"]
        ),
        (&json!(7), &json!(60))
    );
    assert_eq!(events[1]["run"]["maxDurationInSeconds"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_registration_sets_base_limits_and_undoes_neither_a_pause_nor_an_override() -> Result<()>
{
    let session = open().await?;
    for set in [
        "select engine_set_queue('paused', 'prod', paused => true)",
        "select engine_set_queue('overridden', 'prod', concurrency_limit => 3, override_limit => 9)",
    ] {
        session.client.query(set, &[]).await?;
    }
    let queues = "queues => '[{\"name\": \"paused\", \"concurrencyLimit\": 5}, {\"name\": \"overridden\", \"concurrencyLimit\": 6}, \
                  {\"name\": \"new\", \"concurrencyLimit\": 0}, {\"name\": \"free\"}]', image => 'i'";
    register_with(&session, "1", json!(["test"]), queues).await?;
    let sql = "select string_agg(concat_ws(' ', name, concurrency_limit, override_limit, is_paused), ', ' order by name) \
               from engine.queue";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(
        row.get::<_, &str>(0),
        "new 0 f, overridden 6 9 f, paused 5 t"
    );
    trigger(&session, "test", ", queue => 'new'").await?;
    assert_eq!(session.dequeue().await?, None, "a limit of 0");
    let queues = "queues => '[{\"name\": \"new\"}]', image => 'i'";
    register_with(&session, "2", json!(["test"]), queues).await?;
    assert!(session.dequeue().await?.is_some(), "the limit is gone");
    session.check().await
}

#[tokio::test]
async fn many_parked_runs_are_promoted_in_their_order_the_rest_by_the_tick() -> Result<()> {
    let session = open().await?;
    let many = "select count(*) from engine_trigger_many((select jsonb_agg(jsonb_build_object( \
                'task', case when n % 5 = 0 then 'other' else 'test' end, 'environment_id', 'prod', 'run_id', 'r' || 1000 + n)) \
                from generate_series(1, 500) n))";
    session.client.query_one(many, &[]).await?;
    session.dequeue_many(1000).await?;
    assert_eq!(session.count("engine.parked").await?, 500);
    let (_, promoted) = register(&session, "1", json!(["test"])).await?;
    assert_eq!(promoted, 160, "of the first two hundred");
    assert_eq!(
        session
            .count("engine.queue_item where run_id <= 'r1200'")
            .await?,
        160
    );
    let mut left = 240;
    while left > 0 {
        let promoted = session.tick_of("promoted_run").await?;
        assert!(promoted > 0, "{left} are left");
        left -= promoted;
    }
    session.tick().await?;
    assert_eq!(session.count("engine.timer").await?, 0);
    assert_eq!(session.count("engine.parked").await?, 100);
    assert_eq!(session.tick_of("promoted_run").await?, 0);
    session.check().await
}
