//! `engine doctor` and `engine check`.

use anyhow::{Context, Result};
use engine_harness::{Cluster, Database, Options, Session};
use serde_json::{Value, json};

use super::{cells, engine, prints, prints_json};

/// The kinds of the doctor's findings, with its exit code.
async fn found(database: &Database, arguments: &[&str]) -> Result<(Vec<String>, Option<i32>)> {
    let arguments = [&["doctor", "--json"], arguments].concat();
    let printed = engine(database, &arguments).await?;
    let report: Value = serde_json::from_str(&printed.stdout)?;
    let findings = report["findings"].as_array().context("no findings")?.iter();
    let kinds = findings.map(|finding| finding["kind"].as_str().unwrap_or_default().to_owned());
    Ok((kinds.collect(), printed.code))
}

/// A database on a server that loses nothing, of which the doctor would speak.
async fn durable() -> Result<(Cluster, Database)> {
    let cluster = Cluster::start(Options::default()).await?;
    let database = cluster.database().await?;
    Ok((cluster, database))
}

#[tokio::test]
async fn the_doctor_has_nothing_to_say_about_a_database_that_is_well() -> Result<()> {
    let (_cluster, database) = durable().await?;
    let session = Session::open(&database).await?;
    session.executing("t").await?;
    let text = prints(&database, &["doctor"]).await?;
    let version = env!("CARGO_PKG_VERSION");
    let last = format!("; the sweep keeps up\nengine {version}: problems 0, advice 0\n");
    assert!(text.starts_with("kept: about "), "{text}");
    assert!(
        text.contains(", the oldest of 20") && text.ends_with(&last),
        "{text}"
    );
    let report = prints_json(&database, &["doctor"]).await?;
    assert_eq!(
        (&report["version"], &report["findings"]),
        (&json!(version), &json!([]))
    );
    assert_eq!(report["kept"]["is_swept"], json!(true));
    Ok(())
}

#[tokio::test]
async fn the_doctor_says_that_no_run_is_removed_and_that_the_sweep_does_not_keep_up() -> Result<()>
{
    let (_cluster, database) = durable().await?;
    let session = Session::open(&database).await?;
    let run = session.ended("'t'").await?;
    let for_ever = "select engine_set_retention()";
    session.client.batch_execute(for_ever).await?;
    let printed = engine(&database, &["doctor"]).await?;
    assert_eq!(printed.code, Some(0));
    let advice = "advice   retention: No run is ever removed, and there are about ";
    assert!(printed.stdout.starts_with(advice), "{}", printed.stdout);
    assert!(
        printed.stdout.contains("; none is ever removed\n"),
        "{}",
        printed.stdout
    );
    let week = "select engine_set_retention(keep => '7 days')";
    session.client.batch_execute(week).await?;
    assert_eq!(found(&database, &[]).await?, (vec![], Some(0)));
    session.tick().await?;
    let late = "update engine.stretch set due_at = now() - interval '2 hours'";
    session.client.batch_execute(late).await?;
    assert_eq!(
        found(&database, &[]).await?,
        (vec!["retention".to_owned()], Some(1))
    );
    session.tick().await?;
    assert_eq!(found(&database, &[]).await?, (vec![], Some(0)));
    assert!(session.exists(&run.run_id).await?);
    Ok(())
}

#[tokio::test]
async fn retention_policies_are_listed_with_what_they_hold() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let nothing = "no policies, and no run has ended\n";
    assert_eq!(prints(&database, &["retention"]).await?, nothing);
    session.ended("'t'").await?;
    session.ended("'u'").await?;
    let policy = "select engine_set_retention('default', task => 't', keep => '36 hours')";
    session.client.batch_execute(policy).await?;
    let policies = prints_json(&database, &["retention"]).await?;
    let facts = |policy: &Value| {
        ["task", "outcome", "keep_ms", "is_built_in", "ended_runs"].map(|fact| policy[fact].clone())
    };
    let policies = policies.as_array().context("no array")?;
    assert_eq!(
        policies.iter().map(facts).collect::<Vec<_>>(),
        [
            [
                json!("t"),
                json!(null),
                json!(129_600_000),
                json!(false),
                json!(1)
            ],
            [
                json!(null),
                json!("COMPLETED"),
                json!(604_800_000),
                json!(true),
                json!(1)
            ],
        ]
    );
    let table = prints(&database, &["retention"]).await?;
    assert!(
        table.contains("1 d 12 h") && table.contains("7 d 0 h"),
        "{table}"
    );
    Ok(())
}

#[tokio::test]
async fn the_doctor_finds_a_tick_that_is_not_called() -> Result<()> {
    let (_cluster, database) = durable().await?;
    let session = Session::open(&database).await?;
    let held = session.executing("t").await?;
    session.lapse(&held.run_id).await?;
    assert_eq!(found(&database, &[]).await?, (vec![], Some(0)));
    let (kinds, code) = found(&database, &["--patience", "0"]).await?;
    assert_eq!((kinds, code), (vec!["tick".to_owned()], Some(1)));
    let old = "update engine.heartbeat \
               set check_at = now() - interval '2 minutes', deadline_at = now() - interval '2 minutes'";
    session.client.batch_execute(old).await?;
    let printed = engine(&database, &["doctor"]).await?;
    assert_eq!(printed.code, Some(1));
    let expected = "problem  tick: Overdue work of kind \"heartbeat\": 1. No worker leads those that tick, and no background \
                    worker does it. For 2 min ";
    assert!(printed.stdout.starts_with(expected), "{}", printed.stdout);
    assert!(
        printed.stdout.contains("Call engine_tick every second"),
        "{}",
        printed.stdout
    );
    session.tick().await?;
    let (kinds, _) = found(&database, &["--patience", "0"]).await?;
    // A second later the run is due again, and no worker takes it.
    assert!(!kinds.contains(&"tick".to_owned()), "{kinds:?}");
    Ok(())
}

#[tokio::test]
async fn the_doctor_finds_a_queue_without_workers() -> Result<()> {
    let (_cluster, database) = durable().await?;
    let session = Session::open(&database).await?;
    for _ in 0..2 {
        let old = "'t', queue_timestamp => now() - interval '5 minutes'";
        session.trigger_with(old).await?;
    }
    assert_eq!(
        found(&database, &[]).await?,
        (vec!["unclaimed".to_owned()], Some(1))
    );
    // A backlog with a worker is not a finding.
    let held = session.take().await?;
    assert_eq!(found(&database, &[]).await?, (vec![], Some(0)));
    session.complete(&held, json!({"ok": true})).await?;
    assert_eq!(found(&database, &[]).await?, (vec![], Some(0)));
    session
        .client
        .query("select engine_set_queue('task/t', paused => true)", &[])
        .await?;
    assert_eq!(
        found(&database, &[]).await?,
        (vec!["paused".to_owned()], Some(0))
    );
    Ok(())
}

#[tokio::test]
async fn the_doctor_finds_what_holds_vacuum_back() -> Result<()> {
    let (_cluster, database) = durable().await?;
    let session = Session::open(&database).await?;
    let off = "alter table engine.queue_item set (autovacuum_enabled = off)";
    session.client.batch_execute(off).await?;
    assert_eq!(
        found(&database, &[]).await?,
        (vec!["vacuum".to_owned()], Some(1))
    );
    let on = "alter table engine.queue_item reset (autovacuum_enabled)";
    session.client.batch_execute(on).await?;
    session
        .client
        .batch_execute("begin isolation level repeatable read; select from engine.run")
        .await?;
    assert_eq!(found(&database, &[]).await?, (vec![], Some(0)));
    let (kinds, code) = found(&database, &["--patience", "0"]).await?;
    assert_eq!((kinds, code), (vec!["horizon".to_owned()], Some(0)));
    session.client.batch_execute("commit").await?;
    assert_eq!(
        found(&database, &["--patience", "0"]).await?,
        (vec![], Some(0))
    );
    Ok(())
}

#[tokio::test]
async fn the_doctor_finds_settings_that_lose_what_was_committed() -> Result<()> {
    let options = Options::default()
        .set("full_page_writes", "off")
        .set("synchronous_commit", "off");
    let cluster = Cluster::start(options).await?;
    let database = cluster.database().await?;
    database
        .set("default_transaction_isolation", "serializable")
        .await?;
    let printed = engine(&database, &["doctor"]).await?;
    assert_eq!(printed.code, Some(1));
    let lines: Vec<&str> = printed.stdout.lines().step_by(3).collect();
    assert_eq!(
        lines[..3],
        [
            "problem  setting: default_transaction_isolation is serializable. Functions that lock runs refuse this level.",
            "problem  setting: full_page_writes is off. A crash of the machine may leave torn pages.",
            "advice   setting: synchronous_commit is off. A crash may lose the last commits, and triggers with them.",
        ]
    );
    Session::open(&database).await?.check().await
}

#[tokio::test]
async fn a_check_succeeds_if_and_only_if_it_finds_nothing() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger_with("'t', run_id => 'r'").await?;
    assert_eq!(prints(&database, &["check"]).await?, "no violations\n");
    assert_eq!(prints_json(&database, &["check"]).await?, json!([]));
    session.broken_on_purpose().await?;
    session
        .client
        .batch_execute("delete from engine.queue_item")
        .await?;
    let printed = engine(&database, &["check"]).await?;
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(1), ""));
    let violation = [
        "queue_item",
        "run_r",
        "The run is QUEUED and has no queue item.",
    ];
    assert_eq!(
        cells(&printed.stdout),
        [vec!["INVARIANT", "RUN", "VIOLATION"], violation.to_vec()]
    );
    let printed = engine(&database, &["check", "--json"]).await?;
    assert_eq!(printed.code, Some(1));
    let violations: Value = serde_json::from_str(&printed.stdout)?;
    assert_eq!(
        violations,
        json!([{"kind": violation[0], "run_id": violation[1], "detail": violation[2]}])
    );
    Ok(())
}

#[tokio::test]
async fn a_database_without_the_extension_is_reported() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.broken_on_purpose().await?;
    session
        .client
        .batch_execute("drop extension engine")
        .await?;
    for command in ["queues", "check", "doctor", "tail", "top"] {
        let printed = engine(&database, &[command]).await?;
        assert_eq!(printed.code, Some(1), "{command}");
        assert!(
            printed
                .stderr
                .ends_with("HINT:  Is the extension in this database? create extension engine\n"),
            "{command}: {}",
            printed.stderr
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_retention_policy_is_set_and_deleted() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let policies = "select string_agg(concat_ws(' ', task, outcome, coalesce(keep::text, 'for ever')), ', ' order by task, outcome) \
                    from engine.retention";
    let set = [
        "retention",
        "set",
        "--task",
        "mail",
        "--outcome",
        "dead-letter",
        "--keep",
        "36h",
    ];
    assert_eq!(
        prints(&database, &set).await?,
        "kept after the end: DEAD_LETTER runs of task \"mail\", 1 d 12 h\n"
    );
    let forever = prints_json(
        &database,
        &["retention", "set", "--task", "bill", "--forever"],
    )
    .await?;
    assert_eq!(
        (&forever["task"], &forever["keep_ms"]),
        (&json!("bill"), &json!(null))
    );
    let set: String = session.client.query_one(policies, &[]).await?.get(0);
    assert_eq!(set, "bill  for ever, mail DEAD_LETTER 1 day 12:00:00");
    for words in ["deleted the policy of", "there was no policy of"] {
        let deleted = prints(&database, &["retention", "delete", "--task", "bill"]).await?;
        assert_eq!(deleted, format!("{words} runs of task \"bill\"\n"));
    }
    let long = engine(&database, &["retention", "set", "--keep", "36501d"]).await?;
    assert_eq!(long.code, Some(1), "{long:?}");
    assert!(long.stderr.contains("22023"), "{long:?}");
    Ok(())
}
