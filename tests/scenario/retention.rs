//! Retention policies: how long runs are kept after they have ended.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::json;

async fn open() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// Ends a run in a way; returns its id.
async fn end(session: &Session, arguments: &str, outcome: &str) -> Result<String> {
    let run = session.trigger_with(arguments).await?;
    let error = |code: &str| json!({"ok": false, "error": {"type": "INTERNAL_ERROR", "code": code}, "retry": null});
    let completion = match outcome {
        "CANCELED" => {
            session.cancel(&format!("'{}'", run.run_id)).await?;
            return Ok(run.run_id);
        }
        "COMPLETED" => json!({"ok": true}),
        "FAILED" => {
            json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "x"}, "retry": null})
        }
        _ => error("TASK_RUN_CRASHED"),
    };
    let held = session.take().await?;
    session.complete(&held, completion).await?;
    Ok(run.run_id)
}

async fn set(session: &Session, arguments: &str) -> Result<()> {
    let sql = format!("select engine_set_retention({arguments})");
    session.client.query(&sql, &[]).await?;
    Ok(())
}

#[tokio::test]
async fn without_a_policy_completed_runs_are_kept_for_a_week_and_failed_ones_for_a_month()
-> Result<()> {
    let session = open().await?;
    let dev = "select engine_set_environment('dev', type => 'DEVELOPMENT')";
    session.client.query(dev, &[]).await?;
    for outcome in ["COMPLETED", "CANCELED", "FAILED", "DEAD_LETTER"] {
        end(&session, "'t'", outcome).await?;
        end(&session, "'t', is_test => true", outcome).await?;
    }
    end(&session, "'t', environment_id => 'dev'", "CANCELED").await?;
    let left = "engine.run";
    assert_eq!((session.sweep().await?, session.count(left).await?), (0, 9));
    session.age(1).await?;
    assert_eq!((session.sweep().await?, session.count(left).await?), (5, 4));
    session.age(5).await?;
    assert_eq!(session.sweep().await?, 0);
    session.age(1).await?;
    assert_eq!((session.sweep().await?, session.count(left).await?), (2, 2));
    session.age(22).await?;
    assert_eq!(session.sweep().await?, 0);
    session.age(1).await?;
    assert_eq!((session.sweep().await?, session.count(left).await?), (2, 0));
    session.check().await
}

#[tokio::test]
async fn the_policy_of_a_task_comes_before_that_of_a_queue_and_that_before_the_environments()
-> Result<()> {
    let session = open().await?;
    set(&session, "keep => '40 days'").await?;
    set(&session, "'default', keep => '30 days'").await?;
    set(&session, "'default', queue => 'q', keep => '20 days'").await?;
    set(&session, "'default', 't', keep => '10 days'").await?;
    set(
        &session,
        "'default', 't', outcome => 'CANCELED', keep => '5 days'",
    )
    .await?;
    let other = "select engine_set_environment('other')";
    session.client.query(other, &[]).await?;
    let due = [
        (5, end(&session, "'t', queue => 'q'", "CANCELED").await?),
        (10, end(&session, "'t', queue => 'q'", "COMPLETED").await?),
        (20, end(&session, "'u', queue => 'q'", "CANCELED").await?),
        (30, end(&session, "'u'", "CANCELED").await?),
        (
            40,
            end(&session, "'t', environment_id => 'other'", "CANCELED").await?,
        ),
    ];
    let mut age = 0;
    for (days, run) in due {
        session.age(days - age - 1).await?;
        assert_eq!(session.sweep().await?, 0, "before {days} days");
        session.age(1).await?;
        age = days;
        assert_eq!(session.sweep().await?, 1, "after {days} days");
        assert!(!session.exists(&run).await?);
    }
    session.check().await
}

#[tokio::test]
async fn a_policy_that_is_changed_holds_for_runs_that_have_ended_before() -> Result<()> {
    let session = open().await?;
    let run = end(&session, "'t'", "COMPLETED").await?;
    session.age(6).await?;
    assert_eq!(session.tick_of("removed_run").await?, 0);
    set(&session, "task => 't'").await?;
    session.age(100).await?;
    assert_eq!(
        session.tick_of("removed_run").await?,
        0,
        "it is kept for ever"
    );
    set(&session, "task => 't', keep => '107 days'").await?;
    assert_eq!(session.tick_of("removed_run").await?, 0);
    let deleted = "select engine_delete_retention(task => 't')";
    for existed in [true, false] {
        let row = session.client.query_one(deleted, &[]).await?;
        assert_eq!(row.get::<_, bool>(0), existed);
    }
    assert_eq!(session.tick_of("removed_run").await?, 1, "as is built in");
    assert!(!session.exists(&run).await?);
    session.check().await
}

#[tokio::test]
async fn each_policy_tells_what_it_removes_next() -> Result<()> {
    let session = open().await?;
    set(&session, "'default', 't', keep => '36 hours'").await?;
    set(&session, "'default', queue => 'nothing'").await?;
    for _ in 0..2 {
        end(&session, "'t'", "COMPLETED").await?;
    }
    end(&session, "'u'", "COMPLETED").await?;
    end(&session, "'u'", "FAILED").await?;
    let sql = "select r.environment_id, r.task, r.queue, r.outcome, r.keep::text, r.is_built_in, r.ended_runs, \
                      r.next_removal_at = r.keep + (select min(s.completed_at) from engine.run_state as s \
                          join engine.run as u on u.id = s.run_id \
                          where u.task = coalesce(r.task, 'u') \
                            and (r.outcome is distinct from 'FAILED') = (s.run_status = 'COMPLETED_SUCCESSFULLY')) \
               from engine_retention() as r";
    let rows = session.client.query(sql, &[]).await?;
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let text = |at| row.get::<_, Option<String>>(at).unwrap_or("-".to_owned());
            format!(
                "{} {} {} {} {} {} {} {:?}",
                text(0),
                text(1),
                text(2),
                text(3),
                text(4),
                row.get::<_, bool>(5),
                row.get::<_, i64>(6),
                row.get::<_, Option<bool>>(7)
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "default - nothing - - false 0 None",
            "default t - - 1 day 12:00:00 false 2 Some(true)",
            "- - - COMPLETED 7 days true 1 Some(true)",
            "- - - FAILED 30 days true 1 Some(true)",
        ]
    );
    Ok(())
}

#[tokio::test]
async fn a_policy_that_cannot_be_is_refused() -> Result<()> {
    let session = open().await?;
    for (arguments, parameter) in [
        ("task => 't', queue => 'q'", "queue"),
        ("outcome => 'completed'", "outcome"),
        ("task => ''", "task"),
        ("queue => repeat('q', 129)", "queue"),
        ("''", "environment_id"),
        ("keep => '-1 second'", "keep"),
        ("keep => '36501 days'", "keep"),
        ("keep => '178000000 years'", "keep"),
    ] {
        let call = format!("select engine_set_retention({arguments})");
        let refused = session.refused(&call).await?;
        assert_eq!(refused.code, "22023", "{call}: {refused:?}");
        let named = format!("\"{parameter}\"");
        assert!(refused.message.contains(&named), "{call}: {refused:?}");
    }
    let refused = session.refused("select engine_sweep(0)").await?;
    assert_eq!(refused.code, "22023", "{refused:?}");
    assert_eq!(session.count("engine.retention").await?, 0);
    Ok(())
}
