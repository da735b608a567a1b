//! A reader of events beside those who write them: none is skipped, whatever order they commit in.

use anyhow::{Context, Result};
use engine_harness::{Database, Event, Session};
use serde_json::json;

async fn sessions<const N: usize>(database: &Database) -> Result<[Session; N]> {
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
async fn what_commits_before_an_earlier_transaction_is_told_after_it() -> Result<()> {
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
    let told = reader.all_events(0).await?;
    assert_eq!(runs(&told), [&first, &first, &second, &second]);
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

    // Far more positions are lost than a reader asks for at once.
    let lost = "begin; select count(*) from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, 500))); rollback";
    slow.client.batch_execute(lost).await?;
    let behind = fast.trigger("test").await?.run_id;
    reader.all_events(0).await?;
    let last = reader
        .events(0, 2)
        .await?
        .last()
        .context("nothing is told")?
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
    let told = reader.all_events(0).await?;
    assert_eq!(
        runs(&told),
        [&first, &first, &between, &between, &last, &last]
    );
    Ok(())
}

#[tokio::test]
async fn a_reader_who_goes_on_while_a_transaction_is_open_misses_nothing_of_it() -> Result<()> {
    let [slow, fast, reader] = sessions(&Database::fresh().await?).await?;
    let before = fast.trigger("test").await?.run_id;
    let told = reader.all_events(0).await?;
    assert_eq!(runs(&told), [&before, &before]);
    let after = told[1].position;
    slow.client.batch_execute("begin").await?;
    let first = slow.trigger("test").await?.run_id;
    let held = fast.take().await?;
    fast.complete(&held, json!({"ok": true})).await?;
    assert_eq!(reader.events(after, 1).await?, []);
    assert_eq!(reader.events(after, 1000).await?, []);
    slow.client.batch_execute("commit").await?;
    let told = reader.all_events(after).await?;
    assert_eq!(runs(&told[..2]), [&first, &first]);
    assert_eq!(told.len(), 2 + 6);
    Ok(())
}
