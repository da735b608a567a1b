//! `Engine`: the methods for deployments.

use anyhow::{Context as _, Result};
use engine_client::{
    Context, Engine, EnvironmentChange, ErrorKind, Failure, NewVersion, RunStatus, ScheduleChange,
    ScheduledRun, Trigger,
};
use engine_harness::Database;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::running::{PATIENCE, Running, worker};

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
    assert_eq!(run.run_status, Some(RunStatus::Pending));
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
    let run = engine.run_schedule("s").await?;
    assert!(!run.is_cached);
    assert!(engine.delete_schedule("s").await?);
    assert!(!engine.delete_schedule("s").await?);
    let unknown = engine.run_schedule("s").await;
    assert_eq!(
        unknown.map_err(|error| error.kind()).err(),
        Some(ErrorKind::UnknownSchedule)
    );
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

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_of_a_scheduled_run_reads_what_it_begins_for() -> Result<()> {
    let database = Database::fresh().await?;
    let client = database.connect().await?;
    let (tell, mut received) = mpsc::unbounded_channel::<ScheduledRun>();
    let running = Running::start(worker(&database)?.task(
        "clean up",
        move |_: Context, run: ScheduledRun| {
            tell.send(run).ok();
            async { Ok::<_, Failure>(()) }
        },
    ));
    let every_second = ScheduleChange::new("s")
        .task("clean up")
        .cron("* * * * * *")
        .timezone("Europe/Berlin")
        .external_id("x")
        .payload(json!({"a": 1}));
    Engine::new(&client).set_schedule(&every_second).await?;
    let first = timeout(PATIENCE, received.recv())
        .await?
        .context("no run")?;
    let second = timeout(PATIENCE, received.recv())
        .await?
        .context("no run")?;
    for run in [&first, &second] {
        assert_eq!(
            (run.schedule_id.as_str(), run.timezone.as_str()),
            ("s", "Europe/Berlin")
        );
        assert_eq!(run.external_id.as_deref(), Some("x"));
        assert_eq!(run.payload, Some(json!({"a": 1})));
        assert!(run.upcoming.first() > Some(&run.timestamp));
    }
    assert!(second.timestamp > first.timestamp);
    running.stop().await
}
