//! Live pages, and keys.

use std::time::Duration;

use anyhow::{Result, ensure};
use engine_harness::condition::eventually;
use engine_page::{Browser, SHOP, Stage};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_page_changes_in_place_while_it_is_watched() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/queues")).await?;
    eventually("it is live", PATIENCE, async || {
        Ok(browser
            .one(".live")
            .await?
            .text()
            .await?
            .starts_with("live"))
    })
    .await?;
    browser.evaluate("window.isSame = true").await?;
    let more = "select engine_trigger('sync_erp', queue => 'erp') from generate_series(1, 4)";
    stage.session.client.batch_execute(more).await?;
    eventually("the new runs are counted", PATIENCE, async || {
        Ok(browser
            .one("#due-default-erp")
            .await?
            .text()
            .await?
            .starts_with('7'))
    })
    .await?;
    ensure!(
        browser.evaluate("return window.isSame").await? == true,
        "it was loaded again"
    );

    browser.open(&stage.at("/queues?live=0")).await?;
    let head = browser.one(".live").await?.text().await?;
    ensure!(head.contains("go on"), "{head}");
    browser.close().await
}

#[tokio::test]
async fn keys_lead_from_page_to_page_and_none_acts() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/")).await?;
    let press = async |keys: &str| {
        browser
            .one("body")
            .await?
            .send_keys(keys)
            .await
            .map_err(anyhow::Error::from)
    };
    press("gr").await?;
    browser.shows("generate_invoice").await?;
    press("j").await?;
    press("j").await?;
    ensure!(browser.count("tr.picked").await? == 1);
    let focused = browser
        .evaluate("return document.activeElement.closest('tr').rowIndex")
        .await?;
    ensure!(focused == 2, "{focused}");
    press("gq").await?;
    browser.shows("Environments").await?;
    press("?").await?;
    ensure!(browser.count("dialog[open]").await? == 1);
    browser.close().await
}
