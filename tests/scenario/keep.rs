//! Runs whose trigger says how long they are kept.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::json;

/// How long a run is kept of which nothing is, in milliseconds.
const DAY_MS: i64 = 86_400_000;

async fn open() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// Ends a run that was triggered with these arguments, with an output and metadata.
async fn end(session: &Session, arguments: &str) -> Result<Held> {
    let run = session
        .trigger_with(&format!("'test', '\"her input\"', {arguments}"))
        .await?;
    let held = session.take().await?;
    assert_eq!(held.run_id, run.run_id, "another run came first");
    let completion =
        json!({"ok": true, "output": "\"her output\"", "metadata": {"name": "her name"}});
    Ok(session.complete(&held, completion).await?.latest)
}

/// Makes every run older, and its timers due.
async fn later(session: &Session, days: i32) -> Result<()> {
    session.age(days).await?;
    session.lapse_timers().await
}

/// The tables in which a text occurs.
async fn tables_with(session: &Session, text: &str) -> Result<Vec<String>> {
    let rows = session.contents().await?;
    let rows = rows.iter().filter(|row| row.contains(text));
    let mut tables: Vec<String> = rows
        .filter_map(|row| row.split(' ').next().map(str::to_owned))
        .collect();
    tables.dedup();
    Ok(tables)
}

#[tokio::test]
async fn a_run_that_keeps_nothing_loses_all_but_its_status_with_its_end_and_that_after_a_day()
-> Result<()> {
    let session = open().await?;
    let run = end(
        &session,
        "keep => '0', metadata => '{\"name\": \"her name\"}', idempotency_key => 'k'",
    )
    .await?;
    assert!(!tables_with(&session, "her ").await?.is_empty());
    assert_eq!(session.tick_of("ended_keep").await?, 0, "it stays");
    assert_eq!(tables_with(&session, "her ").await?, [] as [String; 0]);
    assert_eq!(session.count("engine.snapshot").await?, 1);
    let sql =
        "select run_status::text, execution_status::text from engine.run_state where run_id = $1";
    let row = session.client.query_one(sql, &[&run.run_id]).await?;
    assert_eq!(row.get::<_, &str>(0), "COMPLETED_SUCCESSFULLY");
    assert_eq!(row.get::<_, &str>(1), "FINISHED");
    session.check().await?;
    for _ in 0..2 {
        session.lapse_timers().await?;
        session.tick().await?;
        assert!(session.exists(&run.run_id).await?, "a day has not passed");
    }
    later(&session, 1).await?;
    assert_eq!(session.tick_of("ended_keep").await?, 1);
    assert_eq!(session.tables_with_rows().await?, ["trigger_key"]);
    session.check().await
}

#[tokio::test]
async fn a_run_is_kept_as_long_as_its_trigger_says_whatever_the_policies_say() -> Result<()> {
    let session = open().await?;
    for policy in ["", "keep => '0'"] {
        let set = format!("select engine_set_retention({policy})");
        session.client.batch_execute(&set).await?;
        let run = end(&session, "keep => '3d'").await?;
        let due = "select (extract(epoch from t.due_at - s.completed_at) * 1000)::bigint \
                   from engine.timer as t join engine.run_state as s on s.run_id = t.id";
        let due: i64 = session.client.query_one(due, &[]).await?.get(0);
        assert!((3 * DAY_MS..3 * DAY_MS + 1000).contains(&due), "{due}");
        session.age(2).await?;
        assert_eq!(
            (session.sweep().await?, session.tick_of("ended_keep").await?),
            (0, 0)
        );
        assert!(!tables_with(&session, "her ").await?.is_empty());
        assert_eq!(
            session.count("engine_retention()").await?,
            1,
            "the policy alone"
        );
        later(&session, 1).await?;
        assert_eq!(session.tick_of("ended_keep").await?, 1, "{policy}");
        assert!(!session.exists(&run.run_id).await?);
        session.check().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_named_reader_of_events_reads_a_run_before_its_history_goes() -> Result<()> {
    let session = open().await?;
    session
        .client
        .batch_execute("select engine_event_reader('r')")
        .await?;
    end(&session, "keep => '0'").await?;
    session.tick().await?;
    let events = session.all_events(0).await?;
    let last = events.last().context("no events")?.position;
    assert!(events.len() > 5, "the history is there");
    let ack = format!("select engine_event_ack('r', {last})");
    session.client.batch_execute(&ack).await?;
    session.lapse_timers().await?;
    session.tick().await?;
    assert_eq!(session.count("engine.snapshot").await?, 1);
    let refused = session
        .refused(&format!("select * from engine_events({})", last - 1))
        .await?;
    assert_eq!(refused.code, "RE015");
    assert!(
        session.all_events(last).await?.is_empty(),
        "no event comes twice"
    );
    session.check().await
}

#[tokio::test]
async fn a_parent_gets_the_output_of_a_child_of_which_nothing_is_kept() -> Result<()> {
    let session = open().await?;
    let parent = session.executing("parent").await?;
    let child = format!(
        "parent_run_id => '{}', resume_parent => true, keep => '0'",
        parent.run_id
    );
    let child = end(&session, &child).await?;
    session.tick().await?;
    assert_eq!(tables_with(&session, "her input").await?, [] as [String; 0]);
    let waitpoints = session.data(&parent.run_id).await?["completedWaitpoints"].clone();
    assert_eq!(waitpoints[0]["output"], json!("\"her output\""));
    later(&session, 1).await?;
    assert_eq!(session.tick_of("ended_keep").await?, 0, "its parent lives");
    assert!(session.exists(&child.run_id).await?);
    let parent = session.latest(&parent).await?;
    session.complete(&parent, json!({"ok": true})).await?;
    session.lapse_timers().await?;
    assert_eq!(session.tick_of("ended_keep").await?, 1);
    assert_eq!(tables_with(&session, "her ").await?, [] as [String; 0]);
    session.check().await
}

#[tokio::test]
async fn a_run_of_which_nothing_is_kept_is_neither_replayed_nor_redriven() -> Result<()> {
    let session = open().await?;
    session.trigger_with("'test', keep => '0'").await?;
    let held = session.take().await?;
    let crashed = json!({"ok": false, "error": {"type": "INTERNAL_ERROR", "code": "TASK_RUN_CRASHED"}, "retry": null});
    session.complete(&held, crashed).await?;
    for call in ["engine_replay", "engine_redrive"] {
        let refused = session
            .refused(&format!("select {call}('{}')", held.run_id))
            .await?;
        assert_eq!(refused.code, "22023", "{call}");
        assert!(refused.hint.contains("with its payload"), "{refused:?}");
    }
    session.check().await
}

#[tokio::test]
async fn a_run_that_lives_again_is_kept_until_it_ends_again() -> Result<()> {
    let session = open().await?;
    session.trigger_with("'test', keep => '1h'").await?;
    let held = session.take().await?;
    let crashed = json!({"ok": false, "error": {"type": "INTERNAL_ERROR", "code": "TASK_RUN_CRASHED"}, "retry": null});
    session.complete(&held, crashed).await?;
    let redrive = format!("select engine_redrive('{}')", held.run_id);
    session.client.batch_execute(&redrive).await?;
    session.lapse_timers().await?;
    assert_eq!(session.tick_of("ended_keep").await?, 0);
    session.end_next().await?;
    assert_eq!(
        session.tick_of("ended_keep").await?,
        0,
        "its hour begins again"
    );
    later(&session, 1).await?;
    assert_eq!(session.tick_of("ended_keep").await?, 1);
    session.check().await
}

#[tokio::test]
async fn every_way_to_trigger_says_how_long_a_run_is_kept() -> Result<()> {
    let session = open().await?;
    session.trigger_with("'test', keep => '90'").await?;
    let many = r#"select engine_trigger_many('[{"task": "test", "keep": 90}, {"task": "test", "keep": "1m30s"}]')"#;
    session.client.batch_execute(many).await?;
    let batch = session.create_batch("1").await?;
    let items = json!([{"task": "test", "keep": "90s"}]);
    session.add_to_batch(&batch, items).await?;
    let schedule =
        r#"select engine_set_schedule('s', 'test', '* * * * *', options => '{"keep": "90s"}')"#;
    session.client.batch_execute(schedule).await?;
    let due = "update engine.schedule set next_at = now()";
    session.client.batch_execute(due).await?;
    session.tick().await?;
    assert_eq!(
        session
            .count("engine.run_state where keep_ms = 90000")
            .await?,
        5
    );
    for keep in ["-1", "soon", "36501d", ""] {
        let refused = session
            .refused(&format!("select engine_trigger('test', keep => '{keep}')"))
            .await?;
        assert_eq!(refused.code, "22023", "{keep}");
        assert!(refused.message.contains("\"keep\""), "{refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_begins_finished_is_kept_as_long_as_it_says() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let runs = r#"select engine_create_failed_run('{"task": "test", "keep": "90"}', '{"type": "STRING_ERROR", "raw": "no"}');
                  select engine_create_cancelled_run('{"task": "test", "keep": "90"}')"#;
    session.client.batch_execute(runs).await?;
    session.check().await?;
    session.tick().await?;
    assert_eq!(session.count("engine.run").await?, 2);
    session.lapse_timers().await?;
    session.tick().await?;
    assert_eq!(session.count("engine.run").await?, 0);
    session.check().await
}
