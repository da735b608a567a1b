//! PV: runs that wait for a version. DEQ-3 to DEQ-N6: which version does a run, and with what.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::{Value, json};
use tokio_postgres::Row;

/// A database whose environment `prod` has versions.
pub(crate) async fn open() -> Result<Session> {
    of_type("PRODUCTION").await
}

pub(crate) async fn of_type(kind: &str) -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    let set = format!("select engine_set_environment('prod', '{kind}', requires_version => true)");
    session.client.query(&set, &[]).await?;
    Ok(session)
}

/// Registers a version that knows these tasks; gives whether it is the current one, and how many runs it promoted.
pub(crate) async fn register(
    session: &Session,
    version: &str,
    tasks: Value,
) -> Result<(bool, i32)> {
    register_with(session, version, tasks, "image => 'image:1'").await
}

pub(crate) async fn register_with(
    session: &Session,
    version: &str,
    tasks: Value,
    more: &str,
) -> Result<(bool, i32)> {
    let sql = format!(
        "select is_current, promoted_runs from engine_register_worker('prod', '{version}', '{tasks}', {more})"
    );
    let row = session.client.query_one(&sql, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

pub(crate) async fn trigger(session: &Session, task: &str, more: &str) -> Result<String> {
    let arguments = format!("'{task}', environment_id => 'prod'{more}");
    Ok(session.trigger_with(&arguments).await?.run_id)
}

/// One run as `engine_dequeue` hands it out.
pub(crate) async fn dequeue(session: &Session, arguments: &str) -> Result<Option<Row>> {
    let sql = format!("select * from engine_dequeue({arguments})");
    Ok(session.client.query_opt(&sql, &[]).await?)
}

/// Execution status, run status and why it waits.
async fn state(session: &Session, run_id: &str) -> Result<(String, String, Option<String>)> {
    let sql = "select execution_status::text, run_status::text, status_reason from engine.run_state where run_id = $1";
    let row = session.client.query_one(sql, &[&run_id]).await?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

fn parked(reason: &str) -> (String, String, Option<String>) {
    (
        "RUN_CREATED".to_owned(),
        "PENDING_VERSION".to_owned(),
        Some(reason.to_owned()),
    )
}

fn queued() -> (String, String, Option<String>) {
    ("QUEUED".to_owned(), "PENDING".to_owned(), None)
}

#[tokio::test]
async fn pv_1_runs_whose_task_no_version_knows_wait_until_one_does() -> Result<()> {
    let session = open().await?;
    register(&session, "20260801.1", json!(["other"])).await?;
    let runs = [
        trigger(&session, "test", "").await?,
        trigger(&session, "test", "").await?,
    ];
    assert_eq!(session.status(&runs[0]).await?.0, "QUEUED");
    assert_eq!(session.dequeue_many(10).await?, []);
    assert_eq!(session.count("engine.queue_item").await?, 0);
    assert_eq!(session.count("engine.slot").await?, 0);
    for run in &runs {
        assert_eq!(state(&session, run).await?, parked("TASK_NEVER_REGISTERED"));
        let told = ("RUN_CREATED".to_owned(), "PENDING_VERSION".to_owned());
        assert_eq!(session.status(run).await?, told);
    }
    session.check().await?;
    assert_eq!(
        session.told("runStatusChanged").await?[0]["run"]["status"],
        "PENDING_VERSION"
    );

    let answer = register(&session, "20260801.2", json!([{"id": "test"}])).await?;
    assert_eq!(answer, (true, 2));
    for run in &runs {
        assert_eq!(state(&session, run).await?, queued());
    }
    assert_eq!(
        session.told("runStatusChanged").await?[3]["run"]["status"],
        "PENDING"
    );
    session.check().await?;
    let order = session.dequeue_many(10).await?;
    assert_eq!(
        order.iter().map(|held| &held.run_id).collect::<Vec<_>>(),
        [&runs[0], &runs[1]]
    );
    Ok(())
}

#[tokio::test]
async fn pv_1_a_claim_goes_on_behind_the_runs_that_it_parks() -> Result<()> {
    let session = open().await?;
    register(&session, "1", json!(["test"])).await?;
    for _ in 0..3 {
        trigger(&session, "unknown", "").await?;
    }
    let run = trigger(&session, "test", "").await?;
    let row = dequeue(&session, "").await?.context("nothing is queued")?;
    assert_eq!(row.get::<_, &str>("run_id"), run);
    assert_eq!(session.count("engine.parked").await?, 3);

    // The same where there are limits.
    let limit = "select engine_set_environment('prod', concurrency_limit => 10)";
    session.client.query(limit, &[]).await?;
    for _ in 0..3 {
        trigger(&session, "unknown", "").await?;
    }
    let run = trigger(&session, "test", "").await?;
    let row = dequeue(&session, "").await?.context("nothing is queued")?;
    assert_eq!(row.get::<_, &str>("run_id"), run);
    assert_eq!(session.count("engine.parked").await?, 6);
    session.check().await
}

#[tokio::test]
async fn pv_2_runs_whose_queue_the_version_does_not_know_wait_until_one_does() -> Result<()> {
    let session = open().await?;
    register(&session, "1", json!(["test"])).await?;
    let runs = [
        trigger(&session, "test", ", queue => 'mail'").await?,
        trigger(&session, "test", ", queue => 'mail'").await?,
    ];
    assert_eq!(session.dequeue().await?, None);
    assert_eq!(session.dequeue().await?, None);
    assert_eq!(session.count("engine.queue_item").await?, 0);
    for run in &runs {
        assert_eq!(state(&session, run).await?, parked("QUEUE_NOT_FOUND"));
    }
    let queues = "queues => '[{\"name\": \"mail\"}]', image => 'image:2'";
    let answer = register_with(&session, "2", json!(["test"]), queues).await?;
    assert_eq!(answer, (true, 2));
    for run in &runs {
        assert_eq!(state(&session, run).await?, queued());
    }
    session.check().await
}

#[tokio::test]
async fn pv_3_the_time_to_live_begins_with_the_promotion_and_the_place_is_the_old_one() -> Result<()>
{
    let session = open().await?;
    let run = trigger(&session, "test", ", ttl => '10m', priority_ms => 500").await?;
    session.dequeue().await?;
    assert_eq!(state(&session, &run).await?, parked("NO_WORKER"));
    let earlier = "with run as (update engine.run set created_at = created_at - interval '1 hour', \
                                                     queue_timestamp = queue_timestamp - interval '1 hour') \
                   update engine.parked set created_at = created_at - interval '1 hour'";
    session.client.batch_execute(earlier).await?;
    register(&session, "1", json!(["test"])).await?;
    let item = "engine.queue_item i join engine.run r on r.id = i.run_id \
                join engine.snapshot s on s.run_id = r.id and s.transition = 'PROMOTED' \
                where i.available_at = r.queue_timestamp - interval '500 ms' and i.expires_at = s.created_at + interval '10 min'";
    assert_eq!(session.count(item).await?, 1);
    session.check().await
}

#[tokio::test]
async fn a_run_waits_for_want_of_a_version_a_task_or_an_image_and_says_so() -> Result<()> {
    let session = open().await?;
    let reason = async |task: &str| {
        let run = trigger(&session, task, "").await?;
        assert_eq!(session.dequeue().await?, None, "{task}");
        state(&session, &run).await
    };
    assert_eq!(reason("test").await?, parked("NO_WORKER"));
    register(&session, "1", json!(["old"])).await?;
    register(&session, "2", json!(["new"])).await?;
    assert_eq!(reason("old").await?, parked("TASK_NOT_IN_LATEST"));
    assert_eq!(reason("never").await?, parked("TASK_NEVER_REGISTERED"));
    register_with(&session, "3", json!(["new"]), "image => null").await?;
    assert_eq!(reason("new").await?, parked("NO_DEPLOYMENT"), "DEQ-N6");
    session.check().await
}

#[tokio::test]
async fn deq_3_a_dequeued_run_names_its_version_and_its_image() -> Result<()> {
    let session = open().await?;
    register(&session, "20260807.1", json!(["test"])).await?;
    let run = trigger(&session, "test", "").await?;
    let row = dequeue(&session, "").await?.context("nothing is queued")?;
    assert_eq!(row.get::<_, &str>("environment_id"), "prod");
    assert_eq!(row.get::<_, &str>("environment_type"), "PRODUCTION");
    assert_eq!(row.get::<_, &str>("worker_version"), "20260807.1");
    assert_eq!(row.get::<_, &str>("image"), "image:1");
    let told = &session.told("runLocked").await?[0]["run"];
    for (key, value) in [
        ("id", run.as_str()),
        ("status", "DEQUEUED"),
        ("lockedToVersionId", "20260807.1"),
        ("taskVersion", "20260807.1"),
        ("lockedById", "test"),
        ("lockedQueueId", "task/test"),
    ] {
        assert_eq!(told[key], value, "{key}");
    }
    let sql = "select execution #>> '{run,version}' from engine_start_attempt($1, $2)";
    let snapshot: &str = row.get("snapshot_id");
    let started = session.client.query_one(sql, &[&run, &snapshot]).await?;
    assert_eq!(started.get::<_, &str>(0), "20260807.1");
    Ok(())
}

#[tokio::test]
async fn deq_5_versions_go_forward_as_numbers_and_back_when_asked_to() -> Result<()> {
    let session = open().await?;
    let task = || json!(["test"]);
    assert!(register(&session, "20260807.9", task()).await?.0);
    assert!(register(&session, "20260807.10", task()).await?.0);
    assert!(
        !register(&session, "20260807.9", task()).await?.0,
        "an old worker that starts again"
    );
    assert!(
        !register_with(
            &session,
            "20260901.1",
            task(),
            "image => 'i', promote => false"
        )
        .await?
        .0
    );
    let does = async || {
        trigger(&session, "test", "").await?;
        let row = dequeue(&session, "").await?.context("nothing is queued")?;
        Ok::<String, anyhow::Error>(row.get("worker_version"))
    };
    assert_eq!(does().await?, "20260807.10");
    let back = "select is_current from engine_promote_worker('prod', '20260807.9')";
    assert!(session.client.query_one(back, &[]).await?.get::<_, bool>(0));
    assert_eq!(does().await?, "20260807.9");
    let unknown = "select engine_promote_worker('prod', '1')";
    assert_eq!(session.refused(unknown).await?.code, "RE013");
    Ok(())
}

#[tokio::test]
async fn deq_6_in_development_the_version_that_registered_last_does_everything_without_an_image()
-> Result<()> {
    let session = of_type("DEVELOPMENT").await?;
    register_with(&session, "20260807.2", json!(["test"]), "image => null").await?;
    let last = register_with(&session, "20260807.1", json!(["test"]), "image => null").await?;
    assert!(last.0);
    trigger(&session, "test", "").await?;
    let row = dequeue(&session, "").await?.context("nothing is queued")?;
    assert_eq!(row.get::<_, &str>("worker_version"), "20260807.1");
    assert_eq!(row.get::<_, Option<&str>>("image"), None);
    Ok(())
}

#[tokio::test]
async fn deq_7_deq_8_a_worker_that_names_its_version_gets_what_that_does() -> Result<()> {
    for kind in ["PRODUCTION", "DEVELOPMENT"] {
        let session = of_type(kind).await?;
        register(&session, "1", json!(["test"])).await?;
        register_with(&session, "2", json!(["test"]), "image => 'image:2'").await?;
        trigger(&session, "test", "").await?;
        let row = dequeue(&session, "worker_version => '1'")
            .await?
            .context("nothing is queued")?;
        assert_eq!(row.get::<_, &str>("worker_version"), "1", "{kind}");
        assert_eq!(row.get::<_, &str>("image"), "image:1", "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_stays_with_the_version_that_it_was_first_handed_to() -> Result<()> {
    let session = open().await?;
    register(&session, "1", json!(["test"])).await?;
    let run = trigger(&session, "test", "").await?;
    let held = session.take().await?;
    register(&session, "2", json!(["test"])).await?;
    session.lapse(&run).await?;
    session.tick().await?;
    session.make_due(&held.run_id).await?;
    let row = dequeue(&session, "").await?.context("nothing is queued")?;
    assert_eq!(row.get::<_, &str>("worker_version"), "1");
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_bound_to_a_version_waits_for_that_one() -> Result<()> {
    let session = open().await?;
    register(&session, "1", json!(["test"])).await?;
    let run = trigger(&session, "test", ", version => '2'").await?;
    assert_eq!(session.dequeue().await?, None);
    assert_eq!(state(&session, &run).await?, parked("NO_WORKER"));
    assert_eq!(register(&session, "3", json!(["test"])).await?.1, 0);
    assert_eq!(
        register(&session, "2", json!(["test"])).await?,
        (false, 1),
        "not current, and its own run goes"
    );
    let row = dequeue(&session, "").await?.context("nothing is queued")?;
    assert_eq!(row.get::<_, &str>("worker_version"), "2");
    Ok(())
}

#[tokio::test]
async fn deq_n4_an_archived_environment_hands_nothing_out() -> Result<()> {
    let session = open().await?;
    register(&session, "1", json!(["test"])).await?;
    let run = trigger(&session, "test", "").await?;
    let archive = "select engine_set_environment('prod', archived => true)";
    session.client.query(archive, &[]).await?;
    for arguments in ["", "environment_id => 'prod'"] {
        assert!(dequeue(&session, arguments).await?.is_none());
    }
    assert_eq!(state(&session, &run).await?, queued());
    assert_eq!(
        session
            .refused("select engine_trigger('test', environment_id => 'prod')")
            .await?
            .code,
        "RE005"
    );
    session
        .client
        .query(
            "select engine_set_environment('prod', archived => false)",
            &[],
        )
        .await?;
    assert!(dequeue(&session, "").await?.is_some());
    session.check().await
}

#[tokio::test]
async fn deq_n5_a_run_that_a_worker_of_another_version_asks_for_goes_back() -> Result<()> {
    let session = open().await?;
    register(&session, "1", json!(["test"])).await?;
    register(&session, "2", json!(["test"])).await?;
    let bound = trigger(&session, "test", ", version => '2'").await?;
    let free = trigger(&session, "test", "").await?;
    let row = dequeue(&session, "worker_version => '1'")
        .await?
        .context("nothing is queued")?;
    assert_eq!(
        row.get::<_, &str>("run_id"),
        free,
        "it does not stand in the way"
    );
    assert_eq!(state(&session, &bound).await?, queued());
    let back = "engine.run_state s join engine.queue_item i on i.run_id = s.run_id and i.available_at > now() \
                where s.queue_attempts = 1";
    assert_eq!(session.count(back).await?, 1);
    session.make_due(&bound).await?;
    let row = dequeue(&session, "worker_version => '2'")
        .await?
        .context("nothing is queued")?;
    assert_eq!(row.get::<_, &str>("run_id"), bound);
    session.check().await
}

#[tokio::test]
async fn a_parked_run_is_cancelled_rescheduled_and_debounced_as_one_that_waits() -> Result<()> {
    let session = open().await?;
    let debounce = ", debounce => '{\"key\": \"k\", \"delay\": \"1s\"}'";
    let run = trigger(&session, "test", debounce).await?;
    session.bring_on(&run).await?;
    session.tick().await?;
    session.dequeue().await?;
    assert_eq!(state(&session, &run).await?, parked("NO_WORKER"));
    assert_eq!(trigger(&session, "test", debounce).await?, run);
    assert_eq!(state(&session, &run).await?, parked("NO_WORKER"));
    let later =
        "select execution_status, run_status from engine_reschedule($1, now() + interval '1 hour')";
    let row = session.client.query_one(later, &[&run]).await?;
    assert_eq!((row.get(0), row.get(1)), ("RUN_CREATED", "PENDING_VERSION"));
    session.check().await?;
    let gone = trigger(&session, "test", "").await?;
    session.dequeue().await?;
    session
        .client
        .query("select engine_cancel($1)", &[&gone])
        .await?;
    assert_eq!(state(&session, &gone).await?.1, "CANCELED");
    session.check().await?;

    assert_eq!(register(&session, "1", json!(["test"])).await?.1, 1);
    assert_eq!(
        session.status(&run).await?.0,
        "DELAYED",
        "its time was moved"
    );
    session.check().await?;
    session.bring_on(&run).await?;
    session.tick().await?;
    assert_eq!(session.dequeue().await?.map(|held| held.run_id), Some(run));
    Ok(())
}

#[tokio::test]
async fn runs_that_wait_go_once_versions_do_not_matter_any_more() -> Result<()> {
    let session = open().await?;
    let run = trigger(&session, "test", "").await?;
    session.dequeue().await?;
    assert_eq!(state(&session, &run).await?, parked("NO_WORKER"));
    let off = "select engine_set_environment('prod', requires_version => false)";
    session.client.query(off, &[]).await?;
    assert_eq!(state(&session, &run).await?, queued());
    assert_eq!(session.dequeue().await?.map(|held| held.run_id), Some(run));
    session.check().await
}

#[tokio::test]
async fn where_versions_do_not_matter_nothing_is_asked_of_them() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'test', version => '7'").await?;
    session.trigger("test").await?;
    let sql =
        "select worker_version, image from engine_dequeue(max_runs => 2, worker_version => '1.0')";
    let rows = session.client.query(sql, &[]).await?;
    let told: Vec<(&str, Option<&str>)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(told, [("7", None), ("1.0", None)]);
    Ok(())
}
