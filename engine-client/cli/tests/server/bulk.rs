//! `engine runs cancel`, of one run and of many.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};

use super::{engine, prints, prints_json};

#[tokio::test]
async fn a_cancel_distinguishes_ended_asked_and_finished_runs() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let held = session.executing("t").await?;
    let queued = session.trigger("t").await?;
    let over = session.trigger("t").await?;
    session.cancel(&format!("'{}'", over.run_id)).await?;
    let runs = [&held.run_id, &queued.run_id, &over.run_id].map(String::as_str);
    let cancel = [&["runs", "cancel", "--reason", "a test"], &runs[..]].concat();
    assert_eq!(
        prints(&database, &cancel).await?,
        "cancelled 1 run, asked the workers of 1 run, 1 run had ended already\n"
    );
    assert_eq!(session.status(&held.run_id).await?.0, "PENDING_CANCEL");
    assert_eq!(session.status(&queued.run_id).await?.1, "CANCELED");
    let sql = "select error ->> 'raw' from engine.run_state where run_id = $1";
    let reason: String = session
        .client
        .query_one(sql, &[&queued.run_id])
        .await?
        .get(0);
    assert_eq!(reason, "a test");
    let finalized = prints_json(&database, &["runs", "cancel", &held.run_id, "--finalize"]).await?;
    assert_eq!(finalized["runs"][0]["execution_status"], "FINISHED");
    Ok(())
}

#[tokio::test]
async fn a_bulk_cancel_ends_what_matches_and_nothing_else() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let fill = "select count(*) from engine_trigger_many((select jsonb_agg(jsonb_build_object( \
                    'task', 't', 'queue', case when n <= 120 then 'many' else 'other' end)) \
                from generate_series(1, 130) as n))";
    session.client.query_one(fill, &[]).await?;
    let cancel = ["runs", "cancel", "--queue", "many"];
    let asked = engine(&database, &cancel).await?;
    assert_eq!(asked.code, Some(2));
    assert_eq!(
        asked.stderr,
        "error: it would cancel 120 runs\nHINT:  Repeat the command with --yes.\n"
    );
    assert_eq!(session.count("engine.queue_item").await?, 130);

    let some = prints_json(
        &database,
        &[&cancel[..], &["--limit", "20", "--yes"]].concat(),
    )
    .await?;
    assert_eq!(some["runs"].as_array().context("no runs")?.len(), 20);
    assert_eq!(some["failed"], serde_json::json!([]));
    let action = some["bulk_action_id"].as_str().context("no action")?;
    let noted = format!(
        "engine.run_state where bulk_action_ids = array['{action}'] and run_status = 'CANCELED'"
    );
    assert_eq!(session.count(&noted).await?, 20);
    assert_eq!(
        prints(&database, &[&cancel[..], &["--yes"]].concat()).await?,
        "cancelled 100 runs\n"
    );
    assert_eq!(
        session
            .count("engine.queue_item where queue = 'many'")
            .await?,
        0
    );
    assert_eq!(
        session
            .count("engine.queue_item where queue = 'other'")
            .await?,
        10
    );
    assert_eq!(
        prints(&database, &[&cancel[..], &["--yes"]].concat()).await?,
        "cancelled 0 runs\n"
    );
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_refused_does_not_keep_the_others_from_being_cancelled() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for run in ["a", "c"] {
        session
            .trigger_with(&format!("'t', run_id => '{run}'"))
            .await?;
    }
    let cancelled = engine(&database, &["runs", "cancel", "a", "b", "c", "--json"]).await?;
    assert_eq!(cancelled.code, Some(1));
    let outcome: serde_json::Value = serde_json::from_str(&cancelled.stdout)?;
    assert_eq!(outcome["runs"].as_array().context("no runs")?.len(), 2);
    assert_eq!(outcome["failed"][0]["run_id"], "run_b");
    assert_eq!(outcome["failed"][0]["error"]["code"], "RE001");
    assert_eq!(session.count("engine.queue_item").await?, 0);
    Ok(())
}
