//! Bulk actions: one action on all runs that match a filter, worked through by the tick.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::{Value, json};

async fn open() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// The answer of `engine_bulk`; `arguments` is the text between its parentheses.
async fn bulk(session: &Session, arguments: &str) -> Result<Value> {
    let sql = format!("select to_jsonb(b) from engine_bulk({arguments}) as b");
    Ok(session.client.query_one(&sql, &[]).await?.get(0))
}

/// Starts a bulk action; returns its id.
async fn begin(session: &Session, arguments: &str) -> Result<String> {
    let begun = bulk(session, &format!("{arguments}, dry_run => false")).await?;
    let id = begun["bulk_id"].as_str().context("it has no id")?;
    Ok(id.to_owned())
}

/// A bulk action as its view shows it.
async fn seen(session: &Session, id: &str) -> Result<Value> {
    let sql = "select to_jsonb(b) from engine.bulk as b where bulk_id = $1";
    Ok(session.client.query_one(sql, &[&id]).await?.get(0))
}

/// Ticks until a bulk action has ended; returns it.
async fn ended(session: &Session, id: &str) -> Result<Value> {
    for _ in 0..100 {
        let bulk = seen(session, id).await?;
        if bulk["state"] != "RUNNING" {
            return Ok(bulk);
        }
        session.tick().await?;
    }
    anyhow::bail!("it does not end: {}", seen(session, id).await?)
}

fn counts(bulk: &Value) -> [i64; 4] {
    ["total", "done", "skipped", "refused"].map(|key| bulk[key].as_i64().unwrap_or(-1))
}

/// Triggers many runs of a task in its queue.
async fn trigger_many(session: &Session, task: &str, count: i32) -> Result<()> {
    let sql = "select count(*) from generate_series(1, $2::integer) as n, lateral engine_trigger($1, tags => array['many'], metadata => to_jsonb(n))";
    session.client.query_one(sql, &[&task, &count]).await?;
    Ok(())
}

/// Fails the next run for good.
async fn fail(session: &Session, message: &str) -> Result<String> {
    let held = session.take().await?;
    let error = json!({"type": "BUILT_IN_ERROR", "name": "TypeError", "message": message, "stackTrace": ""});
    session
        .complete(&held, json!({"ok": false, "error": error}))
        .await?;
    Ok(held.run_id)
}

#[tokio::test]
async fn a_dry_run_counts_and_shows_exactly_what_happens_then_and_changes_nothing() -> Result<()> {
    let session = open().await?;
    trigger_many(&session, "mail", 30).await?;
    trigger_many(&session, "other", 3).await?;
    let ended_run = session.ended("'mail', priority_ms => 9000000").await?;
    let before = session.contents().await?;
    let dry = bulk(&session, r#"'cancel', '{"task": "mail"}'"#).await?;
    assert_eq!(session.contents().await?, before);
    assert_eq!((&dry["bulk_id"], &dry["count"]), (&Value::Null, &json!(30)));
    assert_eq!(dry["is_exact"], json!(true));
    assert_eq!(dry["statuses"], json!({"PENDING": 30}));
    let samples = dry["samples"].as_array().context("no samples")?;
    assert_eq!(samples.len(), 10);
    assert!(
        samples
            .iter()
            .all(|run| run["task"] == "mail" && run["run_status"] == "PENDING")
    );

    let id = begin(
        &session,
        r#"'cancel', '{"task": "mail"}', reason => 'wrong list'"#,
    )
    .await?;
    let running = seen(&session, &id).await?;
    assert_eq!(
        (&running["state"], &running["total"]),
        (&json!("RUNNING"), &json!(30))
    );
    let bulk = ended(&session, &id).await?;
    assert_eq!(counts(&bulk), [30, 30, 0, 0]);
    assert_eq!(
        (&bulk["action"], &bulk["reason"]),
        (&json!("cancel"), &json!("wrong list"))
    );
    assert_eq!(bulk["filter"], json!({"task": "mail"}));
    assert!(bulk["finished_at"].is_string() && bulk["created_by"].is_string());
    let cancelled = format!(
        "engine.run_state where run_status = 'CANCELED' and error ->> 'raw' = 'wrong list' and bulk_action_ids = array['{id}']"
    );
    assert_eq!(session.count(&cancelled).await?, 30);
    for run in samples {
        let run_id = run["run_id"].as_str().context("no run")?;
        assert_eq!(session.status(run_id).await?.1, "CANCELED");
    }
    assert_eq!(
        session.status(&ended_run.run_id).await?.1,
        "COMPLETED_SUCCESSFULLY"
    );
    assert_eq!(session.count("engine.queue_item").await?, 3);
    session.check().await
}

#[tokio::test]
async fn a_thousand_runs_are_worked_through_in_steps_each_once() -> Result<()> {
    let session = open().await?;
    trigger_many(&session, "mail", 1000).await?;
    let id = begin(&session, r#"'replay', '{"tag": "many"}'"#).await?;
    let mut steps = 0;
    loop {
        let sql = "select coalesce(sum(processed), 0)::integer from engine_tick(300) where kind = 'bulk_run'";
        let acted: i32 = session.client.query_one(sql, &[]).await?.get(0);
        assert!(acted <= 300, "{acted}");
        let bulk = seen(&session, &id).await?;
        if bulk["state"] == "COMPLETED" {
            assert_eq!(counts(&bulk), [1000, 1000, 0, 0]);
            break;
        }
        steps += 1;
        assert!(steps < 100, "{bulk}");
    }
    assert!(steps > 2, "{steps} steps");
    assert_eq!(session.count("engine.run").await?, 2000);
    let once = "(select replayed_from from engine.run where replayed_from is not null group by 1 having count(*) = 1) as r";
    assert_eq!(session.count(once).await?, 1000);
    session.check().await
}

#[tokio::test]
async fn a_bulk_action_that_is_stopped_keeps_what_it_has_done_and_does_no_more() -> Result<()> {
    let session = open().await?;
    trigger_many(&session, "mail", 100).await?;
    let id = begin(&session, r#"'cancel', '{"queue": "task/mail"}'"#).await?;
    session.client.query("select engine_tick(20)", &[]).await?;
    let stop = "select engine_bulk_stop($1)";
    assert!(
        session
            .client
            .query_one(stop, &[&id])
            .await?
            .get::<_, bool>(0)
    );
    let stopped = seen(&session, &id).await?;
    assert_eq!(stopped["state"], "STOPPED");
    let done = counts(&stopped)[1];
    assert!((1..100).contains(&done), "{done}");
    session.tick().await?;
    assert_eq!(session.count("engine.queue_item").await?, 100 - done);
    assert_eq!(seen(&session, &id).await?, stopped);
    assert!(
        !session
            .client
            .query_one(stop, &[&id])
            .await?
            .get::<_, bool>(0)
    );
    let unknown = session
        .refused("select engine_bulk_stop('bulk_none')")
        .await?;
    assert_eq!(unknown.code, "RE018");
    session.check().await
}

#[tokio::test]
async fn a_filter_that_matches_a_tenth_more_than_expected_is_refused() -> Result<()> {
    let session = open().await?;
    trigger_many(&session, "mail", 22).await?;
    let call = |expected: i32| {
        format!(
            r#"select count from engine_bulk('cancel', '{{"task": "mail"}}', dry_run => false, expected_count => {expected})"#
        )
    };
    let refused = session.refused(&call(19)).await?;
    assert_eq!(refused.code, "RE019");
    assert!(refused.detail.contains("19 were expected"), "{refused:?}");
    assert_eq!(session.count("engine.bulk").await?, 0);
    for expected in [20, 1000] {
        let count: i64 = session.client.query_one(&call(expected), &[]).await?.get(0);
        assert_eq!(count, 22);
    }
    Ok(())
}

#[tokio::test]
async fn a_call_without_a_right_filter_or_option_starts_nothing() -> Result<()> {
    let session = open().await?;
    session.trigger("mail").await?;
    for (arguments, code) in [
        (r#"'cancel', '{}'"#, "22023"),
        (r#"'cancel', '{"tsak": "mail"}'"#, "22023"),
        (r#"'cancel', '{"task": 7}'"#, "22023"),
        (r#"'cancel', '{"status": "LATE"}'"#, "22023"),
        (r#"'cancel', '{"all": false}'"#, "22023"),
        (r#"'cancel', '{"all": true, "task": "mail"}'"#, "22023"),
        (r#"'cancel', null"#, "22004"),
        (r#"null, '{"task": "mail"}'"#, "22004"),
        (r#"'delete', '{"task": "mail"}'"#, "22023"),
        (r#"'move', '{"task": "mail"}'"#, "22023"),
        (
            r#"'cancel', '{"task": "mail"}', options => '{"queue": "q"}'"#,
            "22023",
        ),
        (
            r#"'cancel', '{"task": "mail"}', expected_count => -1"#,
            "22023",
        ),
    ] {
        let call = format!("select engine_bulk({arguments}, dry_run => false)");
        let refused = session.refused(&call).await?;
        assert_eq!(refused.code, code, "{arguments}");
        assert!(!refused.detail.is_empty() && !refused.hint.is_empty());
    }
    assert_eq!(session.count("engine.bulk").await?, 0);
    let all = bulk(&session, r#"'cancel', '{"all": true}'"#).await?;
    assert_eq!(all["count"], json!(1));
    Ok(())
}

#[tokio::test]
async fn a_run_that_moves_on_meanwhile_is_skipped_and_one_that_is_locked_waits_for_its_session()
-> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let other = Session::open(&database).await?;
    let gone = session.trigger("mail").await?;
    let locked = session.trigger("mail").await?;
    trigger_many(&session, "mail", 3).await?;
    let id = begin(
        &session,
        r#"'cancel', '{"task": "mail", "status": "PENDING"}'"#,
    )
    .await?;
    session.cancel(&format!("'{}'", gone.run_id)).await?;
    let hold = format!(
        "begin; select from engine.run_state where run_id = '{}' for no key update",
        locked.run_id
    );
    other.client.batch_execute(&hold).await?;
    for _ in 0..3 {
        session.tick().await?;
    }
    let waiting = seen(&session, &id).await?;
    assert_eq!(waiting["state"], "RUNNING");
    assert_eq!(counts(&waiting)[1], 3);
    other.client.batch_execute("rollback").await?;
    let bulk = ended(&session, &id).await?;
    assert_eq!(counts(&bulk), [5, 4, 1, 0]);
    assert_eq!(session.status(&locked.run_id).await?.1, "CANCELED");
    session.check().await
}

#[tokio::test]
async fn what_is_wrong_with_one_run_spoils_nothing_for_the_others() -> Result<()> {
    let session = open().await?;
    trigger_many(&session, "mail", 40).await?;
    let poison: String = session
        .client
        .query_one(
            "select id from engine.run order by id offset 17 limit 1",
            &[],
        )
        .await?
        .get(0);
    let trap = format!(
        "create function trap() returns trigger language plpgsql as $$ begin \
             if new.run_id = '{poison}' then raise exception using errcode = 'P0001'; end if; return new; end $$; \
         create trigger trap before update on engine.run_state for each row execute function trap()"
    );
    session.client.batch_execute(&trap).await?;
    let id = begin(&session, r#"'cancel', '{"tag": "many"}'"#).await?;
    let bulk = ended(&session, &id).await?;
    assert_eq!(counts(&bulk), [40, 39, 0, 1]);
    assert_eq!(bulk["refused_by"], json!({"P0001": 1}));
    assert_eq!(session.status(&poison).await?.0, "QUEUED");
    session
        .client
        .batch_execute("drop trigger trap on engine.run_state")
        .await?;
    session.check().await
}

#[tokio::test]
async fn refused_runs_are_counted_by_sqlstate() -> Result<()> {
    let session = open().await?;
    for keep in ["", ", keep => '0'"] {
        session.trigger_with(&format!("'mail'{keep}")).await?;
        let held = session.take().await?;
        session.complete(&held, json!({"ok": true})).await?;
    }
    session.tick().await?;
    let id = begin(&session, r#"'replay', '{"task": "mail"}'"#).await?;
    let bulk = ended(&session, &id).await?;
    assert_eq!(counts(&bulk), [2, 1, 0, 1]);
    assert_eq!(bulk["refused_by"], json!({"22023": 1}));
    session.check().await
}

#[tokio::test]
async fn runs_are_redriven_released_rescheduled_and_forgotten_in_bulk() -> Result<()> {
    let session = open().await?;
    let expired = session.trigger_with("'late', ttl => '1h'").await?;
    let age = "update engine.queue_item set expires_at = now() - interval '1 second'";
    session.client.execute(age, &[]).await?;
    session.tick().await?;
    assert_eq!(session.status(&expired.run_id).await?.1, "EXPIRED");
    let held = session.executing("held").await?;
    let delayed = session
        .trigger_with("'later', delay_until => now() + interval '1 hour'")
        .await?;
    let over = session
        .trigger_with("'over', priority_ms => 9000000")
        .await?;
    session.cancel(&format!("'{}'", over.run_id)).await?;
    for (call, run, status) in [
        (
            r#"'redrive', '{"task": ["late", "held", "over"]}'"#,
            &expired,
            "PENDING",
        ),
        (
            r#"'release', '{"task": ["late", "held"]}'"#,
            &held,
            "PENDING",
        ),
        (
            r#"'reschedule', '{"all": true}', options => '{"time": "2100-01-01T00:00:00Z"}'"#,
            &delayed,
            "DELAYED",
        ),
        (r#"'forget', '{"task": "over"}'"#, &over, ""),
    ] {
        let id = begin(&session, call).await?;
        let bulk = ended(&session, &id).await?;
        assert_eq!(counts(&bulk), [1, 1, 0, 0], "{call}");
        if status.is_empty() {
            assert!(!session.exists(&run.run_id).await?);
        } else {
            assert_eq!(session.status(&run.run_id).await?.1, status, "{call}");
        }
    }
    let due = "engine.timer where kind = 'END_DELAY' and due_at = '2100-01-01T00:00:00Z'";
    assert_eq!(session.count(due).await?, 1);
    session.check().await
}

#[tokio::test]
async fn waiting_runs_move_to_another_queue_and_to_another_place_in_it() -> Result<()> {
    let session = open().await?;
    let set = "select engine_set_queue('full', max_size => 1), engine_set_queue('slow', concurrency_limit => 1)";
    session.client.query(set, &[]).await?;
    let mut ids = Vec::new();
    for task in ["a", "b", "c"] {
        ids.push(session.trigger(task).await?.run_id);
    }
    let delayed = session
        .trigger_with("'d', delay_until => now() + interval '1 hour'")
        .await?;
    let to =
        |queue: &str| format!(r#"'move', '{{"all": true}}', options => '{{"queue": "{queue}"}}'"#);
    let id = begin(&session, &to("slow")).await?;
    let bulk = ended(&session, &id).await?;
    assert_eq!(counts(&bulk), [4, 4, 0, 0]);
    assert_eq!(
        session
            .count("engine.queue_item where queue = 'slow'")
            .await?,
        3
    );
    assert_eq!(session.count("engine.run where queue = 'slow'").await?, 4);
    assert_eq!(session.status(&delayed.run_id).await?.0, "DELAYED");
    session.check().await?;

    let last = format!(
        r#"'set_priority', '{{"run_id": "{}"}}', options => '{{"priority": 60000}}'"#,
        ids[2]
    );
    let id = begin(&session, &last).await?;
    assert_eq!(counts(&ended(&session, &id).await?), [1, 1, 0, 0]);
    let held = session.dequeue_many(5).await?;
    assert_eq!(held.len(), 1, "the limit of its new queue holds");
    assert_eq!(held[0].run_id, ids[2], "it has come to the front");
    session.check().await?;

    let id = begin(&session, &to("full")).await?;
    let bulk = ended(&session, &id).await?;
    assert_eq!(
        counts(&bulk),
        [3, 2, 0, 1],
        "one queued run fits, and the delayed one is no part of it yet"
    );
    assert_eq!(bulk["refused_by"], json!({"RE008": 1}));
    let moved = "engine.history where transition = 'RESCHEDULED' and description = 'Moved from queue task/a to slow'";
    assert_eq!(session.count(moved).await?, 1);
    let told = "engine.event where name = 'runDelayRescheduled'";
    assert_eq!(session.count(told).await?, 0, "no due time was moved");
    session.check().await
}

#[tokio::test]
async fn every_condition_finds_its_runs_and_no_others() -> Result<()> {
    let session = open().await?;
    let session_of = "'a', tags => array['x', 'y'], concurrency_key => 'k', worker_queue => 'gpu', version => '7', queue => 'q', \
                      run_id => 'mine'";
    session.trigger_with(session_of).await?;
    let parent = session.executing("parent").await?;
    session
        .trigger_with(&format!(
            "'child', parent_run_id => '{}', priority_ms => 9000000",
            parent.run_id
        ))
        .await?;
    let failed = fail(&session, "Timeout: acquirer did not answer").await?;
    let batch = session.create_batch("1").await?;
    session
        .add_to_batch(&batch, json!([{"task": "item"}]))
        .await?;
    let (past, future) = ("2001-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    for (filter, count) in [
        (json!({"run_id": ["run_mine", "none"]}), 1),
        (json!({"status": ["EXECUTING", "COMPLETED_WITH_ERRORS"]}), 2),
        (json!({"task": ["a", "item"]}), 2),
        (json!({"queue": "q"}), 1),
        (json!({"environment_id": "default"}), 4),
        (json!({"environment_id": "other"}), 0),
        (json!({"tag": ["y", "z"]}), 1),
        (json!({"concurrency_key": "k"}), 1),
        (json!({"worker_queue": "gpu"}), 1),
        (json!({"version": "7"}), 1),
        (json!({"error_code": "TypeError"}), 1),
        (json!({"error": "ACQUIRER"}), 1),
        (json!({"error": "nothing"}), 0),
        (json!({"batch_id": batch}), 1),
        (json!({"parent_run_id": parent.run_id}), 1),
        (json!({"created_after": past, "created_before": future}), 4),
        (json!({"created_after": future}), 0),
        (json!({"finished_after": past}), 1),
        (json!({"finished_before": past}), 0),
        (
            json!({"task": "child", "finished_before": future, "error": "timeout", "run_id": failed}),
            1,
        ),
        (json!({"all": true}), 4),
    ] {
        let found = bulk(&session, &format!("'replay', '{filter}'")).await?;
        assert_eq!(found["count"], json!(count), "{filter}");
    }
    let id = begin(&session, r#"'cancel', '{"task": "item"}'"#).await?;
    ended(&session, &id).await?;
    let found = bulk(&session, &format!(r#"'replay', '{{"bulk_id": "{id}"}}'"#)).await?;
    assert_eq!(found["count"], json!(1));
    Ok(())
}
