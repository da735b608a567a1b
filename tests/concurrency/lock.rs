//! The lock of a run: a session that moves a run holds it to the end of the transaction, and no longer.

use anyhow::{Context, Result};
use engine_harness::condition::{backend_pid, waits_for_lock};
use engine_harness::{Database, Held, Session};
use serde_json::json;
use tokio_postgres::types::Json;

async fn sessions<const N: usize>(database: &Database) -> Result<[Session; N]> {
    let mut sessions = Vec::new();
    for _ in 0..N {
        sessions.push(Session::open(database).await?);
    }
    sessions.try_into().ok().context("as many as were opened")
}

/// An executing run.
async fn executing(session: &Session) -> Result<Held> {
    session.trigger("test").await?;
    session.take().await
}

fn cancel(held: &Held) -> String {
    format!("select engine_cancel('{}')", held.run_id)
}

/// Whether no session holds the run.
async fn is_free(session: &Session, held: &Held) -> Result<bool> {
    let sql = "select count(*) from ( \
                   select from engine.run_state where run_id = $1 for update skip locked) as s";
    Ok(session
        .client
        .query_one(sql, &[&held.run_id])
        .await?
        .get::<_, i64>(0)
        == 1)
}

/// Spec: LK-1.
#[tokio::test]
async fn a_run_is_locked_while_its_mover_is_at_work_and_neither_before_nor_after() -> Result<()> {
    let [mover, other] = sessions(&Database::fresh().await?).await?;
    let held = executing(&mover).await?;
    assert!(is_free(&other, &held).await?);
    mover.client.batch_execute("begin").await?;
    mover.client.batch_execute(&cancel(&held)).await?;
    assert!(!is_free(&other, &held).await?);
    mover.client.batch_execute("commit").await?;
    assert!(is_free(&other, &held).await?);
    Ok(())
}

/// Spec: LK-2.
#[tokio::test]
async fn the_session_that_holds_a_run_may_move_it_again() -> Result<()> {
    let [mover] = sessions(&Database::fresh().await?).await?;
    mover.trigger("test").await?;
    mover.client.batch_execute("begin").await?;
    let held = mover.take().await?;
    let asked = mover.cancel(&format!("'{}'", held.run_id)).await?.latest;
    mover.complete(&asked, json!({"ok": true})).await?;
    mover.client.batch_execute("commit").await?;
    assert_eq!(
        mover.status(&held.run_id).await?.1,
        "COMPLETED_SUCCESSFULLY"
    );
    Ok(())
}

/// Spec: LK-3.
#[tokio::test]
async fn a_call_that_fails_leaves_no_lock_behind() -> Result<()> {
    let [mover, other] = sessions(&Database::fresh().await?).await?;
    let held = executing(&mover).await?;
    let stale = format!("select engine_succeed('{}', 'old')", held.run_id);
    assert_eq!(mover.refused(&stale).await?.code, "RE002");
    // The client receives the error a moment before the transaction has ended.
    mover.client.batch_execute("select").await?;
    assert!(is_free(&other, &held).await?);

    // Nor does a transaction that continues after it.
    mover.client.batch_execute("begin; savepoint s").await?;
    assert_eq!(mover.refused(&stale).await?.code, "RE002");
    mover.client.batch_execute("rollback to s").await?;
    assert!(is_free(&other, &held).await?);
    mover.client.batch_execute(&cancel(&held)).await?;
    assert!(!is_free(&other, &held).await?);
    mover.client.batch_execute("rollback to s").await?;
    assert!(is_free(&other, &held).await?);
    mover.client.batch_execute("commit").await?;
    other.complete(&held, json!({"ok": true})).await?;
    Ok(())
}

/// Spec: LK-4.
#[tokio::test]
async fn a_session_that_waits_too_long_fails_and_changes_nothing() -> Result<()> {
    let [holder, contender] = sessions(&Database::fresh().await?).await?;
    let held = executing(&holder).await?;
    holder.client.batch_execute("begin").await?;
    holder.client.batch_execute(&cancel(&held)).await?;
    contender
        .client
        .batch_execute("set lock_timeout = '50ms'")
        .await?;
    let before = contender.contents().await?;
    let success = format!(
        "select engine_succeed('{}', '{}')",
        held.run_id, held.snapshot_id
    );
    for call in [success, cancel(&held)] {
        assert_eq!(contender.refused(&call).await?.code, "55P03", "{call}");
    }
    assert_eq!(contender.contents().await?, before);
    holder.client.batch_execute("rollback").await?;
    contender.complete(&held, json!({"ok": true})).await?;
    Ok(())
}

/// Spec: LK-9.
#[tokio::test]
async fn different_runs_are_moved_at_the_same_time() -> Result<()> {
    let [one, other, third] = sessions(&Database::fresh().await?).await?;
    let held = [
        executing(&one).await?,
        executing(&one).await?,
        executing(&one).await?,
    ];
    for session in [&other, &third] {
        session
            .client
            .batch_execute("set lock_timeout = '10s'")
            .await?;
    }
    one.client.batch_execute("begin").await?;
    one.complete(&held[0], json!({"ok": true})).await?;
    other.client.batch_execute("begin").await?;
    other.complete(&held[1], json!({"ok": true})).await?;
    third.complete(&held[2], json!({"ok": true})).await?;
    one.client.batch_execute("commit").await?;
    other.client.batch_execute("commit").await?;
    let done = "engine.run_state where run_status = 'COMPLETED_SUCCESSFULLY'";
    assert_eq!(third.count(done).await?, 3);
    Ok(())
}

/// Spec: LK-10.
#[tokio::test]
async fn runs_are_locked_in_the_order_of_their_ids_whatever_order_they_are_given_in() -> Result<()>
{
    let [holder, mover, observer] = sessions(&Database::fresh().await?).await?;
    let mut held = [
        executing(&holder).await?,
        executing(&holder).await?,
        executing(&holder).await?,
    ];
    held.sort_by(|one, other| one.run_id.cmp(&other.run_id));
    let element =
        |held: &Held| json!({"run_id": held.run_id, "snapshot_id": held.snapshot_id, "ok": true});
    let backwards = json!([element(&held[2]), element(&held[1]), element(&held[0])]);
    holder.client.batch_execute("begin").await?;
    holder.client.batch_execute(&cancel(&held[1])).await?;
    let pid = backend_pid(&mover.client).await?;
    let sql = format!(
        "select count(*) from engine_complete_many('{backwards}') where error_code is null"
    );
    let moved = tokio::spawn(async move {
        Ok::<_, anyhow::Error>(mover.client.query_one(&sql, &[]).await?.get::<_, i64>(0))
    });
    waits_for_lock(&observer.client, pid).await?;
    assert!(
        !is_free(&observer, &held[0]).await?,
        "the first one is locked already"
    );
    assert!(
        is_free(&observer, &held[2]).await?,
        "the last one is not locked yet"
    );
    holder.client.batch_execute("rollback").await?;
    assert_eq!(moved.await??, 3);
    Ok(())
}

/// Spec: LK-11.
#[tokio::test]
async fn of_two_operations_on_one_run_the_second_waits_and_sees_what_the_first_has_done()
-> Result<()> {
    let database = Database::fresh().await?;
    for cancel_first in [true, false] {
        let [first, second, observer] = sessions(&database).await?;
        let held = executing(&first).await?;
        let success = format!(
            "select engine_succeed('{}', '{}')",
            held.run_id, held.snapshot_id
        );
        let pid = backend_pid(&second.client).await?;
        first.client.batch_execute("begin").await?;
        if cancel_first {
            first.client.batch_execute(&cancel(&held)).await?;
            let waiting = tokio::spawn(async move { second.refused(&success).await });
            waits_for_lock(&observer.client, pid).await?;
            first.client.batch_execute("commit").await?;
            assert_eq!(waiting.await??.code, "RE002");
            assert_eq!(observer.status(&held.run_id).await?.0, "PENDING_CANCEL");
        } else {
            first.client.batch_execute(&success).await?;
            let run = format!("'{}'", held.run_id);
            let waiting = tokio::spawn(async move { second.cancel(&run).await });
            waits_for_lock(&observer.client, pid).await?;
            first.client.batch_execute("commit").await?;
            assert!(waiting.await??.already_finished);
            assert_eq!(
                observer.status(&held.run_id).await?.1,
                "COMPLETED_SUCCESSFULLY"
            );
        }
    }
    Ok(())
}

/// Spec: LK-13.
#[tokio::test]
async fn the_lock_of_a_session_that_is_ended_is_free_at_once() -> Result<()> {
    let [mover, other] = sessions(&Database::fresh().await?).await?;
    let held = executing(&mover).await?;
    mover.client.batch_execute("begin").await?;
    mover.client.batch_execute(&cancel(&held)).await?;
    let pid = backend_pid(&mover.client).await?;
    let end = "select pg_terminate_backend($1, 10000)";
    assert!(
        other
            .client
            .query_one(end, &[&pid])
            .await?
            .get::<_, bool>(0)
    );
    assert!(is_free(&other, &held).await?);
    other.complete(&held, json!({"ok": true})).await?;
    Ok(())
}

#[tokio::test]
async fn a_tick_skips_a_child_that_another_session_moves_and_retries() -> Result<()> {
    let [mover, ticker] = sessions(&Database::fresh().await?).await?;
    let parent = mover.trigger("test").await?.run_id;
    let child = mover
        .trigger_with(&format!("'test', parent_run_id => '{parent}'"))
        .await?;
    mover.cancel(&format!("'{parent}'")).await?;
    mover.client.batch_execute("begin").await?;
    mover.dequeue().await?.context("nothing is queued")?;
    assert_eq!(ticker.tick_of("cancelled_child").await?, 0);
    mover.client.batch_execute("commit").await?;
    assert_eq!(ticker.tick_of("cancelled_child").await?, 1);
    assert_eq!(ticker.status(&child.run_id).await?.0, "PENDING_CANCEL");
    Ok(())
}

#[tokio::test]
async fn completing_many_runs_and_setting_a_limit_do_not_deadlock() -> Result<()> {
    let [worker, operator, bystander] = sessions(&Database::fresh().await?).await?;
    let (first, second) = (executing(&worker).await?, executing(&worker).await?);
    // The completions wait for the first run's deadline; setting the limit and adapting rows to it do not.
    let hold = "begin; select from engine.heartbeat where run_id = $1 for update";
    let hold = hold.replace("$1", &format!("'{}'", first.run_id));
    bystander.client.batch_execute(&hold).await?;
    let limit = "set statement_timeout = '5s'; \
                 select engine_set_environment('default', concurrency_limit => 5)";
    operator.client.batch_execute(limit).await?;
    assert_eq!(operator.tick_of("fitted_environment").await?, 0);
    // The first run is retried, the second one ends.
    let completions = json!([
        {"run_id": first.run_id, "snapshot_id": first.snapshot_id, "ok": false,
         "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": {"delay": 600_000}},
        {"run_id": second.run_id, "snapshot_id": second.snapshot_id, "ok": true},
    ]);
    let worker_pid = backend_pid(&worker.client).await?;
    let completing = tokio::spawn(async move {
        let sql = "select error_code from engine_complete_many($1)";
        worker.client.query(sql, &[&Json(completions)]).await
    });
    waits_for_lock(&bystander.client, worker_pid).await?;
    assert_eq!(operator.tick_of("fitted_environment").await?, 0);
    bystander.client.batch_execute("commit").await?;
    for row in completing.await?? {
        assert_eq!(row.get::<_, Option<&str>>(0), None);
    }
    assert_eq!(operator.tick_of("fitted_environment").await?, 1);
    bystander.check().await
}
