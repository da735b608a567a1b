//! Pages say what the database says.

use anyhow::{Result, ensure};
use engine_page::{Browser, SHOP, Stage};

#[tokio::test]
async fn each_page_says_what_is_wrong_first_and_what_there_is() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    let waiting = stage.run("o.task = 'fulfil_order'").await?;
    let failed = stage
        .run("o.run_status = 'COMPLETED_WITH_ERRORS' and o.task = 'capture_payment'")
        .await?;
    for (name, path, texts) in [
        (
            "overview",
            "/".to_owned(),
            &[
                "capture_payment fails since",
                "24 of the 27 failures of the last hour",
                "queue erp is paused",
            ][..],
        ),
        (
            "runs",
            "/runs".to_owned(),
            &["generate_invoice", "succeeded", "cancelled", "delayed"],
        ),
        (
            "runs-failed",
            "/runs?status=failed&task=capture_payment".to_owned(),
            &["24 runs", "no answer in 30 s"],
        ),
        (
            "run",
            format!("/runs/{waiting}"),
            &[
                "Waits",
                "for capture_payment, which has failed 1 of 5 times",
                "Attempt 2",
                "64.90",
            ],
        ),
        (
            "run-failed",
            format!("/runs/{failed}"),
            &["Failed at", "in its only attempt", "TIMEOUT acquirer"],
        ),
        (
            "queues",
            "/queues".to_owned(),
            &["payments", "paused", "full", "2 / 2"],
        ),
        (
            "failures",
            "/failures".to_owned(),
            &["27 runs, 2 kinds", "capture_payment", "resize_image"],
        ),
        (
            "schedules",
            "/schedules".to_owned(),
            &["nightly-report", "Europe/Berlin", "3 active, 1 off"],
        ),
        (
            "workers",
            "/workers".to_owned(),
            &[
                "payments-5d7b-9wd2x",
                "2 / 4",
                "mail-3f0c-rt5p2",
                "0 / 16",
                "ready",
                "20261128.4",
                "current",
            ],
        ),
        (
            "events",
            "/events".to_owned(),
            &["dequeued", "capture_payment"],
        ),
    ] {
        browser.open(&stage.at(&path)).await?;
        browser.keep(name).await?;
        let shown = browser.text().await?;
        for text in texts {
            ensure!(shown.contains(text), "{name} does not say {text}:\n{shown}");
        }
    }
    browser.close().await
}
