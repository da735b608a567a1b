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

/// Four runs of a version end, one of them with an error.
const OF_A_VERSION: &str = "
    select engine_trigger('fulfil_order', queue => 'v', worker_queue => 'v', max_attempts => 1, version => '20261128.4')
    from generate_series(1, 4);
    do $$
    declare r record; a record; n integer := 0; begin
        for r in select d.run_id, d.snapshot_id from engine_dequeue('v', max_runs => 4, environment_id => 'default', worker_version => '20261128.4') as d loop
            select s.run_id, s.snapshot_id into a from engine_start_attempt(r.run_id, r.snapshot_id) as s;
            n := n + 1;
            if n = 1 then perform engine_fail(a.run_id, a.snapshot_id, 'no', retry => 'false');
            else perform engine_succeed(a.run_id, a.snapshot_id, '{}');
            end if;
        end loop;
    end $$;
";

#[tokio::test]
async fn pages_say_who_leads_the_tick_and_how_much_of_a_version_fails() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    stage.session.client.batch_execute(OF_A_VERSION).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/")).await?;
    browser.shows("The tick is led by no session").await?;
    let pid: i32 = stage.value("select pg_backend_pid()").await?;
    let lead = "set application_name = 'night watch'; select engine_lead()";
    stage.session.client.batch_execute(lead).await?;
    stage.session.tick().await?;
    let told = format!("led by night watch, session {pid}, and told what happened at");
    browser.shows(&told).await?;
    browser.open(&stage.at("/workers")).await?;
    browser
        .shows(&format!("night watch, session {pid}"))
        .await?;
    browser.shows("25.0 % of 4").await?;
    browser.close().await
}
