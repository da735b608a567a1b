//! Schedules. Their pure decisions are tested in core.

use anyhow::{Context, Result};
use engine_harness::{Database, Notices, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

/// Moves the clock: the next run of a schedule is due now.
async fn come(session: &Session) -> Result<()> {
    let sql = "update engine.schedule set next_at = clock_timestamp() where next_at is not null";
    session.client.batch_execute(sql).await?;
    Ok(())
}

/// Payloads of all runs, in the order in which they were made.
async fn payloads(session: &Session) -> Result<Vec<Value>> {
    let sql = "select r.payload::jsonb from engine.run r join engine.snapshot s on s.run_id = r.id and s.ordinal = 1 \
               order by s.position";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, Json<Value>>(0).0)
        .collect())
}

/// Seconds between two times in JSON.
async fn seconds(session: &Session, from: &Value, to: &Value) -> Result<f64> {
    let sql = "select extract(epoch from $2::text::timestamptz - $1::text::timestamptz)::float8";
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = session
        .client
        .query_one(sql, &[&text(from), &text(to)])
        .await?;
    Ok(row.get(0))
}

/// Spec: SC-1.
#[tokio::test]
async fn a_schedule_makes_a_run_at_each_tick_and_names_the_tick() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.schedule_ahead_ms", "10000").await?;
    let session = Session::open(&database).await?;
    let set = "select engine_set_schedule('sched_1', 'report', '* * * * *', timezone => 'Europe/Berlin', external_id => 'mine', \
               payload => '{\"n\": 1}', options => '{\"queue\": \"reports\", \"tags\": [\"nightly\"]}')";
    session.client.query(set, &[]).await?;
    let ahead = "engine.schedule where next_at between next_nominal_at - interval '10 s' and next_nominal_at \
                 and next_effective_at = next_nominal_at and next_nominal_at between now() and now() + interval '61 s'";
    assert_eq!(session.count(ahead).await?, 1);
    assert_eq!(session.count("engine.next_run").await?, 1);
    for _ in 0..2 {
        come(&session).await?;
        assert_eq!(session.tick_of("begun_schedule").await?, 1);
    }
    let payloads = payloads(&session).await?;
    assert_eq!(payloads.len(), 2);
    assert_eq!(
        seconds(
            &session,
            &payloads[0]["timestamp"],
            &payloads[1]["timestamp"]
        )
        .await?,
        60.0
    );
    assert_eq!(payloads[0].get("lastTimestamp"), None);
    assert_eq!(payloads[1]["lastTimestamp"], payloads[0]["timestamp"]);
    for (key, value) in [
        ("scheduleId", json!("sched_1")),
        ("externalId", json!("mine")),
        ("timezone", json!("Europe/Berlin")),
        ("payload", json!({"n": 1})),
        ("type", json!("IMPERATIVE")),
    ] {
        assert_eq!(payloads[1][key], value, "{key}");
    }
    assert_eq!(payloads[1]["upcoming"].as_array().map(Vec::len), Some(10));
    assert_eq!(
        seconds(
            &session,
            &payloads[1]["timestamp"],
            &payloads[1]["upcoming"][0]
        )
        .await?,
        60.0
    );
    let runs = "engine.run where task = 'report' and queue = 'reports' and tags = '{nightly}' \
                and queue_timestamp = (payload::jsonb ->> 'timestamp')::timestamptz \
                and annotations ->> 'rootScheduleId' = 'sched_1'";
    assert_eq!(session.count(runs).await?, 2);
    assert_eq!(
        session.dequeue().await?,
        None,
        "made ahead of its time, and claimed at its time"
    );
    session.check().await
}

/// Spec: SC-2.
#[tokio::test]
async fn what_is_not_spread_begins_with_its_tick_and_has_no_phase() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .client
        .query("select engine_set_schedule('s', 'test', '* * * * *')", &[])
        .await?;
    come(&session).await?;
    session.tick().await?;
    let sql = "select phase, next_effective_at = next_nominal_at and next_at = next_nominal_at, \
                      next_nominal_at > clock_timestamp(), last_nominal_at, \
                      (select (payload::jsonb ->> 'timestamp')::timestamptz from engine.run) = last_nominal_at, \
                      last_run_id = (select id from engine.run) from engine.schedule";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(row.get::<_, Option<i32>>(0), None);
    for column in [1, 2, 4, 5] {
        assert!(row.get::<_, bool>(column), "{column}");
    }
    Ok(())
}

/// Spec: SC-3.
#[tokio::test]
async fn a_schedule_that_is_spread_keeps_its_phase_and_its_place_until_its_times_change()
-> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.schedule_spread", "1").await?;
    database
        .set("engine.schedule_secret", "test-secret")
        .await?;
    let session = Session::open(&database).await?;
    session
        .client
        .query("select engine_set_environment('env_789')", &[])
        .await?;
    let set = |more: &str| {
        format!(
            "select engine_set_schedule('daily-report', 'test', '0 3 * * *', environment_id => 'env_789', spread_window => '2h'{more})"
        )
    };
    session.client.query(&set(""), &[]).await?;
    let state = "select phase::text || ' ' || next_nominal_at || ' ' || next_effective_at from engine.schedule";
    let first: String = session.client.query_one(state, &[]).await?.get(0);
    assert!(first.starts_with("43063717 "), "{first}");
    let offset = "engine.schedule where next_effective_at - next_nominal_at = interval '144.382 s'";
    assert_eq!(
        session.count(offset).await?,
        1,
        "43063717 / 2^31 of two hours"
    );
    session.client.query(&set(", payload => '1'"), &[]).await?;
    let same: String = session.client.query_one(state, &[]).await?.get(0);
    assert_eq!(same, first, "nothing about its times has changed");
    session
        .client
        .batch_execute("update engine.schedule set phase = 0")
        .await?;
    session
        .client
        .query(&set(", timezone => 'Asia/Tokyo'"), &[])
        .await?;
    let moved: String = session.client.query_one(state, &[]).await?.get(0);
    assert!(moved.starts_with("0 ") && moved != first, "{moved}");
    come(&session).await?;
    session.tick().await?;
    let exact = "engine.run r, engine.schedule s where r.queue_timestamp = s.last_nominal_at";
    assert_eq!(session.count(exact).await?, 1, "phase 0 is the tick itself");
    Ok(())
}

/// Spec: SC-5 to SC-8.
#[tokio::test]
async fn a_schedule_is_its_own_job_and_needs_no_recovery() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    assert_eq!(
        session.tick_of("begun_schedule").await?,
        0,
        "none is no error"
    );
    for id in ["a", "b", "c"] {
        let set = format!("select engine_set_schedule('{id}', 'test', '0 9 * * *')");
        session.client.query(&set, &[]).await?;
    }
    assert_eq!(session.count("engine.next_run").await?, 3);
    come(&session).await?;
    assert_eq!(session.tick_of("begun_schedule").await?, 3);
    assert_eq!(session.count("engine.next_run").await?, 3);
    session.check().await
}

#[tokio::test]
async fn a_schedule_is_switched_off_and_on_and_deleted() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .client
        .query("select engine_set_schedule('s', 'test', '* * * * *')", &[])
        .await?;
    let off =
        "select active, next_nominal_at is null from engine_set_schedule('s', active => false)";
    let row = session.client.query_one(off, &[]).await?;
    assert_eq!(
        (row.get::<_, bool>(0), row.get::<_, bool>(1)),
        (false, true)
    );
    assert_eq!(session.count("engine.next_run").await?, 0);
    assert_eq!(session.count("engine_upcoming_runs('s')").await?, 0);
    assert_eq!(session.tick_of("begun_schedule").await?, 0);
    let on = "select next_nominal_at > now() from engine_set_schedule('s', active => true)";
    assert!(session.client.query_one(on, &[]).await?.get::<_, bool>(0));
    for expected in [true, false] {
        let row = session
            .client
            .query_one("select engine_delete_schedule('s')", &[])
            .await?;
        assert_eq!(row.get::<_, bool>(0), expected);
    }
    assert_eq!(
        session
            .refused("select engine_upcoming_runs('s')")
            .await?
            .code,
        "RE014"
    );
    session.check().await
}

#[tokio::test]
async fn a_tick_that_was_missed_is_caught_up_on_once() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .client
        .query("select engine_set_schedule('s', 'test', '0 * * * *')", &[])
        .await?;
    // The tick was not called for five hours.
    let late = "update engine.schedule set next_nominal_at = date_trunc('hour', now()) - interval '5 hours', \
                next_effective_at = date_trunc('hour', now()) - interval '5 hours', next_at = now() - interval '5 hours'";
    session.client.batch_execute(late).await?;
    assert_eq!(session.tick_of("begun_schedule").await?, 1);
    assert_eq!(session.tick_of("begun_schedule").await?, 0);
    let next = "engine.schedule where next_nominal_at = date_trunc('hour', now()) + interval '1 hour' \
                and last_nominal_at = date_trunc('hour', now()) - interval '5 hours'";
    assert_eq!(session.count(next).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_refused_is_skipped_and_the_schedule_continues() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .client
        .query("select engine_set_environment('env')", &[])
        .await?;
    for (id, environment) in [("gone", "env"), ("here", "default")] {
        let set = format!(
            "select engine_set_schedule('{id}', 'test', '* * * * *', environment_id => '{environment}')"
        );
        session.client.query(&set, &[]).await?;
    }
    session
        .client
        .query(
            "select engine_set_environment('env', archived => true)",
            &[],
        )
        .await?;
    come(&session).await?;
    assert_eq!(session.tick_of("begun_schedule").await?, 2);
    assert_eq!(session.count("engine.run").await?, 1);
    let why = "engine.next_run where schedule_id = 'gone' and last_error like '%archived%' and last_nominal_at is null";
    assert_eq!(session.count(why).await?, 1);
    session
        .client
        .query(
            "select engine_set_environment('env', archived => false)",
            &[],
        )
        .await?;
    come(&session).await?;
    session.tick().await?;
    assert_eq!(session.count("engine.run").await?, 3);
    assert_eq!(
        session
            .count("engine.next_run where last_error is null")
            .await?,
        2
    );
    session.check().await
}

#[tokio::test]
async fn the_next_ticks_of_a_schedule_can_be_seen() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let set = "select engine_set_schedule('s', 'test', '0 23 L * *', 'America/New_York')";
    session.client.query(set, &[]).await?;
    let sql = "select string_agg(to_char(nominal_at at time zone 'America/New_York', 'DD HH24:MI'), ',' order by nominal_at), \
                      bool_and(nominal_at = effective_at), min(nominal_at) = (select next_nominal_at from engine.schedule), \
                      count(*) \
               from engine_upcoming_runs('s', 24)";
    let row = session.client.query_one(sql, &[]).await?;
    let days: &str = row.get(0);
    assert!(
        days.split(',')
            .all(|day| ["28 23:00", "29 23:00", "30 23:00", "31 23:00"].contains(&day)),
        "{days}"
    );
    assert!(row.get::<_, bool>(1) && row.get::<_, bool>(2));
    assert_eq!(row.get::<_, i64>(3), 24);
    Ok(())
}

#[tokio::test]
async fn a_schedule_whose_tick_is_at_work_is_changed_afterwards() -> Result<()> {
    let database = Database::fresh().await?;
    let (ticker, owner) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    owner
        .client
        .query("select engine_set_schedule('s', 'test', '* * * * *')", &[])
        .await?;
    come(&owner).await?;
    ticker.client.batch_execute("begin").await?;
    assert_eq!(ticker.tick_of("begun_schedule").await?, 1);
    let pid = engine_harness::condition::backend_pid(&owner.client).await?;
    let change = tokio::spawn(async move {
        owner
            .client
            .query_one("select engine_set_schedule('s', cron => '0 0 1 1 *')", &[])
            .await?;
        Ok::<_, anyhow::Error>(owner)
    });
    engine_harness::condition::waits_for_lock(&Session::open(&database).await?.client, pid).await?;
    ticker.client.batch_execute("commit").await?;
    let owner = change.await?.context("the change failed")?;
    let both = "engine.schedule where cron = '0 0 1 1 *' and last_run_id is not null \
                and date_trunc('year', next_nominal_at at time zone 'UTC') = next_nominal_at at time zone 'UTC'";
    assert_eq!(owner.count(both).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_schedule_that_is_to_be_spread_and_cannot_be_is_told_of() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.schedule_spread", "1").await?;
    let set = |id: &str| format!("select engine_set_schedule('{id}', 't', '0 * * * *')");
    let (session, mut told) = Notices::open(&database).await?;
    session.client.query(&set("bare"), &[]).await?;
    let warning = "WARNING: the schedule is not spread: engine.schedule_spread is set, and engine.schedule_secret is not";
    assert_eq!(told.take(), [warning]);
    database.set("engine.schedule_secret", "secret").await?;
    let (session, mut told) = Notices::open(&database).await?;
    session.client.query(&set("spread"), &[]).await?;
    assert_eq!(told.take(), [""; 0]);
    // It has its place now, which it keeps.
    database.set("engine.schedule_secret", "").await?;
    let (session, mut told) = Notices::open(&database).await?;
    session.client.query(&set("spread"), &[]).await?;
    assert_eq!(told.take(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_run_that_an_operator_asks_for_is_as_that_of_a_tick_and_moves_no_tick() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let set = "select engine_set_schedule('s', 'report', '0 3 * * *', payload => '{\"n\": 1}', active => $1, \
               options => '{\"queue\": \"reports\", \"tags\": [\"nightly\"]}')";
    let state = "select md5(s::text) from engine.schedule as s";
    for (number, is_active) in [(1, true), (2, false)] {
        session.client.query(set, &[&is_active]).await?;
        let before: String = session.client.query_one(state, &[]).await?.get(0);
        let run = "select run_id, is_cached from engine_run_schedule('s')";
        let row = session.client.query_one(run, &[]).await?;
        assert!(!row.get::<_, bool>(1));
        let after: String = session.client.query_one(state, &[]).await?.get(0);
        assert_eq!(before, after, "the schedule has changed");
        let made = payloads(&session).await?;
        assert_eq!(made.len(), number);
        assert_eq!(
            (
                &made[number - 1]["scheduleId"],
                &made[number - 1]["payload"]
            ),
            (&json!("s"), &json!({"n": 1}))
        );
        let upcoming = made[number - 1]["upcoming"].as_array();
        assert_eq!(upcoming.map(Vec::len), Some(10));
    }
    let like_a_tick = "engine.run where task = 'report' and queue = 'reports' and tags = array['nightly'] \
                       and annotations ->> 'rootScheduleId' = 's'";
    assert_eq!(session.count(like_a_tick).await?, 2);
    assert!(session.dequeue().await?.is_some());
    session.check().await
}
