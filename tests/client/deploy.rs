//! `Engine`: the methods of those who deploy.

use anyhow::Result;
use engine_client::{
    Engine, EnvironmentChange, ErrorKind, NewVersion, RunStatus, ScheduleChange, Trigger,
};
use engine_harness::Database;
use serde_json::json;

#[tokio::test]
async fn a_run_waits_for_the_version_that_knows_it_and_an_older_one_can_be_made_current()
-> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    let strict = EnvironmentChange::new("default").requires_version(true);
    engine.set_environment(&strict).await?;
    let known = NewVersion::new("2").task(json!({"id": "t", "maxDuration": 9}));
    let registered = engine.register_worker(&known).await?;
    assert_eq!(
        (registered.is_current, registered.version.as_str()),
        (true, "2")
    );
    let older = NewVersion::new("1").tasks(["t"]).promote(false);
    assert!(!engine.register_worker(&older).await?.is_current);
    assert!(engine.promote_worker("default", "1").await?.is_current);
    let unknown = engine.promote_worker("default", "9").await;
    assert_eq!(
        unknown.map_err(|error| error.kind()).err(),
        Some(ErrorKind::UnknownVersion)
    );
    let run = engine.trigger(&Trigger::new("t")).await?;
    assert_eq!(run.run_status, RunStatus::Pending);
    Ok(())
}

#[tokio::test]
async fn a_schedule_is_made_changed_looked_at_and_deleted() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    let hourly = ScheduleChange::new("s")
        .task("t")
        .cron("0 * * * *")
        .timezone("Europe/Berlin")
        .payload(json!({"a": 1}))
        .external_id("x")
        .options(json!({"queue": "q"}));
    let schedule = engine.set_schedule(&hourly).await?;
    assert!(schedule.is_active && schedule.next.is_some());
    let upcoming = engine.upcoming_runs("s", 2).await?;
    let apart = upcoming[1]
        .nominal_at
        .duration_since(upcoming[0].nominal_at)?;
    assert_eq!(apart.as_secs(), 3600);
    let paused = engine
        .set_schedule(&ScheduleChange::new("s").active(false))
        .await?;
    assert_eq!((paused.is_active, paused.next), (false, None));
    assert!(engine.delete_schedule("s").await?);
    assert!(!engine.delete_schedule("s").await?);
    let unknown = engine.upcoming_runs("s", 2).await;
    assert_eq!(
        unknown.map_err(|error| error.kind()).err(),
        Some(ErrorKind::UnknownSchedule)
    );
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_forgotten_makes_a_new_run() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    let keyed = Trigger::new("t").idempotency_key("k");
    let first = engine.trigger(&keyed).await?;
    assert!(engine.reset_idempotency_key("t", "k", "default").await?);
    assert!(!engine.reset_idempotency_key("t", "k", "default").await?);
    let second = engine.trigger(&keyed).await?;
    assert_ne!(first.run_id, second.run_id);
    Ok(())
}
