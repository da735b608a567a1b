//! Debounced triggers.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

/// Triggers `test` with a debounce; returns the run and whether it existed.
async fn trigger(session: &Session, debounce: Value, more: &str) -> Result<(String, bool)> {
    let sql = format!("select run_id, is_cached from engine_trigger('test', debounce => $1{more})");
    let row = session.client.query_one(&sql, &[&Json(debounce)]).await?;
    Ok((row.get(0), row.get(1)))
}

fn key(delay: &str) -> Value {
    json!({"key": "user-123", "delay": delay})
}

/// When a run is due, text.
async fn due(session: &Session, run_id: &str) -> Result<String> {
    let sql = "select delay_until::text from engine.run where id = $1";
    Ok(session.client.query_one(sql, &[&run_id]).await?.get(0))
}

/// Moves the clock: everything about a run happened `interval` earlier.
async fn age(session: &Session, run_id: &str, interval: &str) -> Result<()> {
    let sql = format!(
        "with timer as (update engine.timer set due_at = due_at - interval '{interval}' where id = $1) \
         update engine.run set created_at = created_at - interval '{interval}', \
                               delay_until = delay_until - interval '{interval}', \
                               queue_timestamp = queue_timestamp - interval '{interval}' where id = $1"
    );
    session.client.execute(&sql, &[&run_id]).await?;
    Ok(())
}

async fn pushes(session: &Session) -> Result<i64> {
    session
        .count("engine.snapshot where transition = 'RESCHEDULED'")
        .await
}

/// Spec: DB-1.
#[tokio::test]
async fn the_first_trigger_makes_a_run_that_waits() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (run, is_cached) = trigger(&session, key("5s"), "").await?;
    assert!(!is_cached);
    let delayed = ("DELAYED".to_owned(), "DELAYED".to_owned());
    assert_eq!(session.status(&run).await?, delayed);
    let sql = "select debounce, delay_until = created_at + interval '5 s' from engine.run";
    let row = session.client.query_one(sql, &[]).await?;
    let stored = row.get::<_, Json<Value>>(0).0;
    assert_eq!(
        (&stored["key"], &stored["delay"]),
        (&json!("user-123"), &json!("5s"))
    );
    assert!(stored["createdAt"].is_string() && row.get::<_, bool>(1));
    session.check().await
}

/// Spec: DB-2.
#[tokio::test]
async fn a_second_trigger_of_the_key_finds_the_run() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (run, _) = trigger(&session, key("5s"), "").await?;
    assert_eq!(trigger(&session, key("5s"), "").await?, (run, true));
    assert_eq!(session.count("engine.run").await?, 1);
    let other = trigger(&session, json!({"key": "other", "delay": "5s"}), "").await?;
    assert!(!other.1, "another key");
    session
        .client
        .query("select engine_set_environment('env')", &[])
        .await?;
    assert!(
        !trigger(&session, key("5s"), ", environment_id => 'env'")
            .await?
            .1,
        "another environment"
    );
    let task = "select is_cached from engine_trigger('another', debounce => $1)";
    let row = session.client.query_one(task, &[&Json(key("5s"))]).await?;
    assert!(!row.get::<_, bool>(0), "another task");
    Ok(())
}

/// Spec: DB-3.
#[tokio::test]
async fn without_steps_every_trigger_puts_the_run_off() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.debounce_bucket_ms", "0").await?;
    let session = Session::open(&database).await?;
    let (run, _) = trigger(&session, key("10s"), "").await?;
    let first = due(&session, &run).await?;
    assert_eq!(trigger(&session, key("10s"), "").await?.0, run);
    assert!(due(&session, &run).await? > first);
    assert_eq!(pushes(&session).await?, 1);
    let place = "engine.run r join engine.timer t on t.id = r.id \
                 where r.queue_timestamp = r.delay_until and t.due_at = r.delay_until";
    assert_eq!(session.count(place).await?, 1);
    session.check().await
}

/// Spec: DB-3.
#[tokio::test]
async fn with_steps_a_run_is_postponed_to_the_second() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (run, _) = trigger(&session, key("10s"), "").await?;
    age(&session, &run, "5 s").await?;
    for _ in 0..3 {
        trigger(&session, key("10s"), "").await?;
    }
    let whole = "engine.run where delay_until = date_trunc('second', delay_until) \
                 and delay_until > clock_timestamp() + interval '8 s'";
    assert_eq!(session.count(whole).await?, 1);
    assert!(pushes(&session).await? <= 2, "one per second that passed");
    Ok(())
}

/// Spec: DB-7.
#[tokio::test]
async fn a_debounced_run_is_queued_when_no_trigger_postpones_it() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (run, _) = trigger(&session, key("1s"), "").await?;
    session.bring_on(&run).await?;
    assert_eq!(session.tick_of("ended_delay").await?, 1);
    assert_eq!(session.status(&run).await?.0, "QUEUED");
    let (next, is_cached) = trigger(&session, key("1s"), "").await?;
    assert!(
        next != run && !is_cached,
        "a run that is under way gives its key away"
    );
    assert_eq!(trigger(&session, key("1s"), "").await?, (next, true));
    session.check().await
}

/// A second trigger, with `more` in its debounce, of a run that was created `age_of_run` ago and is due in `delay`; the
/// server's maximum is `ceiling_ms`.
async fn second(ceiling_ms: &str, age_of_run: &str, delay: &str, more: Value) -> Result<bool> {
    let database = Database::fresh().await?;
    database.set("engine.max_debounce_ms", ceiling_ms).await?;
    let session = Session::open(&database).await?;
    let mut debounce = key(delay);
    if let (Some(debounce), Some(more)) = (debounce.as_object_mut(), more.as_object()) {
        debounce.extend(more.clone());
    }
    let (run, _) = trigger(&session, debounce.clone(), "").await?;
    age(&session, &run, age_of_run).await?;
    let (found, is_cached) = trigger(&session, debounce, "").await?;
    assert_eq!(found == run, is_cached);
    let (again, _) = trigger(&session, key(delay), "").await?;
    assert!(is_cached || again != run, "the new run has the key");
    session.check().await?;
    Ok(is_cached)
}

/// Spec: DB-9.
#[tokio::test]
async fn beyond_the_servers_ceiling_there_is_a_new_run() -> Result<()> {
    assert!(!second("3000", "2500 ms", "2s", json!({})).await?);
    Ok(())
}

/// Spec: DB-13 to DB-16.
#[tokio::test]
async fn the_last_trigger_defines_the_run_if_it_trails() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let trailing = json!({"key": "k", "delay": "1m", "mode": "trailing"});
    let first = ", payload => '1', metadata => '{\"n\": 1}', tags => '{a}', max_attempts => 3, max_duration_seconds => 60";
    let (run, _) = trigger(&session, trailing.clone(), first).await?;
    let second = ", payload => '2', metadata => '{\"n\": 2}', tags => '{b,c}', max_attempts => 5, \
                  max_duration_seconds => 120, machine => 'large-1x'";
    assert_eq!(trigger(&session, trailing.clone(), second).await?.0, run);
    let sql = "select concat_ws('|', payload, metadata, tags, max_attempts, max_duration_seconds, machine) from engine.run";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(row.get::<_, &str>(0), "2|{\"n\": 2}|{b,c}|5|120|large-1x");
    trigger(&session, trailing, ", payload => '3'").await?;
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(row.get::<_, &str>(0), "3|{\"n\": 2}|{b,c}|5|120|large-1x");

    let leading = json!({"key": "l", "delay": "1m"});
    let (run, _) = trigger(&session, leading.clone(), ", payload => '1'").await?;
    trigger(&session, leading, ", payload => '2'").await?;
    let sql = "select payload from engine.run where id = $1";
    let row = session.client.query_one(sql, &[&run]).await?;
    assert_eq!(
        row.get::<_, &str>(0),
        "1",
        "by default the first one decides"
    );
    session.check().await
}

/// Spec: DB-19 to DB-21.
#[tokio::test]
async fn the_triggers_own_ceiling_comes_before_the_servers() -> Result<()> {
    assert!(
        !second("60000", "2500 ms", "1s", json!({"maxDelay": "2s"})).await?,
        "DB-19"
    );
    assert!(!second("2000", "2500 ms", "1s", json!({})).await?, "DB-20");
    assert!(
        second("2500", "1500 ms", "2s", json!({"maxDelay": "1m"})).await?,
        "DB-21"
    );
    Ok(())
}

/// Spec: DB-22, DB-23.
#[tokio::test]
async fn a_run_is_never_put_forward_and_a_trailing_trigger_still_tells() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (run, _) = trigger(&session, key("5s"), ", payload => '1'").await?;
    let far = "update engine.run set delay_until = '2100-01-01 00:00:00+00'";
    session.client.batch_execute(far).await?;
    let before = due(&session, &run).await?;
    assert_eq!(trigger(&session, key("5s"), "").await?, (run.clone(), true));
    let trailing = json!({"key": "user-123", "delay": "5s", "mode": "trailing"});
    assert_eq!(
        trigger(&session, trailing, ", payload => '2'").await?,
        (run.clone(), true)
    );
    assert_eq!(due(&session, &run).await?, before);
    assert_eq!(pushes(&session).await?, 0);
    assert_eq!(session.count("engine.run where payload = '2'").await?, 1);
    Ok(())
}

/// Spec: DB-25.
#[tokio::test]
async fn a_trigger_that_only_postpones_does_not_wait_for_a_locked_run() -> Result<()> {
    let database = Database::fresh().await?;
    let (session, holder) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let (run, _) = trigger(&session, key("5s"), "").await?;
    age(&session, &run, "4 s").await?;
    let before = due(&session, &run).await?;
    holder
        .client
        .batch_execute("begin; select from engine.run_state for update")
        .await?;
    assert_eq!(trigger(&session, key("5s"), "").await?, (run.clone(), true));
    assert_eq!(due(&session, &run).await?, before);
    holder.client.batch_execute("commit").await?;
    trigger(&session, key("5s"), "").await?;
    assert_ne!(due(&session, &run).await?, before);
    Ok(())
}

/// Spec: DB-27.
#[tokio::test]
async fn without_a_ceiling_many_triggers_make_one_run() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (run, _) = trigger(&session, key("12h"), "").await?;
    for _ in 0..10 {
        age(&session, &run, "5 hours").await?;
        assert_eq!(
            trigger(&session, key("12h"), "").await?,
            (run.clone(), true)
        );
    }
    assert_eq!(session.count("engine.run").await?, 1);
    assert_eq!(pushes(&session).await?, 10);
    session.check().await
}

#[tokio::test]
async fn debounced_triggers_within_one_call_meet_each_other_in_their_order() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let trailing = json!({"key": "k", "delay": "1m", "mode": "trailing"});
    let runs = json!([
        {"task": "test", "payload": "1", "debounce": trailing},
        {"task": "test", "payload": "3"},
        {"task": "test", "payload": "2", "debounce": trailing},
    ]);
    let sql = "select run_id, is_cached from engine_trigger_many($1)";
    let rows = session.client.query(sql, &[&Json(runs)]).await?;
    let cached: Vec<bool> = rows.iter().map(|row| row.get(1)).collect();
    assert_eq!(cached, [false, false, true]);
    assert_eq!(rows[0].get::<_, &str>(0), rows[2].get::<_, &str>(0));
    assert_eq!(
        session
            .count("engine.run where payload in ('2', '3')")
            .await?,
        2
    );
    session.check().await
}

#[tokio::test]
async fn idempotency_comes_before_debounce() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (run, _) = trigger(&session, key("5s"), ", idempotency_key => 'a'").await?;
    age(&session, &run, "4 s").await?;
    let before = due(&session, &run).await?;
    assert_eq!(
        trigger(&session, key("5s"), ", idempotency_key => 'a'").await?,
        (run.clone(), true)
    );
    assert_eq!(
        due(&session, &run).await?,
        before,
        "found by its idempotency key: not put off"
    );
    assert_eq!(
        trigger(&session, key("5s"), ", idempotency_key => 'b'").await?,
        (run.clone(), true)
    );
    let pushed = due(&session, &run).await?;
    assert_ne!(pushed, before);
    age(&session, &run, "4 s").await?;
    let before = due(&session, &run).await?;
    assert_eq!(
        trigger(&session, key("5s"), ", idempotency_key => 'b'").await?,
        (run.clone(), true)
    );
    assert_eq!(
        due(&session, &run).await?,
        before,
        "the key that found the run stays with it"
    );
    session.check().await
}

#[tokio::test]
async fn a_debounce_that_could_postpone_nothing_is_refused_wherever_one_comes_in() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.max_debounce_ms", "5000").await?;
    database.set("engine.debounce_bucket_ms", "3600000").await?;
    let session = Session::open(&database).await?;
    for debounce in [
        r#"{"key": "k", "delay": "0s"}"#,
        r#"{"key": "k", "delay": "5s", "maxDelay": "5s"}"#,
        r#"{"key": "k", "delay": "5s", "maxDelay": "4s"}"#,
        r#"{"key": "k", "delay": "5s"}"#,
    ] {
        for call in [
            format!("select engine_trigger('t', debounce => '{debounce}')"),
            format!(r#"select engine_trigger_many('[{{"task": "t", "debounce": {debounce}}}]')"#),
        ] {
            let refused = session.refused(&call).await?;
            assert_eq!(refused.code, "22023", "{call}: {refused:?}");
            assert_eq!(refused.message, "invalid value for \"debounce\"");
        }
        let item = format!(
            r#"select error_code from engine_create_batch(1) as b,
               engine_add_to_batch(b.batch_id, '[{{"task": "t", "debounce": {debounce}}}]')"#
        );
        let code: Option<String> = session.client.query_one(&item, &[]).await?.get(0);
        assert_eq!(code.as_deref(), Some("22023"), "{item}");
    }
    // Steps that are longer than the delay are as long as it.
    let (run, _) = trigger(&session, key("2s"), "").await?;
    age(&session, &run, "3 s").await?;
    let before = due(&session, &run).await?;
    assert_eq!(trigger(&session, key("2s"), "").await?, (run.clone(), true));
    assert_ne!(due(&session, &run).await?, before, "it was not postponed");
    Ok(())
}
