//! Which version executes a run, and with which settings; and parked runs.

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

/// Registers a version with these tasks; returns whether it is current, and how many runs it promoted.
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

/// One run as `engine_dequeue` returns it.
pub(crate) async fn dequeue(session: &Session, arguments: &str) -> Result<Option<Row>> {
    let sql = format!("select * from engine_dequeue({arguments})");
    Ok(session.client.query_opt(&sql, &[]).await?)
}

/// Execution status, run status and why it waits.
pub(crate) async fn state(
    session: &Session,
    run_id: &str,
) -> Result<(String, String, Option<String>)> {
    let sql = "select execution_status::text, run_status::text, status_reason from engine.run_state where run_id = $1";
    let row = session.client.query_one(sql, &[&run_id]).await?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

pub(crate) fn parked(reason: &str) -> (String, String, Option<String>) {
    (
        "RUN_CREATED".to_owned(),
        "PENDING_VERSION".to_owned(),
        Some(reason.to_owned()),
    )
}

pub(crate) fn queued() -> (String, String, Option<String>) {
    ("QUEUED".to_owned(), "PENDING".to_owned(), None)
}

/// Spec: DEQ-3.
#[tokio::test]
async fn a_dequeued_run_names_its_version_and_its_image() -> Result<()> {
    let session = open().await?;
    register(&session, "20260807.1", json!(["test"])).await?;
    let run = trigger(&session, "test", "").await?;
    let row = dequeue(&session, "").await?.context("nothing is queued")?;
    assert_eq!(row.get::<_, &str>("environment_id"), "prod");
    assert_eq!(row.get::<_, &str>("environment_type"), "PRODUCTION");
    assert_eq!(row.get::<_, &str>("worker_version"), "20260807.1");
    assert_eq!(row.get::<_, &str>("image"), "image:1");
    let locked = &session.events_named("runLocked").await?[0]["run"];
    for (key, value) in [
        ("id", run.as_str()),
        ("status", "DEQUEUED"),
        ("lockedToVersionId", "20260807.1"),
        ("taskVersion", "20260807.1"),
        ("lockedById", "test"),
        ("lockedQueueId", "task/test"),
    ] {
        assert_eq!(locked[key], value, "{key}");
    }
    let sql = "select execution #>> '{run,version}' from engine_start_attempt($1, $2)";
    let snapshot: &str = row.get("snapshot_id");
    let started = session.client.query_one(sql, &[&run, &snapshot]).await?;
    assert_eq!(started.get::<_, &str>(0), "20260807.1");
    Ok(())
}

/// Spec: DEQ-5.
#[tokio::test]
async fn versions_go_forward_as_numbers_and_back_when_asked_to() -> Result<()> {
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

/// Spec: DEQ-6.
#[tokio::test]
async fn in_development_the_version_that_registered_last_does_everything_without_an_image()
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

/// Spec: DEQ-7, DEQ-8.
#[tokio::test]
async fn a_worker_that_names_its_version_gets_what_that_does() -> Result<()> {
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

/// Spec: DEQ-N4.
#[tokio::test]
async fn an_archived_environment_hands_nothing_out() -> Result<()> {
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

/// Spec: DEQ-N5.
#[tokio::test]
async fn a_run_that_a_worker_of_another_version_asks_for_goes_back() -> Result<()> {
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
async fn where_versions_do_not_matter_nothing_is_asked_of_them() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'test', version => '7'").await?;
    session.trigger("test").await?;
    let sql =
        "select worker_version, image from engine_dequeue(max_runs => 2, worker_version => '1.0')";
    let rows = session.client.query(sql, &[]).await?;
    let found: Vec<(&str, Option<&str>)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(found, [("7", None), ("1.0", None)]);
    Ok(())
}

#[tokio::test]
async fn a_run_that_its_parent_waits_for_is_done_by_the_version_of_the_parent() -> Result<()> {
    let session = open().await?;
    register(&session, "20260801.1", json!(["parent", "child"])).await?;
    trigger(&session, "parent", "").await?;
    let parent = session.take().await?;
    register(&session, "20260801.2", json!(["parent", "child"])).await?;
    let of = |more: &str| format!(", parent_run_id => '{}'{more}", parent.run_id);
    let waits = of(", resume_parent => true");
    trigger(&session, "child", &waits).await?;
    trigger(&session, "child", &of("")).await?;
    trigger(
        &session,
        "child",
        &format!("{waits}, version => '20260801.2'"),
    )
    .await?;
    for version in ["20260801.1", "20260801.2", "20260801.2"] {
        let row = dequeue(&session, "").await?.context("nothing is queued")?;
        assert_eq!(row.get::<_, &str>("worker_version"), version);
    }
    session.check().await
}

#[tokio::test]
async fn a_version_that_is_not_required_is_passed_to_the_worker() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for worker_version in ["", ", worker_version => '2'"] {
        session.trigger_with("'t', version => '7'").await?;
        let row = dequeue(&session, &format!("'main'{worker_version}")).await?;
        let row = row.context("it binds the run to no version")?;
        assert_eq!(row.get::<_, Option<&str>>("worker_version"), Some("7"));
    }
    session.check().await
}
