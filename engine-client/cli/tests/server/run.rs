//! `engine runs`: list, show, replay, reschedule.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::json;

use super::{cells, engine, prints, prints_json};

#[tokio::test]
async fn runs_are_listed_newest_first_and_by_what_they_have_in_common() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    assert_eq!(prints(&database, &["runs", "list"]).await?, "no runs\n");
    assert_eq!(prints_json(&database, &["runs", "list"]).await?, json!([]));
    for run in [
        "'a', run_id => 'r1'",
        "'b', run_id => 'r2', tags => array['x']",
        "'a', run_id => 'r3'",
    ] {
        session.trigger_with(run).await?;
    }
    session.take().await?;
    let ids = async |arguments: &[&str]| {
        let runs = prints_json(&database, &[&["runs", "list"], arguments].concat()).await?;
        let ids = runs.as_array().context("not an array")?.iter();
        let ids = ids.map(|run| run["run_id"].as_str().unwrap_or_default().to_owned());
        Ok::<_, anyhow::Error>(ids.collect::<Vec<_>>())
    };
    assert_eq!(ids(&[]).await?, ["run_r3", "run_r2", "run_r1"]);
    assert_eq!(ids(&["--task", "a"]).await?, ["run_r3", "run_r1"]);
    assert_eq!(ids(&["--tag", "x"]).await?, ["run_r2"]);
    assert_eq!(ids(&["--queue", "task/b"]).await?, ["run_r2"]);
    assert_eq!(ids(&["--status", "executing"]).await?, ["run_r1"]);
    assert_eq!(
        ids(&["--status", "EXECUTING", "--status", "pending"])
            .await?
            .len(),
        3
    );
    assert_eq!(ids(&["--environment", "other"]).await?.len(), 0);
    assert_eq!(ids(&["--limit", "1"]).await?, ["run_r3"]);
    assert_eq!(
        ids(&["--limit", "1", "--before", "run_r3"]).await?,
        ["run_r2"]
    );
    let table = prints(&database, &["runs", "list", "--task", "a"]).await?;
    let table = cells(&table);
    assert_eq!(
        table[0][..5],
        ["RUN", "TASK", "QUEUE", "STATUS", "EXECUTION"]
    );
    assert_eq!(
        table[1][..5],
        ["run_r3", "a", "task/a", "PENDING", "QUEUED"]
    );
    assert_eq!(
        table[2][..5],
        ["run_r1", "a", "task/a", "EXECUTING", "EXECUTING"]
    );
    Ok(())
}

#[tokio::test]
async fn a_run_is_shown_with_what_it_waits_for_and_its_history() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let held = session.executing("wait").await?;
    let token = session.token().await?;
    session.block(&held.run_id, &[&token]).await?;
    let run = prints_json(&database, &["runs", "show", &held.run_id]).await?;
    assert_eq!(run["run_id"], format!("run_{}", held.run_id));
    assert_eq!(run["execution_status"], "EXECUTING_WITH_WAITPOINTS");
    assert_eq!(
        run["waits_for"][0]["waitpoint_id"],
        format!("waitpoint_{}", token.trim_start_matches("waitpoint_"))
    );
    let history = run["history"].as_array().context("no history")?.iter();
    let history: Vec<_> = history.map(|snapshot| &snapshot["transition"]).collect();
    assert_eq!(history, ["TRIGGERED", "DEQUEUED", "STARTED", "BLOCKED"]);
    let text = prints(&database, &["runs", "show", &held.run_id]).await?;
    for word in [
        "EXECUTING_WITH_WAITPOINTS",
        "WAITS FOR",
        "TRANSITION",
        "Attempt started",
    ] {
        assert!(text.contains(word), "{word} is missing:\n{text}");
    }
    Ok(())
}

#[tokio::test]
async fn attempts_that_come_again_are_shown_with_their_error() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .trigger_with("'t', run_id => 'r', max_attempts => 3")
        .await?;
    let sql = "select c.run_status::text \
               from engine_dequeue() as d \
               cross join lateral engine_start_attempt(d.run_id, d.snapshot_id) as s \
               cross join lateral engine_complete_attempt(s.run_id, s.snapshot_id, \
                   '{\"ok\": false, \"error\": {\"type\": \"STRING_ERROR\", \"raw\": \"disk full\"}, \
                     \"retry\": {\"delay\": 100}}') as c";
    session.client.query_one(sql, &[]).await?;
    let run = prints_json(&database, &["runs", "show", "r"]).await?;
    let history = run["history"].as_array().context("no history")?;
    let errors = history
        .iter()
        .filter(|row| row["error"]["raw"] == "disk full");
    assert_eq!(errors.count(), 1, "{run}");
    let text = prints(&database, &["runs", "show", "r"]).await?;
    assert!(text.contains("disk full"), "{text}");
    Ok(())
}

#[tokio::test]
async fn what_a_run_carries_cannot_steer_the_terminal() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .trigger_with(r"E'\x1b[31mred', run_id => 'r', payload => E'{\n}'")
        .await?;
    for arguments in [
        &["runs", "list"][..],
        &["runs", "show", "r"],
        &["queues"],
        &["top"],
    ] {
        let text = prints(&database, arguments).await?;
        assert!(text.contains(r"\u{1b}[31mred"), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_printed_as_the_server_reported_it() -> Result<()> {
    let database = Database::fresh().await?;
    let refused = engine(&database, &["runs", "replay", "nope"]).await?;
    assert_eq!(refused.code, Some(1));
    let expected = "run_nope: run \"nope\" does not exist (RE001)\n\
                    DETAIL:  The environment has no run with this id.\n\
                    HINT:  Check the id, and the environment if one was given.\n";
    assert!(refused.stderr.starts_with(expected), "{}", refused.stderr);
    let missing = engine(&database, &["runs", "show", "nope"]).await?;
    assert_eq!(missing.code, Some(1));
    assert!(
        missing
            .stderr
            .starts_with("error: run \"nope\" does not exist\nHINT:  "),
        "{}",
        missing.stderr
    );
    let missing = engine(&database, &["runs", "show", "nope", "--json"]).await?;
    let complaint: serde_json::Value = serde_json::from_str(&missing.stderr)?;
    assert_eq!(complaint["error"]["message"], "run \"nope\" does not exist");
    let invalid = engine(&database, &["pause", &"q".repeat(200)]).await?;
    assert!(
        invalid.stderr.contains("(22023)\nDETAIL:  "),
        "{}",
        invalid.stderr
    );
    Ok(())
}

#[tokio::test]
async fn a_replay_is_a_new_run_of_each_that_has_ended() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let held = session.executing("t").await?;
    session
        .complete(
            &held,
            json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": null}),
        )
        .await?;
    session.trigger("t").await?;
    let replayed = prints_json(&database, &["runs", "replay", "--task", "t", "--yes"]).await?;
    let [run] = replayed["runs"].as_array().context("no runs")?.as_slice() else {
        panic!("one run has ended: {replayed}");
    };
    assert_eq!(run["replayed_from"], format!("run_{}", held.run_id));
    let step = "select engine_complete_waitpoint(
                    (select waitpoint_id from engine_create_manual_waitpoint(idempotency_key => 'run/' || $1 || '/step/s')))";
    session.client.query(step, &[&held.run_id]).await?;
    let kept = "engine.waitpoint where idempotency_key like '%/step/s'";
    let text = prints(&database, &["runs", "replay", &held.run_id]).await?;
    assert_eq!(session.count(kept).await?, 1);
    prints(&database, &["runs", "replay", "--keep-steps", &held.run_id]).await?;
    assert_eq!(session.count(kept).await?, 2);
    assert!(
        text.contains(&format!(
            "does the work of run_{} again\nreplayed 1 run\n",
            held.run_id
        )),
        "{text}"
    );
    assert_eq!(
        session
            .count("engine.run where replayed_from is not null")
            .await?,
        3
    );
    Ok(())
}

#[tokio::test]
async fn a_delayed_run_gets_another_time() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .trigger_with("'t', run_id => 'r', delay_until => '2100-01-01 00:00+00'")
        .await?;
    let at = "2100-01-02 00:00+00";
    assert_eq!(
        prints(&database, &["runs", "reschedule", "r", "--at", at]).await?,
        "run_r is due at 2100-01-02 00:00:00+00:00\n"
    );
    let run = prints_json(&database, &["runs", "reschedule", "run_r", "--in", "1 day"]).await?;
    assert_eq!(
        (&run["run_id"], &run["execution_status"]),
        (&json!("run_r"), &json!("DELAYED"))
    );
    let refused = engine(&database, &["runs", "reschedule", "r", "--in", "soon"]).await?;
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .stderr
            .contains("invalid input syntax for type interval: \"soon\" (22007)"),
        "{}",
        refused.stderr
    );
    Ok(())
}
