//! Runs by what failed, and since when; what is there to run them.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::{Value, json};

use super::{engine, prints, prints_json};

async fn fail(session: &Session, task: &str, message: &str) -> Result<String> {
    let run = session.trigger(task).await?;
    let held = session.take().await?;
    let error =
        json!({"type": "BUILT_IN_ERROR", "name": "Timeout", "message": message, "stackTrace": ""});
    session
        .complete(&held, json!({"ok": false, "error": error}))
        .await?;
    Ok(format!("run_{}", run.run_id))
}

fn ids(runs: &Value) -> Vec<&str> {
    let runs = runs.as_array().map(Vec::as_slice).unwrap_or_default();
    runs.iter()
        .filter_map(|run| run["run_id"].as_str())
        .collect()
}

#[tokio::test]
async fn failures_are_listed_by_error_and_time_and_grouped_by_task_and_error() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.ended("'mail'").await?;
    let first = fail(&session, "mail", "no answer after 30 s from 7f3a99c01b").await?;
    let second = fail(&session, "mail", "no answer after 31 s from 8e2b00d1aa").await?;
    let other = fail(&session, "bill", "card declined").await?;
    let list = async |arguments: &[&str]| {
        prints_json(&database, &[&["runs", "list"], arguments].concat()).await
    };
    assert_eq!(ids(&list(&["--failed"]).await?), [&other, &second, &first]);
    for error in ["ANSWER", "timeout no answer after"] {
        assert_eq!(
            ids(&list(&["--error", error]).await?),
            [&second, &first],
            "{error}"
        );
    }
    assert_eq!(
        ids(&list(&["--failed", "--task", "bill", "--since", "1h"]).await?),
        [&other]
    );
    assert_eq!(
        ids(&list(&["--error-code", "Timeout", "--run", &first]).await?),
        [&first]
    );
    assert_eq!(
        list(&["--failed", "--since", "2100-01-01T00:00:00Z"]).await?,
        json!([])
    );
    assert_eq!(
        list(&["--failed", "--finished-until", "1h"]).await?,
        json!([])
    );

    let errors = prints_json(&database, &["runs", "errors", "--since", "1h"]).await?;
    let errors = errors.as_array().context("not an array")?;
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert_eq!(
        (&errors[0]["count"], &errors[0]["task"]),
        (&json!(2), &json!("mail"))
    );
    assert_eq!(errors[0]["error"], json!("no answer after 0 s from 0"));
    assert_eq!(
        errors[0]["last_error"],
        json!("no answer after 31 s from 8e2b00d1aa")
    );
    assert_eq!(errors[0]["last_run_id"], json!(second));
    assert_eq!(errors[1]["error"], json!("card declined"));
    let none = prints(&database, &["runs", "errors", "--task", "other"]).await?;
    assert_eq!(none, "no failures\n");
    Ok(())
}

#[tokio::test]
async fn the_runs_of_a_batch_and_the_children_of_a_run_are_found_behind_any_number_of_others()
-> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger_with("'parent', run_id => 'p'").await?;
    let child = "'child', run_id => 'q1', parent_run_id => 'p'";
    session.trigger_with(child).await?;
    let batch = "select batch_id from engine_create_batch(run_count => 1)";
    let batch: String = session.client.query_one(batch, &[]).await?.get(0);
    let of_batch = format!("'t', run_id => 'q2', batch_id => '{batch}'");
    session.trigger_with(&of_batch).await?;
    for run in ["r1", "r2", "r3"] {
        session
            .trigger_with(&format!("'t', run_id => '{run}'"))
            .await?;
    }
    for (condition, of, run) in [
        ("--parent", "run_p", "run_q1"),
        ("--batch", &*batch, "run_q2"),
    ] {
        let list = ["runs", "list", condition, of, "--budget", "2"];
        let found = engine(&database, &list).await?;
        assert!(
            found.stdout.contains(run) && found.stderr.is_empty(),
            "{found:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_scan_has_a_budget_and_says_with_which_run_to_continue() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for run in ["r1", "r2", "r3", "r4"] {
        session
            .trigger_with(&format!(
                "'t', run_id => '{run}', tags => array['{run}'], metadata => '{{\"step\": \"{run}\"}}'"
            ))
            .await?;
    }
    for condition in [["--tag", "r1"], ["--metadata", "step=r1"]] {
        let list = [&["runs", "list"], &condition[..]].concat();
        let some = [&list[..], &["--budget", "2"]].concat();
        let first = engine(&database, &some).await?;
        assert_eq!((first.code, first.stdout.as_str()), (Some(0), "no runs\n"));
        assert!(first.stderr.contains("--before run_r3"), "{first:?}");
        let rest = engine(&database, &[&some[..], &["--before", "run_r3"]].concat()).await?;
        assert!(rest.stdout.contains("run_r1"), "{rest:?}");
        let all = engine(&database, &list).await?;
        assert!(
            all.stdout.contains("run_r1") && all.stderr.is_empty(),
            "{all:?}"
        );
    }
    let all = prints_json(&database, &["runs", "list", "--metadata", "step"]).await?;
    assert_eq!(ids(&all).len(), 4);
    Ok(())
}

#[tokio::test]
async fn runs_are_triggered_and_redriven_and_schedules_and_workers_are_listed() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for nothing in ["schedules", "workers"] {
        assert_eq!(
            prints(&database, &[nothing]).await?,
            format!("no {nothing}\n")
        );
    }
    let trigger = [
        "trigger",
        "mail",
        r#"{"to": "Ada"}"#,
        "--tag",
        "a",
        "--idempotency-key",
        "k",
    ];
    let triggered = prints_json(&database, &trigger).await?;
    let run = triggered["run_id"].as_str().context("no run")?;
    assert_eq!(
        prints(&database, &trigger).await?,
        format!("{run} was there\n")
    );
    let payload: String = session
        .client
        .query_one("select payload from engine.run", &[])
        .await?
        .get(0);
    assert_eq!(
        serde_json::from_str::<Value>(&payload)?,
        json!({"to": "Ada"})
    );

    let late = session.trigger_with("'late', ttl => '1h'").await?.run_id;
    let lapse =
        "update engine.queue_item set expires_at = now() - interval '1 second' where run_id = $1";
    session.client.execute(lapse, &[&late]).await?;
    session.tick().await?;
    let redriven = prints(&database, &["runs", "redrive", "--failed", "--yes"]).await?;
    assert_eq!(redriven, "redrove 1 run\n");
    let refused = engine(&database, &["runs", "redrive", &late]).await?;
    assert_eq!(refused.code, Some(1), "{refused:?}");

    session
        .client
        .batch_execute(
            "select engine_set_schedule('nightly', 'report', '0 3 * * *'); \
         select engine_register_worker('default', '7', '[{\"id\": \"mail\"}]', image => 'i')",
        )
        .await?;
    session.take().await?;
    let schedules = prints_json(&database, &["schedules"]).await?;
    assert_eq!(
        (&schedules[0]["id"], &schedules[0]["is_paused"]),
        (&json!("nightly"), &json!(false))
    );
    let made = prints(&database, &["schedules", "run", "nightly"]).await?;
    assert!(made.starts_with("run_"), "{made}");
    assert_eq!(session.count("engine.run where task = 'report'").await?, 1);
    for (verb, is_paused) in [("pause", true), ("resume", false)] {
        let set = prints(&database, &["schedules", verb, "nightly"]).await?;
        assert_eq!(set, format!("{verb}d schedule \"nightly\"\n"));
        let schedules = prints_json(&database, &["schedules"]).await?;
        assert_eq!(schedules[0]["is_paused"], json!(is_paused));
    }
    let unknown = engine(&database, &["schedules", "run", "nihgtly"]).await?;
    assert!(unknown.stderr.contains("RE014"), "{unknown:?}");
    let unknown = engine(&database, &["schedules", "pause", "nihgtly"]).await?;
    assert!(unknown.stderr.contains("22004"), "{unknown:?}");
    let workers = prints_json(&database, &["workers"]).await?;
    assert_eq!(
        (&workers[0]["version"], &workers[0]["is_current"]),
        (&json!("7"), &json!(true))
    );
    let running: i64 = workers
        .as_array()
        .context("none")?
        .iter()
        .filter_map(|row| row["running"].as_i64())
        .sum();
    assert_eq!(running, 1, "{workers}");
    Ok(())
}
