//! Forgetting runs before their time has come.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::json;

/// A run that was triggered with these arguments, and has ended.
async fn ended(session: &Session, arguments: &str) -> Result<String> {
    session.trigger_with(arguments).await?;
    let held = session.take().await?;
    let completion = json!({"ok": true, "output": "\"her secret\"", "metadata": {"name": "Ada"}});
    session.complete(&held, completion).await?;
    Ok(held.run_id)
}

/// What becomes of runs: their ids and outcomes.
async fn forget(session: &Session, arguments: &str) -> Result<Vec<(String, String)>> {
    let sql = format!("select run_id, outcome from engine_forget({arguments}) order by 1");
    let rows = session.client.query(&sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The tables of the engine in which a text occurs.
async fn tables_with(session: &Session, text: &str) -> Result<Vec<String>> {
    let tables = "select relname::text from pg_class \
                  where relnamespace = 'engine'::regnamespace and relkind in ('r', 'p') order by 1";
    let mut found = Vec::new();
    for row in session.client.query(tables, &[]).await? {
        let table: String = row.get(0);
        let rows = format!("engine.{table} as t where strpos(t::text, '{text}') > 0");
        if session.count(&rows).await? > 0 {
            found.push(table);
        }
    }
    Ok(found)
}

#[tokio::test]
async fn nothing_of_a_forgotten_run_is_left() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = ended(
        &session,
        "'test', '\"Ada\"', tags => array['user:ada'], metadata => '{\"name\": \"Ada\"}', run_id => 'ada-1', \
         idempotency_key => 'ada-key', annotations => '{\"name\": \"Ada\"}'",
    )
    .await?;
    let before = session.contents().await?;
    let dry = forget(&session, &format!("'{run}'")).await?;
    assert_eq!(dry, [(run.clone(), "removable".to_owned())]);
    assert_eq!(
        session.contents().await?,
        before,
        "a dry run changes nothing"
    );
    assert!(tables_with(&session, "Ada").await?.len() > 1);

    let done = forget(&session, &format!("'{run}', dry_run => false")).await?;
    assert_eq!(done, [(run.clone(), "forgotten".to_owned())]);
    for text in ["Ada", "user:ada", "secret", "ada-key"] {
        assert_eq!(
            tables_with(&session, text).await?,
            Vec::<String>::new(),
            "{text}"
        );
    }
    let kept = tables_with(&session, &run).await?;
    assert_eq!(
        kept,
        ["trigger_key"],
        "triggers learn that the run was there"
    );
    let again = format!("select engine_forget('{run}', dry_run => false)");
    assert_eq!(session.refused(&again).await?.code, "RE001");
    session.check().await
}

#[tokio::test]
async fn a_run_that_has_not_ended_is_not_forgotten() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let parent = session.executing("parent").await?;
    let child = session
        .trigger_with(&format!("'child', parent_run_id => '{}'", parent.run_id))
        .await?;
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await?;
    let live = format!(
        "select engine_forget('{}', dry_run => false)",
        parent.run_id
    );
    let refused = session.refused(&live).await?;
    assert_eq!(refused.code, "RE004");
    assert_eq!(refused.detail, "Its status is EXECUTING.");
    let of_live = forget(&session, &format!("'{}', dry_run => false", child.run_id)).await?;
    assert_eq!(of_live[0].1, "needed", "its parent has not ended");

    let filter = "filter => '{\"environment_id\": \"default\"}'";
    for dry_run in [true, false] {
        let all = forget(&session, &format!("{filter}, dry_run => {dry_run}")).await?;
        let outcome = |id: &str| {
            let run = all.iter().find(|(run, _)| run == id);
            run.map(|(_, outcome)| outcome.clone())
        };
        assert_eq!(outcome(&parent.run_id).as_deref(), Some("live"));
        assert_eq!(outcome(&child.run_id).as_deref(), Some("needed"));
    }
    session.complete(&parent, json!({"ok": true})).await?;
    let alone = forget(&session, &format!("'{}', dry_run => false", parent.run_id)).await?;
    assert_eq!(alone[0].1, "needed", "its child stays");
    let both = forget(&session, &format!("{filter}, dry_run => false")).await?;
    assert!(both.iter().all(|(_, outcome)| outcome == "forgotten") && both.len() == 2);
    assert_eq!(session.count("engine.snapshot").await?, 0);
    session.check().await
}

#[tokio::test]
async fn a_filter_names_the_runs_that_match_all_of_it() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let mut runs = Vec::new();
    for (task, tag) in [("a", "x"), ("a", "y"), ("b", "x")] {
        runs.push(ended(&session, &format!("'{task}', tags => array['{tag}', 'z']")).await?);
    }
    let found = async |filter: &str| -> Result<Vec<String>> {
        let rows = forget(&session, &format!("filter => '{filter}'")).await?;
        Ok(rows.into_iter().map(|(run, _)| run).collect())
    };
    for (filter, expected) in [
        (r#"{"task": "a"}"#, vec![0, 1]),
        (r#"{"tag": "x"}"#, vec![0, 2]),
        (r#"{"task": "a", "tag": "x"}"#, vec![0]),
        (r#"{"tag": "z", "queue": "task/b"}"#, vec![2]),
        (
            r#"{"tag": "z", "created_before": "2020-01-01T00:00:00Z"}"#,
            vec![],
        ),
        (
            r#"{"created_after": "2020-01-01T00:00:00Z"}"#,
            vec![0, 1, 2],
        ),
        (r#"{"environment_id": "other"}"#, vec![]),
    ] {
        let mut expected: Vec<&String> =
            expected.into_iter().map(|run: usize| &runs[run]).collect();
        expected.sort();
        let found = found(filter).await?;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}");
    }
    let some = forget(
        &session,
        r#"filter => '{"tag": "z"}', max_runs => 2, dry_run => false"#,
    );
    assert_eq!(some.await?.len(), 2);
    assert_eq!(session.count("engine.run").await?, 1);
    for arguments in [
        "",
        "filter => '{}'",
        "filter => '[]'",
        r#"filter => '{"tag": 1}'"#,
        r#"filter => '{"tags": "x"}'"#,
        r#"'a', filter => '{"tag": "x"}'"#,
        r#"filter => '{"tag": "x"}', max_runs => 0"#,
    ] {
        let refused = session
            .refused(&format!("select engine_forget({arguments})"))
            .await?;
        assert_eq!(refused.code, "22023", "{arguments}");
    }
    session.check().await
}

#[tokio::test]
async fn a_reader_of_events_is_never_passed_silently() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let first = ended(&session, "'test'").await?;
    let events = session.all_events(0).await?;
    let last = events.last().context("no events")?.position;
    let second = ended(&session, "'test'").await?;

    session
        .client
        .batch_execute("select engine_event_reader('r', 60000)")
        .await?;
    let unread = forget(&session, &format!("'{first}', dry_run => false")).await?;
    assert_eq!(unread[0].1, "unread");
    session
        .client
        .batch_execute(&format!("select engine_event_ack('r', {last})"))
        .await?;
    let read = forget(&session, &format!("'{first}', dry_run => false")).await?;
    assert_eq!(read[0].1, "forgotten");
    let refused = session
        .refused(&format!("select engine_events({})", last - 1))
        .await?;
    assert_eq!(refused.code, "RE015");
    assert_eq!(
        refused.detail,
        format!("The first position that can be read is {}.", last + 1)
    );
    let rest = session.all_events(last).await?;
    assert!(!rest.is_empty() && rest.iter().all(|event| event.run_id == second));

    let bound = "update engine.snapshot set created_at = created_at - interval '1 hour'; \
                 update engine.notice set created_at = created_at - interval '1 hour'";
    session.client.batch_execute(bound).await?;
    let old = forget(&session, &format!("'{second}', dry_run => false")).await?;
    assert_eq!(
        old[0].1, "forgotten",
        "older than what is kept for the reader"
    );
    let missed = "engine.event_reader where name = 'r' and has_missed";
    assert_eq!(session.count(missed).await?, 1);
    session.check().await
}
