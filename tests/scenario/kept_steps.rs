//! A replay that keeps the results of the other run's steps and waits.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::json;

/// A waitpoint with a key, as its creator sees it: its id, and whether it is completed already.
async fn token(session: &Session, environment: &str, key: &str) -> Result<(String, bool)> {
    let sql = "select waitpoint_id, is_cached and status = 'COMPLETED'
               from engine_create_manual_waitpoint(environment_id => $1, idempotency_key => $2)";
    let row = session.client.query_one(sql, &[&environment, &key]).await?;
    Ok((row.get(0), row.get(1)))
}

/// Does a step as a worker does.
async fn step(session: &Session, environment: &str, key: &str, output: &str) -> Result<()> {
    let (id, _) = token(session, environment, key).await?;
    let sql = "select engine_complete_waitpoint($1, $2, 'text/plain')";
    session.client.query(sql, &[&id, &output]).await?;
    Ok(())
}

async fn replay(session: &Session, run_id: &str, arguments: &str) -> Result<String> {
    let sql = format!("select run_id from engine_replay('{run_id}'{arguments})");
    Ok(session.client.query_one(&sql, &[]).await?.get(0))
}

const OWN: &str = "engine.waitpoint where idempotency_key like 'run/' || ";

#[tokio::test]
async fn a_replay_that_keeps_steps_begins_with_their_results_and_with_nothing_else() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let environment = "select engine_set_environment('staging')";
    session.client.batch_execute(environment).await?;
    for environment in ["default", "staging"] {
        let run = format!("'t', environment_id => '{environment}'");
        let old = session.trigger_with(&run).await?.run_id;
        let key = |of: &str| format!("run/{old}/{of}");
        step(&session, environment, &key("step/s"), "one").await?;
        step(&session, environment, &key("step/s#2"), "two").await?;
        let due = "select engine_create_datetime_waitpoint(now() - interval '1 s', $1, $2)";
        let wait = key("wait/w");
        session.client.query(due, &[&environment, &wait]).await?;
        while session.tick().await? > 0 {}
        // Pending ones, failed ones, expired ones, and those of another run.
        token(&session, environment, &key("token/pending")).await?;
        let (failed, _) = token(&session, environment, &key("token/failed")).await?;
        let fail = "select engine_complete_waitpoint($1, '\"no\"', is_error => true)";
        session.client.query(fail, &[&failed]).await?;
        step(&session, environment, &key("step/expired"), "old").await?;
        let expire =
            "update engine.waitpoint set idempotency_key_expires_at = now() - interval '1 s'
                      where idempotency_key = $1";
        session
            .client
            .query(expire, &[&key("step/expired")])
            .await?;
        let others = [
            format!("run/{old}0/step/s"),
            format!("run/{old}"),
            "s".to_owned(),
        ];
        for other in &others {
            step(&session, environment, other, "another's").await?;
        }

        for none in ["", ", false", ", keep_steps => null"] {
            let new = replay(&session, &old, none).await?;
            assert_eq!(session.count(&format!("{OWN}'{new}%'")).await?, 0, "{none}");
        }
        let new = replay(&session, &old, ", keep_steps => true").await?;
        // A replay of the replay has them too.
        let newer = replay(&session, &format!("run_{new}"), ", keep_steps => true").await?;
        for new in [new, newer] {
            assert_eq!(session.count(&format!("{OWN}'{new}/%'")).await?, 3);
            for (of, expected) in [
                ("step/s", Some("one")),
                ("step/s#2", Some("two")),
                ("wait/w", None),
            ] {
                let key = format!("run/{new}/{of}");
                let (id, is_over) = token(&session, environment, &key).await?;
                assert!(is_over, "{key}");
                let sql = "select engine_waitpoint_data($1, $2) ->> 'output'";
                let row = session.client.query_one(sql, &[&id, &environment]).await?;
                assert_eq!(
                    row.get::<_, Option<String>>(0).as_deref(),
                    expected,
                    "{key}"
                );
            }
            for of in ["token/pending", "token/failed", "step/expired"] {
                let key = format!("run/{new}/{of}");
                assert!(!token(&session, environment, &key).await?.1, "{key}");
            }
        }
    }
    session.check().await
}

#[tokio::test]
async fn a_replay_keeps_ten_thousand_steps_and_is_refused_with_more() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let old = session.trigger("t").await?.run_id;
    let key = format!("run/{old}/step/");
    step(&session, "default", &format!("{key}0"), "x").await?;
    let more = format!(
        "insert into engine.waitpoint
         select w.shard, w.id || g, w.type, w.status, w.environment_id, '{key}' || g, true, null, null, null, null,
                w.completed_at, w.output, w.output_type, false, w.created_at
         from engine.waitpoint as w, generate_series(1, 10000) as g where w.idempotency_key = '{key}0'"
    );
    session.client.batch_execute(&more).await?;
    let refused = format!("select engine_replay('{old}', keep_steps => true)");
    assert_eq!(session.refused(&refused).await?.code, "22023");
    assert_eq!(session.count("engine.run").await?, 1);
    let fewer = format!("delete from engine.waitpoint where idempotency_key = '{key}10000'");
    session.client.batch_execute(&fewer).await?;
    let new = replay(&session, &old, ", true").await?;
    assert_eq!(session.count(&format!("{OWN}'{new}/%'")).await?, 10_000);
    session.check().await
}

#[tokio::test]
async fn a_key_that_would_be_too_long_is_not_kept() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'t', run_id => 'short'").await?;
    for length in [2_000, 2_048 - "run/short/".len()] {
        let key = format!("run/short/{}", "x".repeat(length));
        step(&session, "default", &key, "x").await?;
    }
    let new = replay(&session, "short", ", true").await?;
    assert_eq!(session.count(&format!("{OWN}'{new}/%'")).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_child_with_a_key_of_its_own_is_found_by_a_replay_of_its_parent() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let parent = session.executing("parent").await?;
    let calls = |parent: &str| {
        ["", ", idempotency_key => 'k'"].map(|key| {
            format!(
                "select run_id, is_cached from engine_trigger('child', parent_run_id => '{parent}', resume_parent => true{key})"
            )
        })
    };
    let trigger = async |call: &str| {
        let row = session.client.query_one(call, &[]).await?;
        Ok::<(String, bool), anyhow::Error>((row.get(0), row.get(1)))
    };
    let mut children = Vec::new();
    for call in calls(&parent.run_id) {
        children.push(trigger(&call).await?.0);
        let child = session.take().await?;
        session.complete(&child, json!({"ok": true})).await?;
    }
    session.tick().await?;
    let new = replay(&session, &parent.run_id, ", keep_steps => true").await?;
    session.take().await?;
    let [again, keyed] = calls(&new);
    assert_eq!(trigger(&keyed).await?, (children[1].clone(), true));
    session.tick().await?;
    assert_eq!(session.execution_status(&new).await?, "EXECUTING");
    let (child, is_cached) = trigger(&again).await?;
    assert!(!is_cached && !children.contains(&child));
    session.check().await
}

/// A batch that a run waits for, created as a worker does: its id, whether there was one, and its runs with whether each is new.
async fn family(
    session: &Session,
    parent: &str,
    name: &str,
) -> Result<(String, bool, Vec<(String, bool)>)> {
    let create = "select batch_id, is_cached from engine_create_batch(2, parent_run_id => $1, resume_parent => true,
                                                                      idempotency_key => 'run/' || $1 || '/batch/' || $2)";
    let batch = session.client.query_one(create, &[&parent, &name]).await?;
    let (batch_id, is_cached): (String, bool) = (batch.get(0), batch.get(1));
    let items = json!([{"task": "child", "index": 0}, {"task": "child", "index": 1}]);
    let add = "select run_id, enqueued from engine_add_to_batch($1, $2)";
    let rows = session.client.query(add, &[&batch_id, &items]).await?;
    let runs = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    Ok((batch_id, is_cached, runs))
}

#[tokio::test]
async fn a_replay_that_keeps_steps_keeps_children_that_have_all_succeeded() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let old = session.executing("parent").await?.run_id;
    let mut children = Vec::new();
    for (name, oks) in [("good", [true, true]), ("bad", [true, false])] {
        children.push(family(&session, &old, name).await?.2);
        for ok in oks {
            let held = session.take().await?;
            let end = if ok {
                json!({"ok": true, "output": format!("\"{name}\"")})
            } else {
                json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}})
            };
            session.complete(&held, end).await?;
        }
        session.tick().await?;
        assert_eq!(session.execution_status(&old).await?, "EXECUTING");
    }
    family(&session, &old, "open").await?;

    let new = replay(&session, &old, ", keep_steps => true").await?;
    session.check().await?;
    assert_eq!(
        session.dequeue_many(2).await?.len(),
        2,
        "the children that the old run still waits for"
    );
    let held = session.take().await?;
    assert_eq!(held.run_id, new);
    let (batch, is_cached, kept) = family(&session, &new, "good").await?;
    assert!(is_cached);
    let of_old: Vec<(String, bool)> = children[0]
        .iter()
        .map(|(id, _)| (id.clone(), false))
        .collect();
    assert_eq!(kept, of_old);
    while session.tick().await? > 0 {}
    assert_eq!(session.execution_status(&new).await?, "EXECUTING");
    let status = "select status::text, parent_run_id from engine.batch where id = $1";
    let row = session.client.query_one(status, &[&batch]).await?;
    assert_eq!((row.get(0), row.get(1)), ("COMPLETED", new.as_str()));
    for name in ["bad", "open"] {
        let (_, is_cached, runs) = family(&session, &new, name).await?;
        assert!(
            !is_cached && runs.iter().all(|(_, is_new)| *is_new),
            "{name}"
        );
        for _ in 0..2 {
            let held = session.take().await?;
            session.complete(&held, json!({"ok": true})).await?;
        }
        while session.tick().await? > 0 {}
    }
    session.check().await
}

#[tokio::test]
async fn children_that_a_replay_has_kept_stay_while_it_lives() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let old = session.executing("parent").await?;
    family(&session, &old.run_id, "good").await?;
    session.end_next().await?;
    session.end_next().await?;
    session.tick().await?;
    let held = session.latest(&old).await?;
    session.complete(&held, json!({"ok": true})).await?;
    let new = replay(&session, &old.run_id, ", keep_steps => true").await?;
    session.age(8).await?;
    assert_eq!(session.sweep().await?, 0, "they are kept for the new run");
    session.check().await?;
    let held = session.take().await?;
    assert_eq!(held.run_id, new);
    let (_, is_cached, _) = family(&session, &new, "good").await?;
    assert!(is_cached);
    while session.tick().await? > 0 {}
    let held = session.latest(&held).await?;
    session.complete(&held, json!({"ok": true})).await?;
    assert_eq!(session.sweep().await?, 3, "it has ended");
    session.age(8).await?;
    assert_eq!(session.sweep().await?, 1);
    assert_eq!(session.count("engine.run").await?, 0);
    session.check().await
}
