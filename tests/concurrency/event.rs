//! A reader of events beside their writers: it skips none, in whatever order they commit.

use anyhow::{Context, Result};
use engine_harness::condition::{backend_pid, waits_for_lock};
use engine_harness::{Cluster, Database, Event, Options, Session};
use serde_json::json;

pub(crate) async fn sessions<const N: usize>(database: &Database) -> Result<[Session; N]> {
    let mut sessions = Vec::new();
    for _ in 0..N {
        sessions.push(Session::open(database).await?);
    }
    sessions.try_into().ok().context("as many as were opened")
}

fn runs(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.run_id.as_str()).collect()
}

#[tokio::test]
async fn what_commits_before_an_earlier_transaction_is_read_after_it() -> Result<()> {
    let [slow, fast, reader] = sessions(&Database::fresh().await?).await?;
    slow.client.batch_execute("begin").await?;
    let first = slow.trigger("test").await?.run_id;
    let second = fast.trigger("test").await?.run_id;
    assert_eq!(
        reader.events(0, 100).await?,
        [],
        "the first one may still commit"
    );
    slow.client.batch_execute("commit").await?;
    let events = reader.all_events(0).await?;
    assert_eq!(runs(&events), [&first, &first, &second, &second]);
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_rolls_back_holds_nothing_up_and_leaves_nothing() -> Result<()> {
    let [slow, fast, reader] = sessions(&Database::fresh().await?).await?;
    slow.client.batch_execute("begin").await?;
    slow.trigger("test").await?;
    let kept = fast.trigger("test").await?.run_id;
    assert_eq!(reader.events(0, 100).await?, []);
    slow.client.batch_execute("rollback").await?;
    assert_eq!(runs(&reader.all_events(0).await?), [&kept, &kept]);

    // Far more positions are lost than a reader reads at once.
    let lost = "begin; select count(*) from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, 500))); rollback";
    slow.client.batch_execute(lost).await?;
    let behind = fast.trigger("test").await?.run_id;
    reader.all_events(0).await?;
    let last = reader
        .events(0, 2)
        .await?
        .last()
        .context("no event")?
        .position;
    assert_eq!(runs(&reader.events(last, 1).await?), [&behind]);
    Ok(())
}

#[tokio::test]
async fn a_savepoint_takes_its_events_back_and_the_rest_stays_in_order() -> Result<()> {
    let [writer, other, reader] = sessions(&Database::fresh().await?).await?;
    writer.client.batch_execute("begin").await?;
    let first = writer.trigger("test").await?.run_id;
    writer.client.batch_execute("savepoint s").await?;
    writer.trigger("test").await?;
    let between = other.trigger("test").await?.run_id;
    writer.client.batch_execute("rollback to s").await?;
    let last = writer.trigger("test").await?.run_id;
    assert_eq!(reader.events(0, 100).await?, []);
    writer.client.batch_execute("commit").await?;
    let events = reader.all_events(0).await?;
    assert_eq!(
        runs(&events),
        [&first, &first, &between, &between, &last, &last]
    );
    Ok(())
}

#[tokio::test]
async fn a_reader_that_continues_while_a_transaction_is_open_misses_none_of_its_events()
-> Result<()> {
    let [slow, fast, reader] = sessions(&Database::fresh().await?).await?;
    let before = fast.trigger("test").await?.run_id;
    let events = reader.all_events(0).await?;
    assert_eq!(runs(&events), [&before, &before]);
    let after = events[1].position;
    slow.client.batch_execute("begin").await?;
    let first = slow.trigger("test").await?.run_id;
    let held = fast.take().await?;
    fast.complete(&held, json!({"ok": true})).await?;
    assert_eq!(reader.events(after, 1).await?, []);
    assert_eq!(reader.events(after, 1000).await?, []);
    slow.client.batch_execute("commit").await?;
    let events = reader.all_events(after).await?;
    assert_eq!(runs(&events[..2]), [&first, &first]);
    assert_eq!(events.len(), 2 + 6);
    Ok(())
}

#[tokio::test]
async fn what_commits_while_a_reader_begins_to_read_does_not_pass_what_is_still_open() -> Result<()>
{
    let database = Database::fresh().await?;
    let [slow, fast, gate, reader] = sessions(&database).await?;
    reader.events(0, 1).await?;
    slow.client.batch_execute("begin").await?;
    let first = slow.trigger("test").await?.run_id;
    // The reader has begun, and waits for the lock of a table that writers of snapshots do not need.
    gate.client
        .batch_execute("begin; lock table engine.notice")
        .await?;
    let pid = backend_pid(&reader.client).await?;
    let read = tokio::spawn(async move { (reader.events(0, 100).await, reader) });
    waits_for_lock(&fast.client, pid).await?;
    let second = fast.trigger("test").await?.run_id;
    gate.client.batch_execute("rollback").await?;
    let (events, reader) = read.await?;
    assert_eq!(events?, [], "the first one may still commit");
    slow.client.batch_execute("commit").await?;
    assert_eq!(
        runs(&reader.all_events(0).await?),
        [&first, &first, &second, &second]
    );
    Ok(())
}

#[tokio::test]
async fn an_event_that_is_held_back_is_not_skipped_by_a_reader_of_few_in_an_old_snapshot()
-> Result<()> {
    // No other session may hold events back here.
    let cluster = Cluster::start(Options::quick()).await?;
    let [slow, fast, reader] = sessions(&cluster.database().await?).await?;
    let first = fast.trigger("test").await?.run_id;
    let second = fast.trigger("test").await?.run_id;
    slow.client.batch_execute("begin").await?;
    slow.trigger("test").await?;
    let xid: i64 = slow
        .client
        .query_one("select pg_current_xact_id()::text::bigint", &[])
        .await?
        .get(0);
    // As if the writer of the first event had been delayed after it drew its position: others began, one of which is
    // still there, before it read its horizon.
    let late = "update engine.snapshot set horizon = $2 where run_id = $1";
    fast.client.execute(late, &[&first, &(xid + 1)]).await?;
    for max_events in [1, 2, 100] {
        reader
            .client
            .batch_execute("begin isolation level repeatable read")
            .await?;
        let events = reader.events(0, max_events).await?;
        reader.client.batch_execute("commit").await?;
        assert!(
            events.first().is_none_or(|event| event.run_id == first),
            "the first event is passed by a reader of {max_events}: {events:?}"
        );
    }
    slow.client.batch_execute("rollback").await?;
    assert_eq!(
        runs(&reader.all_events(0).await?),
        [&first, &first, &second, &second]
    );
    reader.check().await
}

/// Opens a transaction that has an id and writes no event, by the given statement.
pub(crate) async fn open(session: &Session, statement: &str) -> Result<()> {
    session.client.batch_execute("begin").await?;
    session.client.batch_execute(statement).await?;
    let sql = "select pg_current_xact_id()";
    session.client.batch_execute(sql).await?;
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_writes_no_events_holds_nothing_back() -> Result<()> {
    let database = Database::fresh().await?;
    let [beating, idle, writer, reader] = sessions(&database).await?;
    let [elsewhere] = sessions(&Database::fresh().await?).await?;
    let held = {
        writer.trigger("test").await?;
        writer.take().await?
    };
    let beat = format!(
        "select engine_heartbeat('{}', '{}')",
        held.run_id, held.snapshot_id
    );
    open(&beating, &beat).await?;
    open(&idle, "create table other (a integer)").await?;
    elsewhere.client.batch_execute("begin").await?;
    elsewhere.trigger("test").await?;
    let last = writer.trigger("test").await?.run_id;
    let events = reader.all_events(0).await?;
    assert_eq!(
        events.last().map(|event| event.run_id.as_str()),
        Some(last.as_str()),
        "{events:?}"
    );
    let sql = "select count(*) from engine.event";
    let written: i64 = reader.client.query_one(sql, &[]).await?.get(0);
    assert_eq!(events.len() as i64, written);

    // A reader does not see its own writes before its transaction ends.
    open(&reader, "select from engine_trigger('test')").await?;
    let after = events.last().context("no event")?.position;
    assert_eq!(reader.events(after, 10).await?, []);
    reader.client.batch_execute("commit").await?;
    assert_eq!(reader.all_events(after).await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_prepared_transaction_holds_events_back_over_a_restart_too() -> Result<()> {
    let mut cluster =
        Cluster::start(Options::quick().set("max_prepared_transactions", "5")).await?;
    let database = cluster.database().await?;
    let [slow, fast] = sessions(&database).await?;
    slow.client.batch_execute("begin; savepoint s").await?;
    let first = slow.trigger("test").await?.run_id;
    slow.client
        .batch_execute("release s; prepare transaction 'slow'")
        .await?;
    let second = fast.trigger("test").await?.run_id;
    assert_eq!(fast.events(0, 100).await?, []);
    assert_eq!(advice(&fast).await?, ["slow"]);
    cluster.restart()?;
    let [reader] = sessions(&database).await?;
    let third = reader.trigger("test").await?.run_id;
    assert_eq!(reader.events(0, 100).await?, []);
    assert_eq!(advice(&reader).await?, ["slow"]);
    reader
        .client
        .batch_execute("commit prepared 'slow'")
        .await?;
    assert_eq!(
        runs(&reader.all_events(0).await?),
        [&first, &first, &second, &second, &third, &third]
    );
    assert_eq!(advice(&reader).await?, [""; 0]);
    Ok(())
}

/// The sessions that, according to the advice, hold events back.
async fn advice(session: &Session) -> Result<Vec<String>> {
    let sql = "select subject from engine.advice where kind = 'events' and age is not null";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn advice_names_the_session_that_holds_events_back() -> Result<()> {
    let [slow, later, fast] = sessions(&Database::fresh().await?).await?;
    slow.client.batch_execute("begin").await?;
    slow.trigger("test").await?;
    assert_eq!(advice(&fast).await?, [""; 0], "nothing came after it");
    later.client.batch_execute("begin").await?;
    later.trigger("test").await?;
    fast.trigger("test").await?;
    let (first, second) = (
        backend_pid(&slow.client).await?.to_string(),
        backend_pid(&later.client).await?.to_string(),
    );
    assert_eq!(advice(&fast).await?, [first]);
    slow.client.batch_execute("commit").await?;
    assert_eq!(advice(&fast).await?, [second]);
    later.client.batch_execute("rollback").await?;
    assert_eq!(advice(&fast).await?, [""; 0]);
    assert_eq!(fast.all_events(0).await?.len(), 4);
    Ok(())
}
