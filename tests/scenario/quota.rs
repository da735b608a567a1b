//! Quotas: what an environment may use at most.

use std::time::Duration;

use anyhow::Result;
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Database, Session};

const TRIGGER: &str = "select engine_trigger('t', environment_id => 'a')";

/// A session, and the environment `a` with a quota.
async fn with_quota(quota: &str) -> Result<(Database, Session)> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let set = format!("select engine_set_environment('a'); select engine_set_quota('a', {quota})");
    session.client.batch_execute(&set).await?;
    Ok((database, session))
}

async fn execute(session: &Session, sql: &str) -> Result<()> {
    Ok(session.client.batch_execute(sql).await?)
}

async fn refused(session: &Session, sql: &str) -> Result<(String, String)> {
    let refused = session.refused(sql).await?;
    assert_eq!(refused.code, "RE017", "{sql}: {refused:?}");
    Ok((refused.detail, refused.hint))
}

#[tokio::test]
async fn as_many_runs_wait_as_may_whether_queued_delayed_or_parked() -> Result<()> {
    let (_database, session) = with_quota("queued_runs => 3").await?;
    execute(
        &session,
        "select engine_trigger('t', environment_id => 'a', delay_until => now() + interval '1 day')",
    )
    .await?;
    execute(&session, TRIGGER).await?;
    execute(&session, TRIGGER).await?;
    let (detail, hint) = refused(&session, TRIGGER).await?;
    assert_eq!(detail, "Of its runs 3 wait, and 3 may.");
    assert!(hint.contains("engine_set_quota"), "{hint}");
    // Another environment has none.
    session.trigger("t").await?;
    // What was dequeued waits no longer, and what is refused as a whole leaves nothing.
    let dequeue = "select engine_dequeue(environment_id => 'a')";
    execute(&session, dequeue).await?;
    let two = "select engine_trigger_many('[{\"task\": \"t\", \"environment_id\": \"a\"}, {\"task\": \"t\", \"environment_id\": \"a\"}]')";
    refused(&session, two).await?;
    execute(&session, TRIGGER).await?;
    refused(&session, TRIGGER).await?;
    // A run that is found is no new one.
    let key = "select engine_trigger('t', environment_id => 'a', idempotency_key => 'k')";
    execute(&session, "select engine_set_quota('a', queued_runs => 4)").await?;
    execute(&session, key).await?;
    execute(&session, key).await?;
    refused(&session, TRIGGER).await?;
    execute(
        &session,
        "select engine_set_quota('a', queued_runs => null)",
    )
    .await?;
    execute(&session, TRIGGER).await?;
    session.check().await
}

#[tokio::test]
async fn two_triggers_beside_each_other_exceed_it_no_more_than_one() -> Result<()> {
    let (database, session) = with_quota("queued_runs => 1").await?;
    let other = Session::open(&database).await?;
    execute(&session, "begin").await?;
    execute(&session, TRIGGER).await?;
    let pid = backend_pid(&other.client).await?;
    let waiting = async { refused(&other, TRIGGER).await };
    let committing = async {
        let waits =
            "select count(*) from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'";
        eventually("the other one waits", Duration::from_secs(20), async || {
            let observer = Session::open(&database).await?;
            let row = observer.client.query_one(waits, &[&pid]).await?;
            Ok(row.get::<_, i64>(0) == 1)
        })
        .await?;
        // The tick waits for neither.
        let ticker = Session::open(&database).await?;
        ticker.tick().await?;
        execute(&session, "commit").await
    };
    tokio::try_join!(waiting, committing)?;
    assert_eq!(session.count("engine.queue_item").await?, 1);
    Ok(())
}

#[tokio::test]
async fn runs_per_second_are_an_average_and_the_hint_says_when() -> Result<()> {
    let (_database, session) = with_quota("runs_per_second => 0.001").await?;
    execute(&session, TRIGGER).await?;
    let (detail, hint) = refused(&session, TRIGGER).await?;
    assert_eq!(detail, "On average 0.001 runs per second may be triggered.");
    assert!(hint.starts_with("Trigger again in 99"), "{hint}");
    let used =
        "select used >= 0.00099, bound from engine.quota_stats where quota = 'runs_per_second'";
    let row = session.client.query_one(used, &[]).await?;
    assert!(row.get::<_, bool>(0), "{row:?}");
    // Retries and what is found are no new runs; another quota is another average.
    execute(
        &session,
        "select engine_set_quota('a', runs_per_second => 1000)",
    )
    .await?;
    execute(&session, TRIGGER).await?;
    execute(
        &session,
        "select engine_set_quota('a', runs_per_second => 0)",
    )
    .await?;
    let (_, hint) = refused(&session, TRIGGER).await?;
    assert!(hint.starts_with("Trigger nothing here"), "{hint}");
    session.check().await
}

#[tokio::test]
async fn payloads_are_bounded_each_and_all_together_until_they_are_removed() -> Result<()> {
    let (_database, session) = with_quota("payload_bytes => 10, kept_bytes => 15").await?;
    let trigger = |bytes: usize| {
        format!(
            "select engine_trigger('t', repeat('1', {bytes}), environment_id => 'a', worker_queue => 'a')"
        )
    };
    let (detail, _) = refused(&session, &trigger(11)).await?;
    assert_eq!(detail, "The payload has 11 bytes, and may have 10.");
    execute(&session, &trigger(10)).await?;
    let (detail, _) = refused(&session, &trigger(6)).await?;
    assert_eq!(
        detail,
        "The payloads of its runs have 10 bytes, and may have 15."
    );
    execute(&session, &trigger(5)).await?;
    let used = "select used from engine.quota_stats where quota = 'kept_bytes'";
    let row = session.client.query_one(used, &[]).await?;
    assert_eq!(row.get::<_, f64>(0) as i64, 15);
    // The same is counted when the quota is set.
    execute(&session, "select engine_set_quota('a', kept_bytes => 16)").await?;
    let row = session.client.query_one(used, &[]).await?;
    assert_eq!(row.get::<_, f64>(0) as i64, 15);
    refused(&session, &trigger(2)).await?;
    execute(
        &session,
        "select engine_set_retention('a', keep => '0'); select engine_cancel(id) from engine.run",
    )
    .await?;
    session.sweep().await?;
    assert_eq!(session.count("engine.run").await?, 0);
    let row = session.client.query_one(used, &[]).await?;
    assert_eq!(row.get::<_, f64>(0) as i64, 0);
    execute(&session, &trigger(10)).await?;
    session.check().await
}

#[tokio::test]
async fn a_batch_makes_failed_runs_of_items_that_do_not_fit() -> Result<()> {
    let (_database, session) = with_quota("queued_runs => 2, payload_bytes => 5").await?;
    let add = "select i.index, i.enqueued, i.error_code \
               from engine_create_batch(4, environment_id => 'a') as b, \
                    engine_add_to_batch(b.batch_id, '[{\"task\": \"t\"}, {\"task\": \"t\", \"payload\": \"1234567\"}, \
                                                     {\"task\": \"t\"}, {\"task\": \"t\"}]') as i order by 1";
    let rows = session.client.query(add, &[]).await?;
    let codes: Vec<Option<&str>> = rows.iter().map(|row| row.get(2)).collect();
    let over = Some("QUOTA_EXCEEDED");
    assert_eq!(codes, [None, over, None, over]);
    assert_eq!(session.count("engine.queue_item").await?, 2);
    session.check().await
}

#[tokio::test]
async fn as_many_schedules_exist_as_may_and_the_tick_makes_no_run_beyond_a_quota() -> Result<()> {
    let (_database, session) = with_quota("schedules => 1, queued_runs => 1").await?;
    let set = |id: &str| {
        format!("select engine_set_schedule('{id}', 't', '* * * * *', environment_id => 'a')")
    };
    execute(&session, &set("one")).await?;
    execute(&session, &set("one")).await?;
    let (detail, _) = refused(&session, &set("two")).await?;
    assert_eq!(detail, "It has 1 schedules, and may have 1.");
    execute(
        &session,
        "select engine_set_schedule('other', 't', '* * * * *')",
    )
    .await?;
    refused(
        &session,
        "select engine_set_schedule('other', environment_id => 'a')",
    )
    .await?;
    execute(&session, TRIGGER).await?;
    execute(
        &session,
        "update engine.schedule set next_at = now() - interval '1 second' where id = 'one'",
    )
    .await?;
    session.tick().await?;
    let error = "select last_error from engine.schedule where id = 'one'";
    let row = session.client.query_one(error, &[]).await?;
    let error: Option<&str> = row.get(0);
    assert_eq!(
        error,
        Some("quota queued_runs of environment \"a\" is exceeded")
    );
    let advice = "engine.advice where kind = 'quota' and subject = 'a' and is_problem";
    assert_eq!(session.count(advice).await?, 2);
    session.check().await
}

#[tokio::test]
async fn no_tenant_sets_its_own_quota() -> Result<()> {
    let (_database, session) = with_quota("queued_runs => 1").await?;
    let role = format!("operator_{}", std::process::id());
    let grant = format!(
        "create role {role}; select engine_grant('{role}', 'operate', 'a'); set role {role}"
    );
    execute(&session, &grant).await?;
    let set = "select engine_set_quota('a', queued_runs => null)";
    assert_eq!(session.refused(set).await?.code, "42501");
    let drop = format!("reset role; drop owned by {role}; drop role {role}");
    execute(&session, &drop).await
}

#[tokio::test]
async fn a_batch_finds_the_room_of_payloads_that_were_removed() -> Result<()> {
    let (_database, session) = with_quota("kept_bytes => 15").await?;
    let trigger = "select engine_trigger('t', repeat('1', 10), environment_id => 'a')";
    execute(&session, trigger).await?;
    execute(
        &session,
        "select engine_set_retention('a', keep => '0'); select engine_cancel(id) from engine.run",
    )
    .await?;
    session.sweep().await?;
    let add = "select i.error_code from engine_create_batch(2, environment_id => 'a') as b, \
               engine_add_to_batch(b.batch_id, '[{\"task\": \"t\", \"payload\": \"12345678\"}, {\"task\": \"t\", \"payload\": \"12345678\"}]') as i \
               order by i.index";
    let rows = session.client.query(add, &[]).await?;
    let codes: Vec<Option<&str>> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(codes, [None, Some("QUOTA_EXCEEDED")]);
    let used = "select used from engine.quota_stats where quota = 'kept_bytes'";
    let row = session.client.query_one(used, &[]).await?;
    let kept = session
        .client
        .query_one(
            "select sum(octet_length(payload))::float8 from engine.run",
            &[],
        )
        .await?;
    assert_eq!(row.get::<_, f64>(0), kept.get::<_, f64>(0));
    session.check().await
}
