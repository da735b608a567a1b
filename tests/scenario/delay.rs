//! Delayed runs, and their snapshots.

use anyhow::Result;
use engine_harness::{Database, Session};

/// Statuses of a run's snapshots, in order.
async fn snapshots(session: &Session, run_id: &str) -> Result<Vec<String>> {
    let sql =
        "select execution_status::text from engine.snapshot where run_id = $1 order by ordinal";
    let rows = session.client.query(sql, &[&run_id]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn statuses(execution: &str, run: &str) -> (String, String) {
    (execution.to_owned(), run.to_owned())
}

const IN_AN_HOUR: &str = "delay_until => clock_timestamp() + interval '1 hour'";

/// Spec: DL-1, COL-3.
#[tokio::test]
async fn a_delayed_run_is_queued_once_its_time_has_come() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session
        .trigger_with(&format!("'test', {IN_AN_HOUR}"))
        .await?;
    assert_eq!(
        session.status(&run.run_id).await?,
        statuses("DELAYED", "DELAYED")
    );
    assert_eq!(session.dequeue().await?, None);
    assert_eq!(session.tick_of("ended_delay").await?, 0, "before its time");
    session.check().await?;

    session.bring_on(&run.run_id).await?;
    assert_eq!(session.tick_of("ended_delay").await?, 1);
    assert_eq!(
        session.status(&run.run_id).await?,
        statuses("QUEUED", "PENDING")
    );
    assert_eq!(
        snapshots(&session, &run.run_id).await?,
        ["DELAYED", "QUEUED"]
    );
    assert_eq!(session.count("engine.timer").await?, 0);
    assert_eq!(session.tick_of("ended_delay").await?, 0, "once");
    session.check().await?;
    assert_eq!(session.take().await?.run_id, run.run_id);
    Ok(())
}

/// Spec: DL-1.
#[tokio::test]
async fn a_time_in_the_past_is_a_delay_too() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session
        .trigger_with("'test', delay_until => clock_timestamp() - interval '1 hour'")
        .await?;
    assert_eq!(session.status(&run.run_id).await?.0, "DELAYED");
    assert_eq!(session.tick_of("ended_delay").await?, 1);
    assert_eq!(session.status(&run.run_id).await?.0, "QUEUED");
    Ok(())
}

/// Spec: DL-2.
#[tokio::test]
async fn a_postponed_run_waits_for_its_new_time() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session
        .trigger_with("'test', delay_until => clock_timestamp() + interval '1 minute'")
        .await?;
    let sql =
        "select execution_status, run_status from engine_reschedule($1, now() + interval '1 day')";
    let row = session.client.query_one(sql, &[&run.run_id]).await?;
    assert_eq!((row.get(0), row.get(1)), ("DELAYED", "DELAYED"));
    let moved = "engine.run r join engine.timer t on t.id = r.id and t.due_at = r.delay_until \
                 where r.delay_until > now() + interval '23 hours' and r.queue_timestamp = r.delay_until";
    assert_eq!(session.count(moved).await?, 1);
    assert_eq!(session.tick_of("ended_delay").await?, 0);
    assert_eq!(session.status(&run.run_id).await?.0, "DELAYED");
    let reported = &session.events_named("runDelayRescheduled").await?[0]["run"];
    assert_eq!(
        (&reported["id"], &reported["status"]),
        (&run.run_id.as_str().into(), &"DELAYED".into())
    );
    assert!(reported["delayUntil"].is_string(), "{reported}");
    session.check().await?;
    session.bring_on(&run.run_id).await?;
    assert_eq!(session.tick_of("ended_delay").await?, 1);
    assert_eq!(
        snapshots(&session, &run.run_id).await?,
        ["DELAYED", "DELAYED", "QUEUED"]
    );
    Ok(())
}

/// Spec: DL-2.
#[tokio::test]
async fn a_run_that_is_put_forward_goes_at_its_new_time_unless_its_place_was_chosen() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session
        .trigger_with(&format!("'test', {IN_AN_HOUR}"))
        .await?;
    let chosen = session
        .trigger_with(&format!(
            "'test', {IN_AN_HOUR}, queue_timestamp => '2026-01-01 00:00:00+00'"
        ))
        .await?;
    let forward = "select engine_reschedule(id, clock_timestamp()) from engine.run";
    session.client.query(forward, &[]).await?;
    assert_eq!(session.tick_of("ended_delay").await?, 2);
    let order = session.dequeue_many(2).await?;
    assert_eq!(
        (&order[0].run_id, &order[1].run_id),
        (&chosen.run_id, &run.run_id)
    );
    Ok(())
}

/// Spec: DL-3.
#[tokio::test]
async fn the_time_to_live_counts_from_the_queue_not_from_the_trigger() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session
        .trigger_with(&format!("'test', {IN_AN_HOUR}, ttl => '2s'"))
        .await?;
    assert_eq!(
        session.status(&run.run_id).await?,
        statuses("DELAYED", "DELAYED")
    );
    session.bring_on(&run.run_id).await?;
    session.tick().await?;
    assert_eq!(
        session.status(&run.run_id).await?,
        statuses("QUEUED", "PENDING")
    );
    let armed = "engine.queue_item i join engine.snapshot s on s.run_id = i.run_id and s.execution_status = 'QUEUED' \
                 where i.expires_at = s.created_at + interval '2 s'";
    assert_eq!(session.count(armed).await?, 1);
    let enqueued = session.events_named("runEnqueuedAfterDelay").await?;
    assert_eq!(enqueued.len(), 1);
    assert!(
        enqueued[0]["run"]["queuedAt"].is_string(),
        "{}",
        enqueued[0]
    );

    session.outlive(&run.run_id).await?;
    assert_eq!(session.tick_of("expired_run").await?, 1);
    assert_eq!(
        session.status(&run.run_id).await?,
        statuses("FINISHED", "EXPIRED")
    );
    session.check().await
}

/// Spec: DL-5.
#[tokio::test]
async fn a_timer_that_comes_too_early_is_set_again() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session
        .trigger_with(&format!("'test', {IN_AN_HOUR}"))
        .await?;
    let early = "update engine.timer set due_at = clock_timestamp()";
    session.client.batch_execute(early).await?;
    assert_eq!(session.tick_of("ended_delay").await?, 0);
    assert_eq!(session.status(&run.run_id).await?.0, "DELAYED");
    let again = "engine.timer t join engine.run r on r.id = t.id and r.delay_until = t.due_at";
    assert_eq!(session.count(again).await?, 1);
    session.check().await
}

/// Spec: DL-6.
#[tokio::test]
async fn only_a_run_that_waits_is_rescheduled() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let reschedule = |run: &str| format!("select engine_reschedule('{run}', now())");
    let run = session.trigger("test").await?.run_id;
    for status in ["QUEUED", "EXECUTING", "FINISHED"] {
        match status {
            "EXECUTING" => drop(session.take().await?),
            "FINISHED" => drop(
                session
                    .client
                    .query("select engine_cancel($1, finalize => true)", &[&run])
                    .await?,
            ),
            _ => {}
        }
        assert_eq!(session.status(&run).await?.0, status);
        let refused = session.refused(&reschedule(&run)).await?;
        assert_eq!(refused.code, "RE004", "{status}");
        assert!(refused.detail.contains("It is not delayed"), "{refused:?}");
    }
    Ok(())
}

/// Spec: DL-7.
#[tokio::test]
async fn a_far_time_needs_nothing_in_between() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session
        .trigger_with("'test', delay_until => now() + interval '100 years'")
        .await?;
    for _ in 0..3 {
        session.tick().await?;
    }
    assert_eq!(snapshots(&session, &run.run_id).await?, ["DELAYED"]);
    session.bring_on(&run.run_id).await?;
    session.tick().await?;
    assert_eq!(
        snapshots(&session, &run.run_id).await?,
        ["DELAYED", "QUEUED"]
    );
    Ok(())
}

#[tokio::test]
async fn a_delayed_run_that_is_cancelled_is_over_when_its_time_comes() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session
        .trigger_with(&format!("'test', {IN_AN_HOUR}"))
        .await?;
    session
        .client
        .query("select engine_cancel($1)", &[&run.run_id])
        .await?;
    assert_eq!(
        session.status(&run.run_id).await?,
        statuses("FINISHED", "CANCELED")
    );
    session.check().await?;
    session.bring_on(&run.run_id).await?;
    session.tick().await?;
    assert_eq!(session.status(&run.run_id).await?.0, "FINISHED");
    assert_eq!(session.count("engine.timer").await?, 0);
    assert_eq!(session.dequeue().await?, None);
    Ok(())
}

#[tokio::test]
async fn many_delays_do_not_hold_up_what_else_is_due() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let many = "select count(*) from engine_trigger_many((select jsonb_agg(jsonb_build_object( \
                'task', 'test', 'delay_until', '2026-01-01T00:00:00Z')) from generate_series(1, 100)))";
    session.client.query_one(many, &[]).await?;
    let run = session.trigger_with("'late', ttl => '1s'").await?;
    session.outlive(&run.run_id).await?;
    let sql = "select kind, processed from engine_tick(10) where processed > 0 order by kind";
    let rows = session.client.query(sql, &[]).await?;
    let done: Vec<(String, i32)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        done,
        [("ended_delay".to_owned(), 9), ("expired_run".to_owned(), 1)]
    );
    Ok(())
}

#[tokio::test]
async fn a_delayed_run_counts_against_the_length_of_its_queue_once_it_is_there() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let limit = "select engine_set_queue('q', max_size => 1)";
    session.client.query(limit, &[]).await?;
    let later = "'test', queue => 'q', delay_until => now() + interval '1 hour'";
    let runs = [
        session.trigger_with(later).await?.run_id,
        session.trigger_with(later).await?.run_id,
    ];
    let now = "'test', queue => 'q'";
    session.trigger_with(now).await?;
    assert!(session.dequeue().await?.is_some());
    for run in &runs {
        session.bring_on(run).await?;
    }
    assert_eq!(
        session.tick_of("ended_delay").await?,
        2,
        "it is not refused any more"
    );
    let refused = session
        .refused(&format!("select engine_trigger({now})"))
        .await?;
    assert_eq!(refused.code, "RE008");
    session.check().await
}
