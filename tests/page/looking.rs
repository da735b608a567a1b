//! Pages in dark and light, narrow, without scripts, and as screen readers need them.

use anyhow::{Result, ensure};
use engine_page::{Browser, Look, SHOP, Stage, findings};

/// The pages of the shop.
async fn pages(stage: &Stage) -> Result<Vec<(&'static str, String)>> {
    let waiting = stage.run("o.task = 'fulfil_order'").await?;
    let failed = stage
        .run("o.run_status = 'COMPLETED_WITH_ERRORS' and o.task = 'capture_payment'")
        .await?;
    let bulk = "select bulk_id from engine_bulk('replay', '{\"task\": \"capture_payment\", \"status\": [\"COMPLETED_WITH_ERRORS\"]}', \
                dry_run => false, reason => 'acquirer answers again')";
    let bulk: String = stage.value(bulk).await?;
    Ok(vec![
        ("overview", "/".to_owned()),
        ("runs", "/runs".to_owned()),
        (
            "runs-filtered",
            "/runs?status=failed&task=capture_payment&error=no+answer&since=1h".to_owned(),
        ),
        ("run", format!("/runs/{waiting}")),
        ("run-failed", format!("/runs/{failed}")),
        ("failures", "/failures".to_owned()),
        ("queues", "/queues?queue=payments&of=default".to_owned()),
        ("schedules", "/schedules".to_owned()),
        ("workers", "/workers".to_owned()),
        ("bulk-list", "/bulk".to_owned()),
        ("bulk-one", format!("/bulk/{bulk}")),
        (
            "bulk-preview",
            "/bulk/new?action=replay&status=failed&task=capture_payment".to_owned(),
        ),
        (
            "bulk-ask",
            "/bulk/new?action=move&task=capture_payment".to_owned(),
        ),
        ("events", "/events".to_owned()),
    ])
}

#[tokio::test]
async fn axe_finds_nothing_and_nothing_scrolls_sideways() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    let mut found = Vec::new();
    for (name, path) in pages(&stage).await? {
        browser.look(Look::WIDE).await?;
        browser.open(&stage.at(&path)).await?;
        for (look, suffix) in [
            (Look::WIDE, ""),
            (Look::DARK, "-dark"),
            (Look::NARROW, "-narrow"),
        ] {
            browser.look(look).await?;
            browser.keep(&format!("{name}{suffix}")).await?;
            let findings = findings(&browser).await?;
            found.extend(
                findings
                    .into_iter()
                    .map(|finding| format!("{name}{suffix}: {finding}")),
            );
            let room = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            let room = browser.evaluate(room).await?;
            if room != 0 {
                found.push(format!(
                    "{name}{suffix} is wider than the window, by {room}"
                ));
            }
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    browser.close().await
}

#[tokio::test]
async fn pages_read_without_scripts_and_say_as_of_when_they_are() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::without_scripts().await?;
    for (name, path) in pages(&stage).await? {
        browser.open(&stage.at(&path)).await?;
        let head = browser.one(".live").await?.text().await?;
        ensure!(head.starts_with("as of"), "{name}: {head}");
        ensure!(!browser.text().await?.is_empty(), "{name}");
    }
    browser.open(&stage.at("/runs?status=failed")).await?;
    ensure!(browser.count("tbody tr").await? == 27);
    browser
        .one("#add")
        .await?
        .send_keys("task:resize_image\u{e007}")
        .await?;
    browser.shows("3 runs").await?;
    let address = browser.client().current_url().await?;
    ensure!(
        address.query() == Some("status=failed&task=resize_image"),
        "{address}"
    );
    // Actions need none either.
    browser.open(&stage.at("/queues")).await?;
    browser
        .one("button[aria-label='Pause payments']")
        .await?
        .click()
        .await?;
    browser.one("button[aria-label='Resume payments']").await?;
    browser.close().await
}

#[tokio::test]
async fn the_theme_follows_the_system_until_one_is_chosen() -> Result<()> {
    let stage = Stage::set("").await?;
    let browser = Browser::start().await?;
    let background = "return getComputedStyle(document.documentElement).backgroundColor";
    let (light, dark) = ("rgb(246, 247, 246)", "rgb(15, 18, 17)");
    for (look, path, expected) in [
        (Look::WIDE, "/", light),
        (Look::DARK, "/", dark),
        (Look::DARK, "/?theme=light", light),
        (Look::DARK, "/runs", light),
        (Look::WIDE, "/?theme=dark", dark),
        (Look::WIDE, "/runs?theme=", light),
        (Look::DARK, "/runs", dark),
    ] {
        browser.look(look).await?;
        browser.open(&stage.at(path)).await?;
        let shown = browser.evaluate(background).await?;
        ensure!(shown == expected, "{path}, {look:?}: {shown}");
    }
    browser.close().await
}
