//! Readers of events whose position the engine keeps, and what readers are told when events were removed.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::json;

/// A session, and the positions of the events of `runs` runs that have ended.
async fn ended(runs: usize) -> Result<(Session, Vec<i64>)> {
    let session = Session::open(&Database::fresh().await?).await?;
    let positions = end(&session, runs).await?;
    Ok((session, positions))
}

/// Has `runs` runs end, and returns the positions of all events.
async fn end(session: &Session, runs: usize) -> Result<Vec<i64>> {
    for _ in 0..runs {
        session.trigger("test").await?;
        let held = session.take().await?;
        session.complete(&held, json!({"ok": true})).await?;
    }
    let events = session.all_events(0).await?;
    Ok(events.iter().map(|event| event.position).collect())
}

/// Has readers know that events up to a position were removed.
async fn remove_up_to(session: &Session, position: i64) -> Result<()> {
    let sql = "insert into engine.event_horizon values (0, $1, now()) \
               on conflict (shard) do update set position = excluded.position";
    session.client.execute(sql, &[&position]).await?;
    Ok(())
}

/// The position of a reader, which `call` returns.
async fn position(session: &Session, call: &str) -> Result<i64> {
    let sql = format!("select position from {call}");
    Ok(session.client.query_one(&sql, &[]).await?.get(0))
}

#[tokio::test]
async fn a_position_before_what_is_kept_is_refused_with_the_first_that_can_be_read() -> Result<()> {
    let (session, positions) = ended(2).await?;
    let (removed, rest) = positions.split_at(4);
    let horizon = *removed.last().context("no events")?;
    remove_up_to(&session, horizon).await?;
    for after in [0, removed[0], removed[2]] {
        let refused = session
            .refused(&format!("select * from engine_events({after}, 1)"))
            .await?;
        assert_eq!(refused.code, "RE015");
        let first = format!("The first position that can be read is {}.", horizon + 1);
        assert_eq!(refused.detail, first);
        assert!(
            refused.hint.contains(&format!("after {horizon},")),
            "{refused:?}"
        );
    }
    let next = session.all_events(horizon).await?;
    let read: Vec<i64> = next.iter().map(|event| event.position).collect();
    assert_eq!(read, rest);
    let first = position(&session, "engine_events(max_events => 1)").await?;
    assert_eq!(
        first, rest[0],
        "without a position it begins with what is kept"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_removed_while_a_transaction_keeps_its_snapshot_is_not_skipped_silently()
-> Result<()> {
    let database = Database::fresh().await?;
    let [session, other] = [
        Session::open(&database).await?,
        Session::open(&database).await?,
    ];
    let positions = end(&session, 1).await?;
    session
        .client
        .batch_execute("begin isolation level repeatable read; select count(*) from engine.run")
        .await?;
    remove_up_to(&other, positions[2]).await?;
    let refused = session.refused("select * from engine_events(1)").await?;
    assert_eq!(refused.code, "RE015");
    Ok(())
}

#[tokio::test]
async fn a_named_reader_continues_where_it_has_acknowledged() -> Result<()> {
    let (session, positions) = ended(1).await?;
    assert_eq!(position(&session, "engine_event_reader('r')").await?, 0);
    let third = positions[2];
    let ack = format!("engine_event_ack('r', {third})");
    assert_eq!(position(&session, &ack).await?, third);
    assert_eq!(position(&session, "engine_event_reader('r')").await?, third);
    let back = format!("engine_event_ack('r', {})", positions[0]);
    assert_eq!(
        position(&session, &back).await?,
        third,
        "it never goes back"
    );
    session.client.batch_execute("begin").await?;
    position(
        &session,
        &format!("engine_event_ack('r', {})", positions[4]),
    )
    .await?;
    session.client.batch_execute("rollback").await?;
    assert_eq!(position(&session, "engine_event_reader('r')").await?, third);

    let late = format!("engine_event_reader('late', after => {third})");
    assert_eq!(position(&session, &late).await?, third);
    remove_up_to(&session, third).await?;
    assert_eq!(
        position(&session, "engine_event_reader('new')").await?,
        third
    );
    let refused = session
        .refused("select engine_event_reader('old', after => 1)")
        .await?;
    assert_eq!(refused.code, "RE015");
    session.check().await
}

#[tokio::test]
async fn a_reader_is_deleted_and_an_unknown_one_acknowledges_nothing() -> Result<()> {
    let (session, positions) = ended(1).await?;
    let refused = session.refused("select engine_event_ack('r', 0)").await?;
    assert_eq!(refused.code, "RE016");
    position(&session, "engine_event_reader('r', 60000)").await?;
    let future = positions.iter().max().context("no events")? + 100;
    for call in [
        format!("engine_event_ack('r', {future})"),
        "engine_event_ack('r', -1)".to_owned(),
        format!("engine_event_reader('s', after => {future})"),
        "engine_event_reader('s', 10)".to_owned(),
        "engine_event_reader('')".to_owned(),
    ] {
        let refused = session.refused(&format!("select {call}")).await?;
        assert_eq!(refused.code, "22023", "{call}");
    }
    let lag = "select max_lag_ms from engine_event_reader('r', $1)";
    for (given, kept) in [
        (None, 60_000),
        (Some(90_000_i64), 90_000_i64),
        (None, 90_000),
    ] {
        let row = session.client.query_one(lag, &[&given]).await?;
        assert_eq!(row.get::<_, i64>(0), kept);
    }
    for existed in [true, false] {
        let delete = "select engine_delete_event_reader('r')";
        let row = session.client.query_one(delete, &[]).await?;
        assert_eq!(row.get::<_, bool>(0), existed);
    }
    assert_eq!(session.count("engine.event_reader").await?, 0);
    Ok(())
}

#[tokio::test]
async fn operators_see_how_far_each_reader_is_behind() -> Result<()> {
    let (session, positions) = ended(2).await?;
    position(&session, "engine_event_reader('r', 1000)").await?;
    let lag =
        "select lag, oldest_age is not null, has_missed from engine.event_reader where name = 'r'";
    let row = session.client.query_one(lag, &[]).await?;
    assert_eq!(row.get::<_, i64>(0), 8, "rows of history");
    assert_eq!((row.get(1), row.get(2)), (true, false));

    let advice = "engine.advice where kind = 'event_reader' and subject = 'r' and is_problem";
    let aged = "update engine.snapshot set created_at = created_at - interval '1 hour'";
    session.client.batch_execute(aged).await?;
    assert_eq!(
        session.count(advice).await?,
        1,
        "older than what is kept for it"
    );
    remove_up_to(&session, positions[3]).await?;
    let missed = format!("{advice} and detail like 'Events were removed%'");
    assert_eq!(session.count(&missed).await?, 1);

    let last = positions.last().context("no events")?;
    position(&session, &format!("engine_event_ack('r', {last})")).await?;
    let row = session.client.query_one(lag, &[]).await?;
    assert_eq!(row.get::<_, i64>(0), 0);
    assert_eq!((row.get(1), row.get(2)), (false, false));
    assert_eq!(session.count(advice).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_reader_that_lags_holds_removal_back_up_to_its_bound() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let first = session.ended("'test'").await?.run_id;
    let last = session.all_events(0).await?.pop().context("no events")?;
    let second = session.ended("'test'").await?.run_id;
    position(&session, "engine_event_reader('r', 3600000)").await?;
    position(&session, "engine_event_reader('slow', 3600000)").await?;
    session.age(8).await?;
    assert_eq!(session.sweep().await?, 0, "both have not read anything");
    position(
        &session,
        &format!("engine_event_ack('r', {})", last.position),
    )
    .await?;
    assert_eq!(session.sweep().await?, 0, "one of them has not");
    position(
        &session,
        &format!("engine_event_ack('slow', {})", last.position - 1),
    )
    .await?;
    assert_eq!(session.sweep().await?, 0, "one event is left");
    session
        .client
        .batch_execute("select engine_delete_event_reader('slow')")
        .await?;
    assert_eq!(session.sweep().await?, 1);
    assert!(!session.exists(&first).await? && session.exists(&second).await?);
    let rest = session.all_events(last.position).await?;
    assert!(!rest.is_empty() && rest.iter().all(|event| event.run_id == second));

    let bound = "update engine.snapshot set created_at = created_at - interval '2 hours'";
    session.client.batch_execute(bound).await?;
    assert_eq!(session.sweep().await?, 1, "older than its bound");
    let refused = session
        .refused(&format!("select engine_events({})", last.position))
        .await?;
    let horizon = rest.last().context("no events")?.position;
    assert_eq!(refused.code, "RE015");
    let first = format!("The first position that can be read is {}.", horizon + 1);
    assert_eq!(refused.detail, first);
    assert!(session.all_events(horizon).await?.is_empty());
    session.check().await
}
