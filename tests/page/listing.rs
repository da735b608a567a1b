//! Lists: gone through in both directions while rows come, ordered, and taken home.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::condition::eventually;
use engine_page::http::{Answer, send};
use engine_page::{Browser, SHOP, Stage};

const PATIENCE: Duration = Duration::from_secs(30);

const BACKLOG: &str =
    "select engine_trigger('flood', queue => 'flood') from generate_series(1, 120)";

async fn read(stage: &Stage, path: &str) -> Result<Answer> {
    let answer = send("GET", &stage.at(path), &[], "").await?;
    ensure!(answer.status == 200, "{path}: {answer:?}");
    Ok(answer)
}

/// The runs of a page, in its order.
fn runs(page: &Answer) -> Vec<&str> {
    let rows = page.body.split("id=\"st-").skip(1);
    rows.filter_map(|row| row.split('"').next()).collect()
}

/// Where a link of a page leads.
fn link(page: &Answer, rel: &str) -> Option<String> {
    let (before, _) = page.body.split_once(&format!("rel=\"{rel}\""))?;
    let (_, tag) = before.rsplit_once("<a ")?;
    let (_, address) = tag.split_once("href=\"").or_else(|| {
        let (_, after) = page.body.split_once(&format!("rel=\"{rel}\" href=\""))?;
        Some(("", after))
    })?;
    let address = address.split('"').next()?;
    Some(address.replace("&amp;", "&"))
}

#[tokio::test]
async fn a_list_is_gone_through_in_both_directions_while_rows_come() -> Result<()> {
    let stage = Stage::set(BACKLOG).await?;
    let newest = read(&stage, "/runs?task=flood").await?;
    let older = link(&newest, "next").context("there are no older ones")?;
    ensure!(link(&newest, "prev").is_none());
    stage.session.client.batch_execute(BACKLOG).await?;

    let second = read(&stage, &older).await?;
    let (first_page, second_page) = (runs(&newest), runs(&second));
    ensure!(first_page.len() == 50 && second_page.len() == 50);
    ensure!(first_page.iter().all(|id| !second_page.contains(id)));
    let all: Vec<&str> = [first_page.as_slice(), second_page.as_slice()].concat();
    ensure!(all.is_sorted_by(|newer, older| newer > older), "{all:?}");

    let back = link(&second, "prev").context("there are no newer ones")?;
    let back = read(&stage, &back).await?;
    ensure!(runs(&back) == first_page, "{:?}", runs(&back));
    let mut up = link(&back, "prev");
    let mut came = Vec::new();
    while let Some(path) = up {
        let page = read(&stage, &path).await?;
        came.extend(runs(&page).into_iter().map(str::to_owned));
        up = link(&page, "prev");
    }
    ensure!(came.len() == 120, "{} came meanwhile", came.len());
    let last = read(&stage, &link(&second, "next").context("no older ones")?).await?;
    ensure!(runs(&last).len() == 20 && link(&last, "next").is_none());

    // The same among failures, which are found elsewhere.
    let fail = "select engine_create_failed_run('{\"task\": \"bad\"}', '{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}') \
                from generate_series(1, 60)";
    stage.session.client.batch_execute(fail).await?;
    let newest = read(&stage, "/runs?error=no").await?;
    let older = read(&stage, &link(&newest, "next").context("no older failures")?).await?;
    ensure!(runs(&older).len() == 10, "{:?}", runs(&older));
    let back = read(&stage, &link(&older, "prev").context("no newer failures")?).await?;
    ensure!(runs(&back) == runs(&newest));
    Ok(())
}

#[tokio::test]
async fn a_list_that_is_watched_says_how_many_newer_runs_match_and_stays_as_it_is() -> Result<()> {
    let stage = Stage::set("select engine_trigger('flood') from generate_series(1, 3)").await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/runs?task=flood")).await?;
    let more =
        "select engine_trigger('flood') from generate_series(1, 2); select engine_trigger('other')";
    stage.session.client.batch_execute(more).await?;
    eventually("newer runs are told", PATIENCE, async || {
        let text = browser.one("#newer").await?.text().await;
        Ok(text.is_ok_and(|text| text.starts_with("2 newer runs match")))
    })
    .await?;
    ensure!(browser.count("tbody tr").await? == 3);
    browser.press("Show them").await?;
    browser.shows("5 runs").await?;
    browser.close().await
}

#[tokio::test]
async fn a_file_has_what_its_list_shows_and_no_payload_and_no_formula() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let fail = "select engine_create_failed_run('{\"task\": \"sheet\", \"payload\": \"\\\"tok_0123456789\\\"\"}', \
                '{\"type\": \"STRING_ERROR\", \"raw\": \"=HYPERLINK(1), or \\\"so\\\"\"}')";
    stage.session.client.batch_execute(fail).await?;
    let start = "select engine_bulk('redrive', '{\"task\": \"sheet\"}', dry_run => false, reason => 'night shift')";
    stage.session.client.batch_execute(start).await?;
    for (list, rows, texts) in [
        (
            "runs.csv?task=capture_payment&status=failed",
            24,
            &["run_id,task,", ",capture_payment,orders,failed,"][..],
        ),
        (
            "runs.csv?task=sheet",
            1,
            &["\"'=HYPERLINK(1), or \"\"so\"\"\""],
        ),
        ("failures.csv", 3, &["capture_payment,TIMEOUT,"]),
        ("queues.csv?only=paused", 1, &["erp,default,3,"]),
        (
            "schedules.csv",
            4,
            &["nightly-report,default,nightly_report,"],
        ),
        ("workers.csv", 3, &["mail-3f0c-rt5p2,mail,0,16,"]),
        (
            "bulk.csv",
            1,
            &[",redrive,RUNNING,", ",night shift,", "{\"\"task\"\":"],
        ),
        (
            "minutes.csv",
            60,
            &["minute,failed,retried,succeeded,cancelled"],
        ),
    ] {
        let file = read(&stage, &format!("/{list}")).await?;
        ensure!(
            file.head.contains("content-type: text/csv"),
            "{list}: {file:?}"
        );
        ensure!(
            file.head.contains("content-disposition: attachment"),
            "{list}"
        );
        let lines = file.body.trim_end().split("\r\n").count();
        ensure!(lines == rows + 1, "{list}: {}", file.body);
        for text in texts {
            ensure!(
                file.body.contains(text),
                "{list} lacks {text}: {}",
                file.body
            );
        }
        ensure!(!file.body.contains("tok_0123456789"), "{list}");
    }
    let page = read(&stage, "/runs?task=sheet").await?;
    ensure!(
        page.body.contains("href=\"/runs.csv?task=sheet\""),
        "{}",
        page.body
    );
    Ok(())
}

#[tokio::test]
async fn queues_are_ordered_by_the_column_that_was_chosen() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let browser = Browser::start().await?;
    browser.open(&stage.at("/queues")).await?;
    let names =
        "return [...document.querySelectorAll('tbody tr[data-row] th a')].map(a => a.textContent)";
    let usual = browser.evaluate(names).await?;
    browser
        .one("thead a[href*='sort=name']")
        .await?
        .click()
        .await?;
    browser.one("th[aria-sort=ascending]").await?;
    let sorted = browser.evaluate(names).await?;
    let mut expected = usual.as_array().cloned().unwrap_or_default();
    expected.sort_by_key(|name| name.as_str().map(str::to_owned));
    ensure!(sorted.as_array() == Some(&expected), "{sorted}");
    ensure!(sorted != usual);
    browser
        .one("thead a[href*='sort=due']")
        .await?
        .click()
        .await?;
    browser.one("th[aria-sort=descending]").await?;
    let first = browser.evaluate(names).await?;
    ensure!(first[0] == "payments", "{first}");
    browser.close().await
}
