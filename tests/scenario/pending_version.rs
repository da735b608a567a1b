//! Parked runs.

use anyhow::{Context, Result};
use serde_json::json;

use crate::version::{dequeue, open, parked, queued, register, register_with, state, trigger};

/// Spec: PV-1.
#[tokio::test]
async fn runs_whose_task_no_version_knows_wait_until_one_does() -> Result<()> {
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
        let status = ("RUN_CREATED".to_owned(), "PENDING_VERSION".to_owned());
        assert_eq!(session.status(run).await?, status);
    }
    session.check().await?;
    assert_eq!(
        session.events_named("runStatusChanged").await?[0]["run"]["status"],
        "PENDING_VERSION"
    );

    let answer = register(&session, "20260801.2", json!([{"id": "test"}])).await?;
    assert_eq!(answer, (true, 2));
    for run in &runs {
        assert_eq!(state(&session, run).await?, queued());
    }
    assert_eq!(
        session.events_named("runStatusChanged").await?[3]["run"]["status"],
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

/// Spec: PV-1.
#[tokio::test]
async fn a_dequeue_continues_after_the_runs_that_it_parks() -> Result<()> {
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

/// Spec: PV-2.
#[tokio::test]
async fn runs_whose_queue_the_version_does_not_know_wait_until_one_does() -> Result<()> {
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

/// Spec: PV-3.
#[tokio::test]
async fn the_time_to_live_begins_with_the_promotion_and_the_place_is_the_old_one() -> Result<()> {
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
async fn parked_runs_start_once_no_version_is_required() -> Result<()> {
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
async fn a_run_whose_version_never_registers_expires_and_is_seen_until_then() -> Result<()> {
    let session = open().await?;
    register(&session, "1", json!(["test"])).await?;
    let pinned = ", version => '2', ttl => '1h'";
    let run = trigger(&session, "test", pinned).await?;
    let moved = trigger(&session, "test", pinned).await?;
    assert_eq!(session.dequeue_many(10).await?, []);
    let advice = "engine.advice where kind = 'parked' and subject = 'prod' and detail like '%: 2, %version \"2\"%'";
    assert_eq!(session.count(advice).await?, 1);
    // The time to live of a run whose due time is moved begins when it enters its queue.
    let reschedule = format!("select engine_reschedule('{moved}', now() + interval '1 day')");
    session.client.query(&reschedule, &[]).await?;
    assert_eq!(session.tick_of("expired_run").await?, 0);
    let lapse = "update engine.parked set expires_at = expires_at - interval '2 hours'";
    session.client.batch_execute(lapse).await?;
    assert_eq!(session.tick_of("expired_run").await?, 1);
    let expired = ("FINISHED".to_owned(), "EXPIRED".to_owned());
    assert_eq!(session.status(&run).await?, expired);
    assert_eq!(session.status(&moved).await?.1, "PENDING_VERSION");
    assert_eq!(session.events_named("runExpired").await?.len(), 1);
    assert_eq!(session.count("engine.parked").await?, 1);
    session.check().await
}

#[tokio::test]
async fn a_run_that_was_handed_out_and_is_parked_later_never_expires() -> Result<()> {
    let session = open().await?;
    let require = async |is_required: bool| {
        let set =
            format!("select engine_set_environment('prod', requires_version => {is_required})");
        session.client.batch_execute(&set).await
    };
    require(false).await?;
    let run = trigger(&session, "test", ", ttl => '10m'").await?;
    let row = dequeue(&session, "").await?.context("nothing is queued")?;
    let release = format!(
        "select engine_release('{run}', '{}')",
        row.get::<_, &str>("snapshot_id")
    );
    session.client.batch_execute(&release).await?;
    require(true).await?;
    assert_eq!(session.dequeue_many(10).await?, []);
    assert_eq!(session.status(&run).await?.0, "RUN_CREATED");
    register(&session, "1", json!(["test"])).await?;
    assert_eq!(session.status(&run).await?.0, "QUEUED");
    let expiring = "engine.queue_item where expires_at is not null";
    assert_eq!(session.count(expiring).await?, 0);
    session.check().await
}
