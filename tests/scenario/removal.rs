//! Removal: what belongs to a run that has ended leaves with it, and nothing that lives loses anything.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::json;

async fn open() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// Takes the next run and completes it.
async fn end_next(session: &Session) -> Result<String> {
    Ok(session.end_next().await?.run_id)
}

#[tokio::test]
async fn everything_that_belongs_to_a_run_leaves_with_it() -> Result<()> {
    let session = open().await?;
    session.run_of_every_kind().await?;
    let before = session.tables_with_rows().await?;
    for table in [
        "batch",
        "batch_item",
        "checkpoint",
        "notice",
        "run",
        "run_state",
        "snapshot",
        "trigger_key",
        "waitpoint",
        "waitpoint_history",
    ] {
        assert!(
            before.iter().any(|name| name == table),
            "{table}: {before:?}"
        );
    }
    assert_eq!(session.sweep().await?, 0, "nothing is due");
    session.age(8).await?;
    assert_eq!(session.sweep().await?, 4);
    assert_eq!(
        session.tables_with_rows().await?,
        ["trigger_key"],
        "the idempotency key outlives its run"
    );
    assert_eq!(session.count("engine.trigger_key").await?, 1);
    session
        .client
        .execute("update engine.trigger_key set expires_at = now()", &[])
        .await?;
    session.tick().await?;
    assert_eq!(session.tables_with_rows().await?, [] as [String; 0]);
    session.check().await
}

#[tokio::test]
async fn a_run_that_lives_is_never_removed() -> Result<()> {
    let session = open().await?;
    for options in [
        "'delayed', delay_until => now() + interval '300 days'",
        "'queued', queue_timestamp => now() + interval '1 hour'",
    ] {
        session.trigger_with(options).await?;
    }
    let executing = session.trigger("executing").await?;
    session.take().await?;
    let suspended = session.executing("suspended").await?;
    let token = session.token().await?;
    let blocked = session.block(&suspended.run_id, &[&token]).await?;
    session.suspend(&blocked.held, "why").await?;
    let cancelled = session.executing("cancelled").await?;
    session.cancel(&format!("'{}'", cancelled.run_id)).await?;
    let before = session.count("engine.snapshot").await?;
    session
        .client
        .batch_execute("select engine_set_retention(keep => '0')")
        .await?;
    session.age(400).await?;
    assert_eq!(session.sweep().await?, 0);
    assert_eq!(session.count("engine.run").await?, 5);
    assert_eq!(session.count("engine.snapshot").await?, before);
    assert!(session.exists(&executing.run_id).await?);
    session.check().await
}

#[tokio::test]
async fn a_child_stays_while_its_parent_lives_and_a_parent_while_it_has_children() -> Result<()> {
    let session = open().await?;
    let parent = session.executing("parent").await?;
    let of_parent = format!("parent_run_id => '{}'", parent.run_id);
    let child = session
        .trigger_with(&format!("'child', {of_parent}, resume_parent => true"))
        .await?;
    end_next(&session).await?;
    session.age(8).await?;
    assert_eq!(session.sweep().await?, 0, "its parent lives");
    let parent = session.latest(&parent).await?;
    // A child of the child lives longer than both.
    let grandchild = format!("'grandchild', parent_run_id => '{}'", child.run_id);
    let grandchild = session.trigger_with(&grandchild).await?;
    session.complete(&parent, json!({"ok": true})).await?;
    session.age(8).await?;
    assert_eq!(session.sweep().await?, 0, "they have a grandchild");
    assert_eq!(end_next(&session).await?, grandchild.run_id);
    assert_eq!(session.sweep().await?, 0, "it has just ended");
    session.age(8).await?;
    assert_eq!(session.sweep().await?, 3);
    assert_eq!(session.tables_with_rows().await?, [] as [String; 0]);
    session.check().await
}

#[tokio::test]
async fn a_run_stays_while_another_one_that_waited_for_it_lives() -> Result<()> {
    let session = open().await?;
    let awaited = session.ended("'awaited'").await?;
    let waiting = session.executing("waiting").await?;
    let sql = "select waitpoint_id from engine_run_waitpoint($1)";
    let row = session.client.query_one(sql, &[&awaited.run_id]).await?;
    let waitpoint: String = row.get(0);
    session.block(&waiting.run_id, &[&waitpoint]).await?;
    session.age(8).await?;
    assert_eq!(session.sweep().await?, 0, "it waits");
    session.tick().await?;
    assert_eq!(session.sweep().await?, 0);
    let waitpoints = session.data(&waiting.run_id).await?["completedWaitpoints"].clone();
    assert_eq!(
        waitpoints[0]["completedByTaskRun"]["id"],
        json!(awaited.run_id)
    );
    session
        .complete(&session.latest(&waiting).await?, json!({"ok": true}))
        .await?;
    assert_eq!(session.sweep().await?, 1, "the one that waited has ended");
    session.age(8).await?;
    assert_eq!(session.sweep().await?, 1);
    assert_eq!(session.tables_with_rows().await?, [] as [String; 0]);
    session.check().await
}

#[tokio::test]
async fn a_batch_leaves_with_its_last_run() -> Result<()> {
    let session = open().await?;
    let batch = session.create_batch("3").await?;
    let items = json!([{"task": "a"}, {"task": "b"}, {"task": "no", "queue": ""}]);
    session.add_to_batch(&batch, items).await?;
    end_next(&session).await?;
    session.age(8).await?;
    assert_eq!(session.sweep().await?, 0, "the batch has not ended");
    let last = end_next(&session).await?;
    session.lapse_timers().await?;
    session.tick().await?;
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    assert_eq!(session.sweep().await?, 1, "the first of them");
    assert_eq!(session.count("engine.batch_item").await?, 3);
    session.check().await?;
    session.age(8).await?;
    assert_eq!(session.sweep().await?, 1, "the second");
    assert!(!session.exists(&last).await?);
    assert_eq!(session.count("engine.batch").await?, 1);
    session.age(30).await?;
    assert_eq!(session.sweep().await?, 1, "the one that failed");
    assert_eq!(session.tables_with_rows().await?, [] as [String; 0]);
    session.check().await
}

#[tokio::test]
async fn an_idempotency_key_says_that_its_run_is_gone() -> Result<()> {
    let session = open().await?;
    let run = session.ended("'t', idempotency_key => 'k'").await?;
    let failed = session
        .trigger_with("'t', idempotency_key => 'failed'")
        .await?;
    let held = session.take().await?;
    let error = json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "x"}, "retry": null});
    session.complete(&held, error).await?;
    session.age(40).await?;
    assert_eq!(session.sweep().await?, 2);
    let sql = "select run_id, snapshot_id, run_status, execution_status, is_cached, created_at is null \
               from engine_trigger('t', idempotency_key => $1)";
    for _ in 0..2 {
        let row = session.client.query_one(sql, &[&"k"]).await?;
        assert_eq!(row.get::<_, &str>(0), run.run_id);
        assert_eq!(row.get::<_, Option<&str>>(1), None);
        assert_eq!(row.get::<_, Option<&str>>(2), None);
        assert_eq!(row.get::<_, &str>(3), "FINISHED");
        assert!(row.get::<_, bool>(4) && row.get::<_, bool>(5));
    }
    let row = session.client.query_one(sql, &[&"failed"]).await?;
    assert_ne!(row.get::<_, &str>(0), failed.run_id);
    assert!(
        !row.get::<_, bool>(4),
        "a run that failed takes its key along"
    );
    let held = session.take().await?;
    let waits = format!(
        "select engine_trigger('t', idempotency_key => 'k', parent_run_id => '{}', resume_parent => true)",
        held.run_id
    );
    assert_eq!(session.refused(&waits).await?.code, "RE001");
    session.check().await
}

#[tokio::test]
async fn a_run_that_is_moved_on_is_not_removed() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger("t").await?;
    let held = session.take().await?;
    let crashed = json!({"ok": false, "error": {"type": "INTERNAL_ERROR", "code": "TASK_RUN_CRASHED"}, "retry": null});
    session.complete(&held, crashed).await?;
    session.age(40).await?;
    let other = Session::open(&database).await?;
    other.client.batch_execute("begin").await?;
    let redrive = format!("select engine_redrive('{}')", held.run_id);
    other.client.query(&redrive, &[]).await?;
    assert_eq!(session.sweep().await?, 0, "another session has locked it");
    other.client.batch_execute("commit").await?;
    assert_eq!(session.sweep().await?, 0, "it lives again");
    assert_eq!(session.status(&held.run_id).await?.0, "QUEUED");
    session.check().await
}

#[tokio::test]
async fn the_tick_removes_what_is_due_a_step_at_a_time() -> Result<()> {
    let session = open().await?;
    let many = "select count(*) from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 't')) from generate_series(1, 60)))";
    session.client.query(many, &[]).await?;
    for held in session.dequeue_many(60).await? {
        let held = session.start(&held).await?;
        session.complete(&held, json!({"ok": true})).await?;
    }
    session.age(8).await?;
    let sql = "select processed from engine_tick(30) where kind = 'removed_run'";
    let mut removed: Vec<i32> = Vec::new();
    while removed.iter().sum::<i32>() < 60 {
        removed.push(session.client.query_one(sql, &[]).await?.get(0));
        session.check().await?;
        assert!(removed.len() < 20, "{removed:?}");
    }
    assert!(removed.iter().all(|step| *step <= 30), "{removed:?}");
    assert_eq!(session.tables_with_rows().await?, [] as [String; 0]);
    assert_eq!(session.tick_of("removed_run").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_stretch_of_many_runs_is_looked_at_in_parts() -> Result<()> {
    let session = open().await?;
    let many = "select count(*) from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 't')) from generate_series(1, 900)))";
    for _ in 0..3 {
        session.client.query(many, &[]).await?;
        let sql = "select engine_succeed(s.run_id, s.snapshot_id) from engine_dequeue(max_runs => 900) as d, \
                   lateral engine_start_attempt(d.run_id, d.snapshot_id) as s";
        session.client.query(sql, &[]).await?;
    }
    let chosen = ["aaa", "zzz"];
    for run_id in chosen {
        session.ended(&format!("'t', run_id => '{run_id}'")).await?;
    }
    assert_eq!(session.sweep().await?, 0);
    let stretches = "engine.stretch";
    assert_eq!(session.count(stretches).await?, 3);
    let sql = "select sum(run_count)::integer from engine.stretch";
    assert_eq!(
        session.client.query_one(sql, &[]).await?.get::<_, i32>(0),
        2702
    );
    session.age(8).await?;
    let mut removed = 0;
    while removed < 2702 {
        let step = session.sweep().await?;
        assert!(step > 0 && step <= 1000, "{step} after {removed}");
        removed += step;
    }
    assert_eq!(session.sweep().await?, 0);
    assert!(session.count(stretches).await? <= 2, "what is empty is one");
    assert_eq!(session.tables_with_rows().await?, [] as [String; 0]);
    session.check().await
}

#[tokio::test]
async fn a_batch_and_a_token_that_belong_to_no_run_leave_as_completed_runs_do() -> Result<()> {
    let session = open().await?;
    let pending = session.token().await?;
    let completed = session.token().await?;
    session.complete_waitpoint(&completed).await?;
    let keyed = "select waitpoint_id from engine_create_manual_waitpoint(idempotency_key => 'k')";
    let keyed: String = session.client.query_one(keyed, &[]).await?.get(0);
    session.complete_waitpoint(&keyed).await?;
    let batch = session.create_batch("").await?;
    session.seal_batch(&batch).await?;
    session.lapse_timers().await?;
    session.tick().await?;
    session.create_batch("1").await?;
    session.age(6).await?;
    session.sweep().await?;
    assert_eq!(session.count("engine.waitpoint").await?, 3);
    assert_eq!(session.count("engine.batch").await?, 2);
    session.age(1).await?;
    session.sweep().await?;
    let left = "engine.waitpoint where id = any (array[$1, $2])";
    let sql = format!("select count(*) from {left}");
    let row = session.client.query_one(&sql, &[&pending, &keyed]).await?;
    assert_eq!(row.get::<_, i64>(0), 2, "one may come, and one has a key");
    assert_eq!(session.count("engine.waitpoint").await?, 2);
    assert_eq!(
        session
            .count("engine.batch where status = 'PENDING'")
            .await?,
        1
    );
    assert_eq!(session.count("engine.batch").await?, 1);
    session.check().await
}

#[tokio::test]
async fn a_tick_looks_at_many_stretches_if_there_is_little_to_see() -> Result<()> {
    let session = open().await?;
    let stretches = "insert into engine.stretch (shard, first_id, due_at, looked_at, run_count) \
                     select 0, 'z' || lpad(n::text, 3, '0'), now() - interval '1 hour', now() - interval '2 hours', 0 \
                     from generate_series(1, 100) as n";
    session.client.batch_execute(stretches).await?;
    for _ in 0..3 {
        session.tick().await?;
    }
    let left = session
        .count("engine.stretch where first_id like 'z%'")
        .await?;
    assert_eq!(
        left, 1,
        "what is empty belongs to the one before, but for the last"
    );
    session.check().await
}
