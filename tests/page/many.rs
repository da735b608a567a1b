//! Bulk operations: nothing starts before it was counted, shown and confirmed.

use anyhow::{Result, ensure};
use engine_page::http::send;
use engine_page::{Browser, SHOP, Stage};
use serde_json::json;

/// 160 runs of a task that floods its queue.
const BACKLOG: &str =
    "select engine_trigger('flood', queue => 'flood') from generate_series(1, 160)";

/// Gives the reason, and types the number of runs where the page asks for it.
async fn fill_in(browser: &Browser, reason: &str, number: Option<&str>) -> Result<()> {
    let field = browser.one("input[name=reason]").await?;
    field.send_keys(reason).await?;
    if let Some(number) = number {
        let field = browser.one("input[name=typed]").await?;
        field.send_keys(number).await?;
    }
    Ok(())
}

#[tokio::test]
async fn all_runs_of_a_filter_are_cancelled_once_their_number_was_typed() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    stage.session.client.batch_execute(BACKLOG).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/runs?task=flood")).await?;
    browser.press("Cancel…").await?;
    browser.shows("Cancel 160 runs?").await?;
    browser.shows("Their children that have not ended").await?;
    browser.keep("bulk-new").await?;
    let started = "select count(*) from engine.bulk";
    ensure!(
        stage.value::<i64>(started).await? == 0,
        "a preview starts nothing"
    );
    fill_in(&browser, "INC-2291", Some("16")).await?;
    browser.press("Cancel 160 runs").await?;
    browser.shows("the number of runs is another one").await?;
    ensure!(
        stage.value::<i64>(started).await? == 0,
        "another number starts nothing"
    );

    browser
        .open(&stage.at("/bulk/new?action=cancel&task=flood"))
        .await?;
    fill_in(&browser, "INC-2291", Some("160")).await?;
    browser.press("Cancel 160 runs").await?;
    browser.shows("0 of 160").await?;
    browser.keep("bulk-running").await?;
    let left = "select count(*) from engine.run_overview as o where o.task = 'flood' and o.execution_status <> 'FINISHED'";
    while stage.value::<i64>(left).await? > 0 {
        stage.session.tick().await?;
    }
    browser.shows("160 cancelled").await?;
    browser.keep("bulk").await?;
    browser.close().await
}

#[tokio::test]
async fn an_operation_is_stopped_and_keeps_what_is_done() -> Result<()> {
    let stage = Stage::set(BACKLOG).await?;
    let start = "select bulk_id from engine_bulk('cancel', '{\"task\": \"flood\"}', dry_run => false, reason => 'x')";
    let bulk: String = stage.value(start).await?;
    let cancelled = "select count(*) from engine.run_overview as o where o.run_status = 'CANCELED'";
    // Its first step, and no more.
    let step = "select count(*) from engine_tick(10)";
    while stage.value::<i64>(cancelled).await? == 0 {
        stage.value::<i64>(step).await?;
    }
    let browser = Browser::start().await?;
    browser.open(&stage.at(&format!("/bulk/{bulk}"))).await?;
    browser.press("Stop").await?;
    browser.shows("stopped").await?;
    let state = "select b.state::text from engine.bulk as b";
    ensure!(stage.value::<String>(state).await? == "STOPPED");
    let done = stage.value::<i64>(cancelled).await?;
    ensure!(done < 160, "{done} were cancelled before it was stopped");
    stage.session.tick().await?;
    ensure!(stage.value::<i64>(cancelled).await? == done, "it went on");
    browser.open(&stage.at("/bulk")).await?;
    browser.shows("task flood").await?;
    browser.close().await
}

#[tokio::test]
async fn failures_lead_to_their_replay() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    browser
        .open(&stage.at("/failures?task=capture_payment"))
        .await?;
    browser.press("Replay 24 runs…").await?;
    browser.shows("Replay 24 runs?").await?;
    fill_in(&browser, "acquirer answers again", None).await?;
    browser.press("Replay 24 runs").await?;
    browser.shows("Replay of 24 runs").await?;
    stage.session.tick().await?;
    let replayed = "select count(*) from engine.run as r where r.replayed_from is not null";
    while stage.value::<i64>(replayed).await? < 24 {
        stage.session.tick().await?;
    }
    browser.shows("24 replayed").await?;
    // What a bulk operation cannot express is not left out of it: there is no button.
    browser
        .open(&stage.at("/runs?status=failed&task=-t"))
        .await?;
    ensure!(browser.count("main .bulk button:disabled").await? == 8);
    ensure!(browser.count("main .bulk a.btn").await? == 0);
    browser.close().await
}

#[tokio::test]
async fn what_an_operation_refused_is_shown_and_taken_home() -> Result<()> {
    let stage = Stage::set("select engine_trigger('mail', keep => '0')").await?;
    let session = &stage.session;
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await?;
    session.tick().await?;
    let start = "select bulk_id from engine_bulk('replay', '{\"task\": \"mail\"}', dry_run => false, reason => 'x')";
    let bulk: String = stage.value(start).await?;
    let is_running = "select count(*) from engine.bulk as b where b.state = 'RUNNING'";
    while stage.value::<i64>(is_running).await? > 0 {
        session.tick().await?;
    }
    let browser = Browser::start().await?;
    browser.open(&stage.at(&format!("/bulk/{bulk}"))).await?;
    let link = format!("a[download][href='/refusals.csv?bulk={bulk}']");
    browser.one(&link).await?;
    browser.close().await?;
    let file = stage.at(&format!("/refusals.csv?bulk={bulk}"));
    let file = send("GET", &file, &[], "").await?;
    let expected = format!("bulk_id,sqlstate,runs\r\n{bulk},22023,1\r\n");
    ensure!(file.body == expected, "{file:?}");
    Ok(())
}
