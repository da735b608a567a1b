//! `engine bulk`: an action on all runs that match, as the tick works through it.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};

use super::{engine, prints, prints_json};

async fn fill(session: &Session, task: &str, count: i32) -> Result<()> {
    let sql = "select count(*) from generate_series(1, $2::integer) as n, lateral engine_trigger($1, metadata => to_jsonb(n))";
    session.client.query_one(sql, &[&task, &count]).await?;
    Ok(())
}

#[tokio::test]
async fn a_bulk_action_is_looked_at_confirmed_started_shown_and_stopped() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    fill(&session, "mail", 30).await?;
    fill(&session, "other", 2).await?;
    let start = ["bulk", "start", "cancel", "--task", "mail", "--since", "1h"];
    let look = prints(&database, &[&start[..], &["--dry-run"]].concat()).await?;
    assert!(look.starts_with("30 runs, 30 PENDING\n"), "{look}");
    assert_eq!(look.lines().count(), 12, "{look}");
    let asked = engine(&database, &start).await?;
    assert_eq!(asked.code, Some(2));
    assert!(
        asked.stderr.contains("it would cancel 30 runs"),
        "{asked:?}"
    );
    assert_eq!(session.count("engine.bulk").await?, 0);

    let begun = [&start[..], &["--yes", "--reason", "wrong list"]].concat();
    let begun = prints_json(&database, &begun).await?;
    let id = begun["bulk_id"].as_str().context("no id")?;
    let shown = prints(&database, &["bulk", "show", id]).await?;
    assert!(
        shown.contains("RUNNING") && shown.contains("wrong list"),
        "{shown}"
    );
    session.client.query("select engine_tick(10)", &[]).await?;
    let stopped = prints(&database, &["bulk", "stop", id]).await?;
    assert!(stopped.starts_with("stopped after "), "{stopped}");
    assert_eq!(
        prints(&database, &["bulk", "stop", id]).await?,
        "it had ended already\n"
    );
    let list = prints_json(&database, &["bulk", "list"]).await?;
    assert_eq!(
        (&list[0]["bulk_id"], &list[0]["state"]),
        (&begun["bulk_id"], &"STOPPED".into())
    );
    assert!(
        session
            .count("engine.queue_item where queue = 'task/mail'")
            .await?
            < 30
    );
    Ok(())
}

#[tokio::test]
async fn a_bulk_action_that_is_awaited_fails_if_a_run_was_refused() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let sql = "select count(*) from engine_set_queue('full', max_size => 1)";
    session.client.query_one(sql, &[]).await?;
    fill(&session, "mail", 3).await?;
    let start = [
        "bulk", "start", "move", "--all", "--to", "full", "--yes", "--wait",
    ];
    let (moved, ticked) = tokio::join!(engine(&database, &start), async {
        for _ in 0..200 {
            session.tick().await?;
            if session
                .count("engine.bulk where state = 'COMPLETED'")
                .await?
                > 0
            {
                break;
            }
        }
        anyhow::Ok(())
    });
    ticked?;
    let moved = moved?;
    assert_eq!(moved.code, Some(1), "{moved:?}");
    assert!(moved.stdout.contains("\"RE008\":2"), "{moved:?}");
    let unknown = engine(&database, &["bulk", "show", "bulk_none"]).await?;
    assert_eq!(unknown.code, Some(1));
    Ok(())
}
