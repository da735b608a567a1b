//! Many runs are taken back, delayed, moved and put ahead: counted and shown before it happens, as all that is done with many.

use anyhow::{Result, ensure};
use engine_page::{Browser, SHOP, Stage};

/// Three runs that wait for their time, and five that wait in a queue.
const STOCK: &str = "
    select engine_trigger('later', delay_until => now() + interval '7 days') from generate_series(1, 3);
    select engine_trigger('flood', queue => 'flood') from generate_series(1, 5);
";

/// Tells an action what it must be told.
async fn tell(browser: &Browser, text: &str) -> Result<()> {
    let field = browser.one("input[name=option]").await?;
    field.send_keys(text).await?;
    browser.press("Count its runs").await
}

/// Confirms the question that is shown.
async fn confirm(browser: &Browser, button: &str) -> Result<()> {
    let reason = browser.one("input[name=reason]").await?;
    reason.send_keys("INC-2291").await?;
    browser.press(button).await
}

/// Ticks until a statement counts as many, and the operation has ended.
async fn until(stage: &Stage, sql: &str, expected: i64) -> Result<()> {
    let running = "select count(*) from engine.bulk as b where b.state = 'RUNNING'";
    while stage.value::<i64>(sql).await? != expected || stage.value::<i64>(running).await? > 0 {
        stage.session.tick().await?;
    }
    Ok(())
}

#[tokio::test]
async fn runs_of_a_filter_move_to_another_queue() -> Result<()> {
    let stage = Stage::set(STOCK).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/runs?task=flood")).await?;
    browser.press("Move…").await?;
    browser.shows("Move: to what?").await?;
    browser.keep("bulk-ask").await?;
    tell(&browser, "slow").await?;
    browser.shows("Move 5 runs to queue slow?").await?;
    browser.shows("moved to queue slow").await?;
    let started = "select count(*) from engine.bulk";
    ensure!(
        stage.value::<i64>(started).await? == 0,
        "a preview starts nothing"
    );
    confirm(&browser, "Move 5 runs").await?;
    browser.shows("Move of 5 runs").await?;
    let moved = "select count(*) from engine.run_overview as o where o.queue = 'slow' and o.execution_status = 'QUEUED'";
    until(&stage, moved, 5).await?;
    browser.shows("5 moved").await?;
    browser.shows("options => '{\"queue\":\"slow\"}'").await?;
    browser.close().await
}

#[tokio::test]
async fn runs_of_a_filter_are_put_ahead_in_their_queue() -> Result<()> {
    let stage = Stage::set(STOCK).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/runs?task=flood")).await?;
    browser.press("Set priority…").await?;
    tell(&browser, "much").await?;
    browser.shows("“much” does not say that").await?;
    tell(&browser, "10m").await?;
    browser
        .shows("Set priority of 5 runs to 10 min 00 s ahead?")
        .await?;
    confirm(&browser, "Set priority of 5 runs").await?;
    let ahead = "select count(*) from engine.run as r where r.priority_ms = 600000";
    until(&stage, ahead, 5).await?;
    browser.shows("5 set").await?;
    browser.close().await
}

#[tokio::test]
async fn delayed_runs_of_a_filter_get_another_time() -> Result<()> {
    let stage = Stage::set(STOCK).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/runs?task=later")).await?;
    browser.press("Reschedule…").await?;
    tell(&browser, "2030-01-01T04:30:00Z").await?;
    browser
        .shows("Reschedule 3 runs to 1 Jan 2030, 04:30?")
        .await?;
    confirm(&browser, "Reschedule 3 runs").await?;
    let delayed =
        "select count(*) from engine.run_detail as o where o.delay_until = '2030-01-01T04:30:00Z'";
    until(&stage, delayed, 3).await?;
    browser.shows("3 rescheduled").await?;

    browser
        .open(&stage.at("/bulk/new?action=reschedule&task=later&option=now"))
        .await?;
    confirm(&browser, "Reschedule 3 runs").await?;
    let queued = "select count(*) from engine.run_overview as o where o.task = 'later' and o.execution_status = 'QUEUED'";
    until(&stage, queued, 3).await?;
    browser.close().await
}

#[tokio::test]
async fn runs_of_a_filter_are_taken_back_from_their_workers() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    let held = "select count(*) from engine.run_overview as o where o.queue = 'payments' and o.execution_status = 'EXECUTING'";
    let before = stage.value::<i64>(held).await?;
    ensure!(before > 1, "{before} are held");
    browser
        .open(&stage.at("/runs?status=running&queue=payments"))
        .await?;
    browser.press("Release…").await?;
    browser.shows(&format!("Release {before} runs?")).await?;
    confirm(&browser, &format!("Release {before} runs")).await?;
    until(&stage, held, 0).await?;
    browser.shows(&format!("{before} released")).await?;
    browser.close().await
}
