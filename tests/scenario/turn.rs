//! Turns with a name: a worker that lost the answer takes the same turn again.

use anyhow::{Context, Result};
use engine_harness::condition::{backend_pid, waits_for_lock};
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};

/// A turn of worker `w`, runner `r`; `more` are further arguments.
fn turn(id: &str, completions: &[Value], max_runs: i32, more: &str) -> String {
    let completions = json!(completions);
    format!(
        "engine_work('{completions}', max_runs => {max_runs}, worker_id => 'w', runner_id => 'r', turn_id => '{id}'{more})"
    )
}

async fn refused(session: &Session, call: &str) -> Result<String> {
    Ok(session
        .refused(&format!("select * from {call}"))
        .await?
        .code)
}

fn started(rows: &[Value]) -> Vec<Held> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let started = rows.iter().filter(|row| row["kind"] == "started");
    started
        .map(|row| Held {
            run_id: text(row, "run_id"),
            snapshot_id: text(row, "snapshot_id"),
        })
        .collect()
}

fn end(held: &Held, completion: Value) -> Value {
    let mut end = completion;
    end["run_id"] = json!(held.run_id);
    end["snapshot_id"] = json!(held.snapshot_id);
    end
}

/// Takes a turn, and again: the second one returns the same and writes nothing.
async fn is_answered_again(session: &Session, text: &str) -> Result<Vec<Value>> {
    let first = session.rows_of(text).await?;
    let contents = session.contents().await?;
    assert_eq!(session.rows_of(text).await?, first);
    assert_eq!(session.contents().await?, contents);
    Ok(first)
}

#[tokio::test]
async fn a_turn_that_is_taken_again_returns_the_same_rows_and_writes_nothing() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let arguments = "'mail', '{\"to\": 1}', queue => 'q', concurrency_key => 'k', tags => array['a'], metadata => '{\"m\": 1}', \
                     trace_context => '{\"t\": 1}', max_attempts => 7, max_duration_seconds => 60, is_test => true, machine => 'micro'";
    session.trigger_with(arguments).await?;
    for _ in 0..5 {
        session.trigger_with("'test', max_attempts => 3").await?;
    }
    let first = is_answered_again(&session, &turn("a", &[], 4, "")).await?;
    let mine = started(&first);
    assert_eq!(mine.len(), 4);
    assert_eq!(first[0]["task"], "mail");
    let error = json!({"type": "STRING_ERROR", "raw": "no"});
    let stale = Held {
        snapshot_id: "old".to_owned(),
        ..mine[1].clone()
    };
    let ends = [
        end(&mine[0], json!({"ok": true, "output": "1"})),
        end(&stale, json!({"ok": true})),
        json!(7),
        end(
            &mine[1],
            json!({"ok": false, "error": error, "retry": {"delay": 3_600_000}}),
        ),
        end(&mine[1], json!({"ok": true})),
        end(
            &mine[2],
            json!({"ok": false, "error": error, "retry": {"delay": 0}}),
        ),
    ];
    let second = is_answered_again(&session, &turn("b", &ends, 5, "")).await?;
    assert_eq!(second.len(), 6 + 2);
    let codes: Vec<&Value> = second.iter().map(|row| &row["error_code"]).collect();
    let null = &Value::Null;
    assert_eq!(
        codes[..6],
        [
            null,
            &json!("RE002"),
            &json!("22004"),
            null,
            &json!("RE002"),
            null
        ]
    );
    // A turn that found nothing is not remembered: it looks again.
    assert!(session.rows_of(&turn("c", &[], 5, "")).await?.is_empty());
    session.trigger("test").await?;
    assert_eq!(session.rows_of(&turn("c", &[], 5, "")).await?.len(), 1);
    session.check().await
}

#[tokio::test]
async fn the_answer_is_that_of_the_turn_even_if_its_runs_have_moved_on() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for _ in 0..2 {
        session.trigger_with("'test', max_attempts => 3").await?;
    }
    let first = session.rows_of(&turn("a", &[], 2, "")).await?;
    let mine = started(&first);
    session.cancel(&format!("'{}'", mine[0].run_id)).await?;
    session.complete(&mine[1], json!({"ok": true})).await?;
    assert_eq!(session.rows_of(&turn("a", &[], 2, "")).await?, first);
    session.check().await
}

#[tokio::test]
async fn a_run_that_was_suspended_or_retried_is_told_again_as_it_was() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'test', max_attempts => 3").await?;
    let first = started(&session.rows_of(&turn("a", &[], 1, "")).await?).remove(0);
    let token = session.token().await?;
    let blocked = session.block(&first.run_id, &[&token]).await?;
    session.suspend(&blocked.held, "why").await?;
    session.complete_waitpoint(&token).await?;
    session.tick().await?;
    let resumed = is_answered_again(&session, &turn("b", &[], 1, "")).await?;
    assert_eq!(resumed.len(), 1);
    assert_eq!(resumed[0]["completed_waitpoints"][0]["id"], token.as_str());
    assert_ne!(resumed[0]["checkpoint"], Value::Null);
    let failure = json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": {"delay": 3_600_000}});
    session
        .rows_of(&turn("c", &[end(&started(&resumed)[0], failure)], 0, ""))
        .await?;
    session.make_due(&first.run_id).await?;
    let again = is_answered_again(&session, &turn("d", &[], 1, "")).await?;
    assert_eq!(again[0]["attempt_number"], 2);
    session.check().await
}

#[tokio::test]
async fn a_version_and_its_image_are_told_again() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = "select engine_set_environment('env', requires_version => true); \
               select engine_register_worker('env', '1', '[{\"id\": \"test\", \"machine\": \"large-1x\"}]', image => 'image:1', promote => true)";
    session.client.batch_execute(sql).await?;
    session
        .trigger_with("'test', environment_id => 'env'")
        .await?;
    let rows = is_answered_again(&session, &turn("a", &[], 1, ", worker_version => '1'")).await?;
    assert_eq!(rows[0]["image"], "image:1");
    assert_eq!(rows[0]["worker_version"], "1");
    assert_eq!(rows[0]["machine"]["name"], "large-1x");
    session.check().await
}

#[tokio::test]
async fn another_content_under_the_same_name_is_refused_and_changes_nothing() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for _ in 0..3 {
        session.trigger("test").await?;
    }
    let first = session.rows_of(&turn("a", &[], 1, "")).await?;
    let contents = session.contents().await?;
    let success = [end(&started(&first)[0], json!({"ok": true}))];
    for other in [
        turn("a", &[], 2, ""),
        turn("a", &success, 1, ""),
        turn("a", &[], 1, ", worker_queue => 'other'"),
        turn("a", &[], 1, ", environment_id => 'default'"),
        turn("a", &[], 1, ", worker_version => '1'"),
    ] {
        assert_eq!(refused(&session, &other).await?, "22023", "{other}");
    }
    // Of a worker without both ids no turn is known.
    for worker in ["", ", worker_id => 'w'", ", runner_id => 'r'"] {
        let call = format!("engine_work(turn_id => 'a'{worker})");
        assert_eq!(refused(&session, &call).await?, "22023", "{call}");
    }
    assert_eq!(session.contents().await?, contents);
    // How long it would wait is no content, and other workers have turns of their own.
    assert_eq!(
        session
            .rows_of(&turn("a", &[], 1, ", wait_ms => 5"))
            .await?,
        first
    );
    let other =
        "engine_work(max_runs => 5, worker_id => 'w', runner_id => 'other', turn_id => 'a')";
    assert_eq!(session.rows_of(other).await?.len(), 2);
    assert_eq!(session.count("engine.turn").await?, 2);
    session.check().await
}

#[tokio::test]
async fn of_two_calls_that_take_one_turn_at_a_time_one_takes_it_and_the_other_gets_its_answer()
-> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for _ in 0..4 {
        session.trigger("test").await?;
    }
    let text = turn("a", &[], 2, "");
    session.client.batch_execute("begin").await?;
    let first = session.rows_of(&text).await?;
    // Its answer is lost while it is about to commit; the second call cannot know it, and waits.
    let second = Session::open(&database).await?;
    let sql = format!("select * from {text}");
    let pid = backend_pid(&second.client).await?;
    let waiting = tokio::spawn(async move {
        let refused = second.refused(&sql).await?;
        anyhow::Ok((second, refused))
    });
    waits_for_lock(&session.client, pid).await?;
    session.client.batch_execute("commit").await?;
    let (second, refused) = waiting.await??;
    assert_eq!(refused.code, "40001");
    assert_eq!(second.rows_of(&text).await?, first);
    assert_eq!(
        session
            .count("engine.run_state where execution_status = 'EXECUTING'")
            .await?,
        2
    );
    session.check().await
}

#[tokio::test]
async fn the_tick_forgets_turns_that_are_old() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let first = session.rows_of(&turn("a", &[], 1, "")).await?;
    assert_eq!(session.tick_of("forgotten_turn").await?, 0);
    assert_eq!(session.rows_of(&turn("a", &[], 1, "")).await?, first);
    let sql = "update engine.turn set forget_at = now() - interval '1 ms' \
               where forget_at between now() + interval '1 h' and now() + interval '2 h'";
    assert_eq!(session.client.execute(sql, &[]).await?, 1);
    assert_eq!(session.tick_of("forgotten_turn").await?, 1);
    assert_eq!(session.count("engine.turn").await?, 0);
    let held = started(&first).pop().context("none has started")?;
    session.complete(&held, json!({"ok": true})).await?;
    session.check().await
}
