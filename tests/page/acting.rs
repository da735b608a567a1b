//! Each action does what its button says.

use anyhow::{Result, ensure};
use engine_page::{Browser, SHOP, Stage};

#[tokio::test]
async fn a_queue_and_an_environment_are_paused_resumed_and_limited() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    let is_paused = "select q.is_paused from engine.queue as q where q.name = 'payments'";
    browser
        .open(&stage.at("/queues?queue=payments&of=default"))
        .await?;
    let reason = browser.one("input[name=reason]").await?;
    reason.send_keys("INC-2291 <b>bank</b>").await?;
    browser.press("Pause").await?;
    let role: String = stage.value("select current_user::text").await?;
    let told = format!("by {role}: INC-2291 <b>bank</b>. 10 runs are due");
    browser.shows(&told).await?;
    browser.keep("queue-paused").await?;
    ensure!(stage.value::<bool>(is_paused).await?);
    browser.open(&stage.at("/")).await?;
    browser.shows("queue payments is paused since").await?;
    browser
        .open(&stage.at("/queues?queue=payments&of=default"))
        .await?;
    browser.press("Resume").await?;
    browser.shows("2 of 2 slots are in use").await?;
    ensure!(!stage.value::<bool>(is_paused).await?);

    let limit = browser.one("input[name=limit]").await?;
    limit.clear().await?;
    limit.send_keys("7").await?;
    browser.press("Override").await?;
    browser.shows("An override stands in").await?;
    let overridden = "select q.override_limit from engine.queue as q where q.name = 'payments'";
    ensure!(stage.value::<Option<i32>>(overridden).await? == Some(7));
    browser.press("Take the override back").await?;
    browser.shows("until it is taken back").await?;
    ensure!(stage.value::<Option<i32>>(overridden).await?.is_none());
    browser.open(&stage.at("/bulk")).await?;
    let done = browser.one("#actions").await?.text().await?;
    let first = "set queue name payments; paused true; reason INC-2291 <b>bank</b>";
    let shown = done.split_whitespace().collect::<Vec<_>>().join(" ");
    ensure!(shown.contains(&format!("{first} {role}")), "{shown}");
    ensure!(shown.contains("override limit none"), "{shown}");
    browser.keep("actions").await?;

    browser.open(&stage.at("/queues")).await?;
    browser
        .one("a[aria-label='Pause all of default…']")
        .await?
        .click()
        .await?;
    browser.shows("Pause all of default?").await?;
    browser.keep("environment-pause").await?;
    browser
        .one("section.verdict input[name=reason]")
        .await?
        .send_keys("INC-2292")
        .await?;
    browser.press("Pause all of default").await?;
    browser.shows(": INC-2292").await?;
    browser
        .one("button[aria-label='Resume all of default']")
        .await?;
    ensure!(
        stage
            .value::<bool>("select is_paused from engine.environment where id = 'default'")
            .await?
    );
    browser
        .open(&stage.at("/queues?queue=payments&of=default"))
        .await?;
    let told = "its environment default is paused since";
    browser.shows(told).await?;
    browser
        .one("#tags-default-payments .tag[title^='environment default is paused since']")
        .await?;
    let queued = stage
        .run("o.queue = 'payments' and o.execution_status = 'QUEUED'")
        .await?;
    browser.open(&stage.at(&format!("/runs/{queued}"))).await?;
    browser.shows("environment default is paused since").await?;
    browser.close().await
}

#[tokio::test]
async fn a_run_is_cancelled_after_a_question_replayed_redriven_and_begun_before_its_time()
-> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    let waiting = stage.run("o.task = 'fulfil_order'").await?;
    browser.open(&stage.at(&format!("/runs/{waiting}"))).await?;
    browser.press("Cancel…").await?;
    browser.shows("Cancel this run?").await?;
    browser
        .shows("Its child that has not ended is cancelled with it")
        .await?;
    browser.keep("run-cancel").await?;
    browser
        .one("input[name=reason]")
        .await?
        .send_keys("INC-2291")
        .await?;
    browser.press("Cancel the run").await?;
    browser.shows("cancelling").await?;
    let status = format!(
        "select o.execution_status::text from engine.run_overview as o where o.run = '{waiting}'"
    );
    ensure!(stage.value::<String>(&status).await? == "PENDING_CANCEL");

    let failed = stage.run("o.run_status = 'COMPLETED_WITH_ERRORS'").await?;
    browser.open(&stage.at(&format!("/runs/{failed}"))).await?;
    ensure!(
        browser.count("button:disabled").await? == 2,
        "neither redriven nor cancelled"
    );
    browser.press("Replay").await?;
    browser.shows("Replay of").await?;
    let replayed = "select count(*) from engine.run as r where r.replayed_from is not null";
    ensure!(stage.value::<i64>(replayed).await? == 1);

    let delayed = stage.run("o.run_status = 'DELAYED'").await?;
    browser.open(&stage.at(&format!("/runs/{delayed}"))).await?;
    browser.press("Run now").await?;
    stage.session.tick().await?;
    browser.open(&stage.at(&format!("/runs/{delayed}"))).await?;
    browser.shows("queued").await?;
    let status = format!(
        "select o.run_status::text from engine.run_overview as o where o.run = '{delayed}'"
    );
    ensure!(stage.value::<String>(&status).await? == "PENDING");

    let sql = "select engine_trigger('t', queue => 'dead', ttl => '1s', queue_timestamp => now() - interval '1 minute', run_id => 'dead')";
    stage.session.client.batch_execute(sql).await?;
    let lapse = "update engine.queue_item set expires_at = now() - interval '1 second' where run_id = 'dead'";
    stage.session.client.batch_execute(lapse).await?;
    stage.session.tick().await?;
    browser.open(&stage.at("/runs/run_dead")).await?;
    browser.shows("expired").await?;
    browser.press("Redrive").await?;
    browser.shows("queued").await?;
    let status = "select o.run_status::text from engine.run_overview as o where o.run = 'run_dead'";
    ensure!(stage.value::<String>(status).await? == "PENDING");
    browser.close().await
}

#[tokio::test]
async fn a_schedule_is_turned_off_and_on_and_a_version_made_current() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/schedules")).await?;
    browser
        .one("button[aria-label='Turn off nightly-report']")
        .await?
        .click()
        .await?;
    browser.shows("2 active, 2 off").await?;
    browser
        .one("button[aria-label='Turn on nightly-report']")
        .await?
        .click()
        .await?;
    browser.shows("3 active, 1 off").await?;
    browser
        .one("button[aria-label='Run now nightly-report']")
        .await?
        .click()
        .await?;
    browser.shows("nightly_report").await?;
    browser.shows("queued").await?;
    browser.keep("schedule-run").await?;
    let made = "select count(*) from engine.run as r where r.task = 'nightly_report'";
    ensure!(stage.value::<i64>(made).await? == 1);
    browser.open(&stage.at("/workers")).await?;
    browser.press("Make current").await?;
    let current = "select w.version from engine.worker as w where w.is_current";
    ensure!(stage.value::<String>(current).await? == "20261128.3");
    browser.close().await
}
