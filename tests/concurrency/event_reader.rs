//! Named readers beside what removes events.

use std::time::Duration;

use anyhow::Result;
use engine_harness::Database;
use engine_harness::condition::{backend_pid, eventually, waits_for_lock};
use serde_json::json;

use crate::event::sessions;

#[tokio::test]
async fn a_reader_begins_behind_the_removal_that_is_under_way() -> Result<()> {
    let [remover, observer, reader] = sessions(&Database::fresh().await?).await?;
    remover.trigger("test").await?;
    let held = remover.take().await?;
    remover.complete(&held, json!({"ok": true})).await?;
    let last = remover
        .all_events(0)
        .await?
        .pop()
        .map(|event| event.position);
    let forget = format!(
        "begin; select engine_forget('{}', dry_run => false)",
        held.run_id
    );
    remover.client.batch_execute(&forget).await?;
    let pid = backend_pid(&reader.client).await?;
    let created = tokio::spawn(async move {
        let sql = "select position from engine_event_reader('r')";
        let row = reader.client.query_one(sql, &[]).await?;
        anyhow::Ok(row.get::<_, i64>(0))
    });
    waits_for_lock(&observer.client, pid).await?;
    remover.client.batch_execute("commit").await?;
    assert_eq!(Some(created.await??), last);
    Ok(())
}

#[tokio::test]
async fn a_reader_that_is_being_created_delays_a_removal_and_is_not_passed() -> Result<()> {
    let [creator, observer, remover] = sessions(&Database::fresh().await?).await?;
    creator.trigger("test").await?;
    let held = creator.take().await?;
    creator.complete(&held, json!({"ok": true})).await?;
    let create = "begin; select engine_event_reader('r')";
    creator.client.batch_execute(create).await?;
    let pid = backend_pid(&remover.client).await?;
    let forget = tokio::spawn(async move {
        let sql = "select outcome from engine_forget($1, dry_run => false)";
        let row = remover.client.query_one(sql, &[&held.run_id]).await?;
        anyhow::Ok(row.get::<_, String>(0))
    });
    waits_for_lock(&observer.client, pid).await?;
    creator.client.batch_execute("commit").await?;
    assert_eq!(forget.await??, "unread");
    Ok(())
}

#[tokio::test]
async fn sessions_that_create_one_reader_at_once_get_the_same() -> Result<()> {
    let database = Database::fresh().await?;
    let [first, second] = sessions(&database).await?;
    let sql = "begin; select engine_event_reader('r', 60000)";
    first.client.batch_execute(sql).await?;
    let pid = backend_pid(&second.client).await?;
    let other = tokio::spawn(async move {
        let sql = "select max_lag_ms from engine_event_reader('r', 70000)";
        let row = second.client.query_one(sql, &[]).await?;
        anyhow::Ok(row.get::<_, i64>(0))
    });
    let [observer] = sessions(&database).await?;
    waits_for_lock(&observer.client, pid).await?;
    first.client.batch_execute("commit").await?;
    assert_eq!(other.await??, 70_000, "a bound that is given applies");
    Ok(())
}

#[tokio::test]
async fn a_read_from_the_first_kept_event_on_returns_however_fast_events_are_removed() -> Result<()>
{
    let database = Database::fresh().await?;
    let [reader, remover] = sessions(&database).await?;
    let fill = "select c.run_id from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 'gone')) from generate_series(1, 1000))) as t, \
                engine_cancel(t.run_id) as c";
    for _ in 0..6 {
        reader.client.query(fill, &[]).await?;
    }
    let pid = backend_pid(&remover.client).await?;
    let remove = "do $$ declare run text; begin \
                  for run in select id from engine.run order by id loop \
                  perform engine_forget(run, dry_run => false); commit; end loop; end $$";
    let removal = tokio::spawn(async move { remover.client.batch_execute(remove).await });
    eventually("events are removed", Duration::from_secs(10), async || {
        let removed = "engine.event_horizon where position > 0";
        Ok(reader.count(removed).await? == 1)
    })
    .await?;
    for _ in 0..5 {
        let read = reader
            .client
            .query("select from engine_events()", &[])
            .await?;
        assert!(!read.is_empty(), "events are left");
        let left = reader.count("engine.run").await?;
        assert!(left > 0, "a read took until nothing was removed any more");
    }
    let end = "select pg_terminate_backend($1)";
    reader.client.query_one(end, &[&pid]).await?;
    assert!(removal.await?.is_err(), "it removes until it is ended");
    reader.check().await
}
