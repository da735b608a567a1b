//! What happened per minute, as the tick gathers it from the history.

use anyhow::Result;
use engine_harness::{Database, Session};

/// Lets the tick gather: as if ten seconds had passed since its last look.
async fn gather(session: &Session) -> Result<i32> {
    let wait = "update engine.minute_mark set marked_at = marked_at - interval '10 seconds'";
    session.client.batch_execute(wait).await?;
    session.tick_of("gathered_minute").await
}

/// Triggered, dequeued, succeeded, failed, cancelled and retried, in all minutes together.
async fn history(session: &Session, of: &str) -> Result<Vec<i64>> {
    let sql = format!(
        "select array[sum(triggered), sum(dequeued), sum(succeeded), sum(failed), sum(cancelled), sum(retried)]::bigint[] \
         from engine.{of} where task = 'mail'"
    );
    let sums: Option<Vec<Option<i64>>> = session.client.query_one(&sql, &[]).await?.get(0);
    let sums = sums.unwrap_or_default().into_iter();
    Ok(sums.map(Option::unwrap_or_default).collect())
}

const LATENCY: &str = "select array[dequeued, wait_p50_ms, wait_p99_ms, ended, run_p50_ms, run_p99_ms]::bigint[] from engine.latency \
                       where task = 'mail'";

async fn latency(session: &Session) -> Result<Vec<i64>> {
    Ok(session.client.query_one(LATENCY, &[]).await?.get(0))
}

/// 40 runs that succeed, of which the last takes an hour, and one that is cancelled.
async fn work(session: &Session) -> Result<()> {
    for _ in 0..40 {
        session.ended("'mail'").await?;
    }
    let slow = "update engine.snapshot set created_at = created_at - interval '1 hour' \
                where ordinal <= 3 and run_id = (select max(id) from engine.run)";
    session.client.batch_execute(slow).await?;
    let sql = "select engine_cancel((select run_id from engine_trigger('mail')))";
    session.client.batch_execute(sql).await?;
    Ok(())
}

#[tokio::test]
async fn a_minute_says_the_same_before_and_after_the_tick_has_gathered_it() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    assert_eq!(session.tick_of("gathered_minute").await?, 0);
    work(&session).await?;
    let told = [41, 40, 40, 0, 1, 0];
    assert_eq!(history(&session, "minute_history").await?, told);
    let before = latency(&session).await?;
    assert_eq!((before[0], before[3]), (39, 40), "{before:?}");
    assert!(before[1] < 1000 && before[4] < 1000, "{before:?}");
    let hour = 3_600_000;
    assert!(
        (hour * 7 / 8..=hour * 9 / 8).contains(&before[5]),
        "{before:?}"
    );
    assert_eq!(session.count("engine.minute").await?, 0);

    // The first look notes how far the history goes, the second gathers that much.
    assert_eq!(gather(&session).await?, 0);
    assert!(gather(&session).await? >= 2);
    assert_eq!(history(&session, "minute").await?, told);
    assert_eq!(history(&session, "minute_history").await?, told);
    assert_eq!(session.count("engine.ungathered_snapshot").await?, 0);
    assert_eq!(latency(&session).await?, before);

    // What comes later is added to the minute, what is gathered is not gathered again.
    session.ended("'mail'").await?;
    assert_eq!(gather(&session).await?, 0);
    assert!(gather(&session).await? > 0);
    assert_eq!(history(&session, "minute").await?, [42, 41, 41, 0, 1, 0]);
    assert_eq!(latency(&session).await?[0], 40);
    assert_eq!(gather(&session).await?, 0);
    session.check().await
}

#[tokio::test]
async fn of_much_that_happened_a_part_stands_for_all_and_few_tasks_have_rows() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("first").await?;
    session.tick().await?;
    let many = "select engine_trigger_many(jsonb_agg(jsonb_build_object('task', 'task-' || n % 100))) \
                from generate_series(1, 25000) as n group by n / 1000";
    session.client.batch_execute(many).await?;
    gather(&session).await?;
    assert!(gather(&session).await? <= 2 * 65);
    let triggered = "select coalesce(sum(triggered), 0)::bigint from engine.minute";
    let triggered: i64 = session.client.query_one(triggered, &[]).await?.get(0);
    assert!((24_500..=25_500).contains(&triggered), "{triggered}");
    let unnamed = "engine.minute where task = '' and environment_id = '' and triggered > 0";
    assert!(session.count(unnamed).await? > 0);
    Ok(())
}

#[tokio::test]
async fn minutes_are_kept_for_three_hours_and_an_idle_tick_writes_none() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.ended("'mail'").await?;
    gather(&session).await?;
    gather(&session).await?;
    gather(&session).await?;
    let marked = "select xmin::text from engine.minute_mark";
    let written: String = session.client.query_one(marked, &[]).await?.get(0);
    let idle = "update engine.minute_mark set marked_at = marked_at - interval '10 seconds' returning xmin::text";
    let moved: String = session.client.query_one(idle, &[]).await?.get(0);
    assert_ne!(written, moved);
    session.tick().await?;
    let written: String = session.client.query_one(marked, &[]).await?.get(0);
    assert_eq!(written, moved, "nothing had happened");

    let old = "update engine.minute set minute = minute - interval '3 hours'";
    session.client.batch_execute(old).await?;
    session.ended("'mail'").await?;
    gather(&session).await?;
    assert_eq!(
        session
            .count("engine.minute where minute < now() - interval '2 hours'")
            .await?,
        0
    );
    Ok(())
}
