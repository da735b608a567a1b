//! Text of callers is text, wherever it is shown.

use anyhow::{Result, ensure};
use engine_page::{Browser, Stage};
use serde_json::json;

/// What would execute, if any of these were not escaped.
const EVIL: &str = r#"<script>window.hit = 1</script>"'><img src=x onerror="window.hit = 1"><svg onload="window.hit = 1">"#;

#[tokio::test]
async fn a_script_in_every_text_of_callers_is_inert() -> Result<()> {
    let stage = Stage::set("").await?;
    let text = EVIL.replace('\'', "''");
    let value = json!({EVIL: EVIL}).to_string().replace('\'', "''");
    // Names have bounds of their own; those that are refused are not shown either.
    let stock = format!(
        "do $$ declare t text := '{text}'; v text := '{value}'; r record; begin
             perform engine_set_environment('e');
             perform engine_trigger(t, payload => v, queue => t, worker_queue => 'main', concurrency_key => t, tags => array[t],
                 metadata => v::jsonb, idempotency_key => t, max_attempts => 1, run_id => 'evil');
             select d.run_id, d.snapshot_id into r from engine_dequeue(worker_id => t, runner_id => t) as d;
             select s.run_id, s.snapshot_id into r from engine_start_attempt(r.run_id, r.snapshot_id, worker_id => t, runner_id => t) as s;
             perform engine_trigger(t, queue => t, parent_run_id => 'evil');
             perform engine_fail(r.run_id, r.snapshot_id, t, retry => 'false');
             perform engine_trigger(t, queue => t, run_id => 'held', concurrency_key => t);
             select d.run_id, d.snapshot_id into r from engine_dequeue(worker_id => t, runner_id => t) as d;
             select s.run_id, s.snapshot_id into r from engine_start_attempt(r.run_id, r.snapshot_id, worker_id => t, runner_id => t) as s;
             perform engine_set_schedule(t, t, '* * * * *');
             perform engine_register_worker('default', t, '[]', image => t);
             perform engine_set_queue(t, concurrency_limit => 1);
             perform engine_bulk('cancel', jsonb_build_object('task', t), dry_run => false, reason => t);
         end $$"
    );
    stage.session.client.batch_execute(&stock).await?;
    let bulk = stage
        .value::<String>("select b.bulk_id from engine.bulk as b")
        .await?;
    let browser = Browser::start().await?;
    let queue = EVIL
        .replace('"', "%22")
        .replace('<', "%3C")
        .replace('>', "%3E")
        .replace(' ', "%20")
        .replace('\'', "%27");
    for path in [
        "/".to_owned(),
        "/runs".to_owned(),
        format!("/runs?task={queue}&error={queue}&since=1h"),
        "/runs/run_evil".to_owned(),
        "/runs/run_held?confirm=cancel".to_owned(),
        "/queues".to_owned(),
        format!("/queues?queue={queue}&of=default&name={queue}"),
        "/failures".to_owned(),
        format!("/failures?task={queue}"),
        "/schedules".to_owned(),
        "/workers".to_owned(),
        "/events".to_owned(),
        "/bulk".to_owned(),
        format!("/bulk/{bulk}"),
        format!("/bulk/new?action=cancel&task={queue}"),
        format!("/find?q={queue}"),
        format!("/runs/{queue}"),
        format!("/{queue}"),
    ] {
        browser.open(&stage.at(&path)).await?;
        let hit = browser.evaluate("return [window.hit, document.querySelectorAll('main script, main img, [onload], [onerror]').length]").await?;
        ensure!(hit == json!([null, 0]), "{path}: {hit}");
    }
    browser.open(&stage.at("/runs/run_evil")).await?;
    browser.shows("<script>window.hit = 1</script>").await?;
    browser.close().await
}
