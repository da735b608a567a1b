//! Operators' overrides of worker queues.

use anyhow::Result;
use engine_harness::{Database, Session};

/// The worker queue of a run that names `main`, in environment `env` of project `project` and organization `org`.
async fn resolved(overrides: &str) -> Result<String> {
    let database = Database::fresh().await?;
    database
        .set("engine.worker_queue_overrides", overrides)
        .await?;
    let session = Session::open(&database).await?;
    let sql =
        "select engine_set_environment('env', project_id => 'project', organization_id => 'org')";
    session.client.batch_execute(sql).await?;
    session
        .trigger_with("'test', environment_id => 'env', worker_queue => 'main'")
        .await?;
    let sql = "select i.worker_queue from engine.queue_item as i join engine.run as r on r.id = i.run_id and r.worker_queue = i.worker_queue";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

/// Spec: WR-01, WR-15.
#[tokio::test]
async fn without_an_override_a_run_goes_where_it_says() -> Result<()> {
    for overrides in [
        "",
        "{}",
        r#"{"environmentId": {}, "projectId": {}, "orgId": {}, "workerQueue": {}}"#,
    ] {
        assert_eq!(resolved(overrides).await?, "main");
    }
    Ok(())
}

/// Spec: WR-02, WR-06.
#[tokio::test]
async fn a_run_is_overridden_by_what_it_belongs_to() -> Result<()> {
    for overrides in [
        r#"{"environmentId": {"env": "there"}}"#,
        r#"{"projectId": {"project": "there"}}"#,
        r#"{"orgId": {"org": "there"}}"#,
        r#"{"workerQueue": {"main": "there"}}"#,
    ] {
        assert_eq!(resolved(overrides).await?, "there", "{overrides}");
    }
    assert_eq!(
        resolved(r#"{"environmentId": {"other": "there"}}"#).await?,
        "main"
    );
    Ok(())
}

/// Spec: WR-07, WR-09.
#[tokio::test]
async fn the_nearest_override_wins() -> Result<()> {
    let all = r#"{"environmentId": {"env": "1"}, "projectId": {"project": "2"}, "orgId": {"org": "3"}, "workerQueue": {"main": "4"}}"#;
    assert_eq!(resolved(all).await?, "1");
    assert_eq!(resolved(&all.replace("\"env\"", "\"x\"")).await?, "2");
    Ok(())
}

/// Spec: WR-10, WR-13.
#[tokio::test]
async fn an_override_that_cannot_be_read_stops_nothing() -> Result<()> {
    for overrides in ["{", "\"text\"", "null", r#"{"environmentId": {"env": 5}}"#] {
        assert_eq!(resolved(overrides).await?, "main", "{overrides}");
    }
    Ok(())
}
