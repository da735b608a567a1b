//! What a list shows of a filter is what a bulk operation of it acts on.

use anyhow::{Context, Result, ensure};
use engine_page::http::send;
use engine_page::{SHOP, Stage};

/// A run that was triggered a year before it ended, and one whose worker queue is another.
const OTHERS: &str = "
    select engine_trigger('old', queue => 'old', worker_queue => 'gpu', max_attempts => 1);
    update engine.run set created_at = created_at - interval '1 year' where task = 'old';
    do $$
    declare r record; begin
        select d.run_id, d.snapshot_id into r from engine_dequeue('gpu') as d;
        select s.run_id, s.snapshot_id into r from engine_start_attempt(r.run_id, r.snapshot_id) as s;
        perform engine_complete_attempt(r.run_id, r.snapshot_id, '{\"ok\": false, \"retry\": null, \"error\":
            {\"type\": \"BUILT_IN_ERROR\", \"name\": \"Ledger\", \"code\": \"E42\", \"message\": \"books do not balance\", \"stackTrace\": \"\"}}');
    end $$;
    select engine_trigger('new', queue => 'old', worker_queue => 'gpu');
";

/// The number of runs in the heading of a page.
async fn number(stage: &Stage, path: &str) -> Result<i64> {
    let page = send("GET", &stage.at(path), &[], "").await?;
    let (_, head) = page
        .body
        .split_once("<h1>")
        .with_context(|| format!("{path} has no heading: {}", page.body))?;
    let (before, _) = head
        .split_once(" run")
        .with_context(|| format!("{path} has no number: {head}"))?;
    let digits = before.rsplit(['>', ' ']).next().unwrap_or_default();
    digits.parse().with_context(|| format!("{path}: {before}"))
}

#[tokio::test]
async fn a_list_and_a_bulk_operation_of_its_filter_are_about_the_same_runs() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    stage.session.client.batch_execute(OTHERS).await?;
    for (filter, expected) in [
        ("error=TIMEOUT+acquirer", 24),
        ("error=timeout", 24),
        ("error=e42+books", 1),
        ("error=ledger", 1),
        ("code=TIMEOUT", 24),
        ("code=E42,TIMEOUT", 25),
        ("code=acquirer", 0),
        ("metadata=step,other", 1),
        ("metadata=step%3Dcapture", 1),
        ("metadata=step%3Dship", 0),
        ("worker=gpu", 2),
        ("worker=gpu&status=failed", 1),
        ("worker=gpu&since=1h", 1),
        ("worker=gpu&status=failed&since=1h", 1),
        ("worker=gpu&until=1h&status=failed", 0),
        ("worker=gpu&until=1h", 1),
        ("error=balance&since=1h", 1),
        ("status=failed&task=resize_image", 3),
    ] {
        let listed = number(&stage, &format!("/runs?{filter}")).await?;
        ensure!(listed == expected, "{filter}: {listed} are listed");
        let acted = number(&stage, &format!("/bulk/new?action=replay&{filter}")).await?;
        ensure!(acted == expected, "{filter}: {acted} are acted on");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_bulk_operation_cannot_say_is_told_with_what_it_can() -> Result<()> {
    let stage = Stage::set(SHOP).await?;
    let page = send("GET", &stage.at("/runs?queue=-orders"), &[], "").await?;
    let told = "a bulk operation matches what is included, not what a dash excludes";
    ensure!(page.body.contains(told), "{}", page.body);
    Ok(())
}
