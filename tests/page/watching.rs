//! Live pages, and keys.

use std::time::Duration;

use anyhow::{Result, ensure};
use engine_harness::condition::eventually;
use engine_page::{Browser, SHOP, Stage};

const PATIENCE: Duration = Duration::from_secs(30);

/// Returns when the text of an element begins so. The element may be exchanged meanwhile.
async fn starts(browser: &Browser, selector: &str, text: &str) -> Result<()> {
    let what = format!("{selector} begins with {text}");
    eventually(&what, PATIENCE, async || {
        let element = browser.one(selector).await?;
        Ok(element
            .text()
            .await
            .is_ok_and(|shown| shown.starts_with(text)))
    })
    .await
}

#[tokio::test]
async fn a_page_changes_in_place_while_it_is_watched() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/queues")).await?;
    starts(&browser, ".live", "live").await?;
    browser.evaluate("window.isSame = true").await?;
    let more = "select engine_trigger('sync_erp', queue => 'erp') from generate_series(1, 4)";
    stage.session.client.batch_execute(more).await?;
    starts(&browser, "#due-default-erp", "7").await?;
    let is_same = browser.evaluate("return window.isSame").await?;
    ensure!(is_same == true, "it was loaded again");

    browser.open(&stage.at("/queues?live=0")).await?;
    let head = browser.one(".live").await?.text().await?;
    ensure!(head.contains("go on"), "{head}");
    browser.close().await
}

#[tokio::test]
async fn a_page_that_changes_rarely_since_it_is_slow_says_how_often() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/queues")).await?;
    starts(&browser, ".live", "live").await?;
    // A rendering takes as long as another session has what it reads.
    let holder = stage.database.connect().await?;
    holder
        .batch_execute("begin; lock table engine.environment in access exclusive mode")
        .await?;
    let waits = "select count(*) from pg_stat_activity as a where a.datname = current_database() and a.wait_event_type = 'Lock' \
                 and clock_timestamp() - a.query_start > interval '500 milliseconds'";
    eventually("a rendering waits", PATIENCE, async || {
        Ok(stage.value::<i64>(waits).await? > 0)
    })
    .await?;
    holder.batch_execute("commit").await?;
    starts(&browser, ".live", "live, every ").await?;
    browser.close().await
}

#[tokio::test]
async fn keys_lead_from_page_to_page_and_none_acts() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/")).await?;
    let press = async |keys: &str| {
        let body = browser.one("body").await?;
        body.send_keys(keys).await.map_err(anyhow::Error::from)
    };
    press("gr").await?;
    browser.shows("generate_invoice").await?;
    press("j").await?;
    press("j").await?;
    ensure!(browser.count("tr.picked").await? == 1);
    let row = "return document.activeElement.closest('tr').rowIndex";
    let row = browser.evaluate(row).await?;
    ensure!(row == 2, "{row}");
    press("gq").await?;
    browser.shows("Environments").await?;
    let paused = "select count(*) from engine.queue as q where q.is_paused";
    let before: i64 = stage.value(paused).await?;
    // All but those that leave the page.
    press("jabcdefhijkmnopqrstvwxyz0123456789").await?;
    ensure!(stage.value::<i64>(paused).await? == before, "a key acts");
    press("?").await?;
    ensure!(browser.count("dialog[open]").await? == 1);
    browser.close().await
}
