//! Run and snapshot are one write: what is returned, what is in the event and what is stored are equal, field by field.

use anyhow::{Context, Result};
use engine_core::Transition;
use engine_harness::{Database, Session};
use serde_json::{Value, json};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

/// The latest snapshot as stored.
async fn stored(session: &Session) -> Result<Row> {
    let sql = "select id, execution_status::text, run_status::text, attempt_number, description, checkpoint_id, worker_id, \
                      runner_id, completed_waitpoint_ids, completed_waitpoint_order, is_valid, error, created_at::text, \
                      previous_snapshot_id \
               from engine.history order by ordinal desc limit 1";
    Ok(session.client.query_one(sql, &[]).await?)
}

/// The event of a snapshot.
async fn event(session: &Session, snapshot_id: &str) -> Result<Value> {
    let sql = "select body || jsonb_build_object('time', time::text) from engine.event \
               where name = 'executionSnapshotCreated' and body #>> '{snapshot,id}' = $1";
    Ok(session
        .client
        .query_one(sql, &[&snapshot_id])
        .await?
        .get::<_, Json<Value>>(0)
        .0)
}

/// A queued run with a checkpoint and two completed waitpoints.
async fn resumed(session: &Session) -> Result<String> {
    session
        .client
        .batch_execute(
            "insert into engine.checkpoint (shard, id, type, location, image_ref, reason, created_at) \
             values (0, 'k1', 'DOCKER', 'here', 'image:1', 'TEST_CHECKPOINT', now()); \
             insert into engine.waitpoint (shard, id, type, status, environment_id, idempotency_key, \
                                           user_provided_idempotency_key, completed_at, output, created_at) \
             values (0, 'w1', 'MANUAL', 'COMPLETED', 'default', 'mine', true, now(), '1', now()), \
                    (0, 'w2', 'DATETIME', 'COMPLETED', 'default', 'random', false, now(), null, now())",
        )
        .await?;
    let run = session.trigger("test").await?;
    let carry = "update engine.snapshot set checkpoint_id = 'k1', completed_waitpoint_ids = '{w1,w2}', \
                                            completed_waitpoint_order = '{w2,w1}'; \
                 update engine.run_state set checkpoint_id = 'k1', completed_waitpoint_ids = '{w1,w2}', \
                                             completed_waitpoint_order = '{w2,w1}'";
    session.client.batch_execute(carry).await?;
    Ok(run.run_id)
}

/// Spec: ESS-1.
#[tokio::test]
async fn the_latest_snapshot_is_the_newest_valid_row() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    let held = session.take().await?;
    let data = session.data(&run.run_id).await?;
    assert_eq!(data["snapshot"]["id"], held.snapshot_id.as_str());
    assert_eq!(
        data["snapshot"]["friendlyId"],
        format!("snapshot_{}", held.snapshot_id)
    );
    assert_eq!(held.snapshot_id.len(), 25);
    assert!(held.snapshot_id.starts_with('c'));
    assert_eq!(data["completedWaitpoints"], json!([]));
    assert_eq!(data.get("checkpoint"), None);
    assert_eq!(data["run"]["friendlyId"], format!("run_{}", run.run_id));
    Ok(())
}

#[tokio::test]
async fn what_a_dequeue_returns_reports_and_stores_is_equal_field_by_field() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run_id = resumed(&session).await?;
    let sql = "select snapshot_id, snapshot_friendly_id, execution_status, run_status, snapshot_created_at::text, \
                      attempt_number, checkpoint, completed_waitpoints, dequeued_at::text, run_id \
               from engine_dequeue(worker_id => 'w', runner_id => 'r')";
    let returned = session.client.query_one(sql, &[]).await?;
    let stored = stored(&session).await?;
    let event = event(&session, stored.get("id")).await?;
    let reported = &event["snapshot"];

    let snapshot_id: &str = returned.get("snapshot_id");
    assert_eq!(stored.get::<_, &str>("id"), snapshot_id);
    assert_eq!(
        returned.get::<_, &str>("snapshot_friendly_id"),
        format!("snapshot_{snapshot_id}")
    );
    assert_eq!(
        (&reported["id"], &event["run"]["id"]),
        (&json!(snapshot_id), &json!(run_id))
    );
    for (column, key) in [
        ("execution_status", "executionStatus"),
        ("run_status", "runStatus"),
    ] {
        assert_eq!(
            stored.get::<_, &str>(column),
            returned.get::<_, &str>(column),
            "{column}"
        );
        assert_eq!(reported[key], returned.get::<_, &str>(column), "{key}");
    }
    let created_at: &str = returned.get("snapshot_created_at");
    assert_eq!(stored.get::<_, &str>("created_at"), created_at);
    assert_eq!(
        (&event["time"], returned.get::<_, &str>("dequeued_at")),
        (&json!(created_at), created_at)
    );
    for (column, key, expected) in [
        ("worker_id", "workerId", "w"),
        ("runner_id", "runnerId", "r"),
        ("checkpoint_id", "checkpointId", "k1"),
    ] {
        assert_eq!(
            (stored.get::<_, &str>(column), &reported[key]),
            (expected, &json!(expected)),
            "{column}"
        );
    }
    assert_eq!(stored.get::<_, Option<i32>>("attempt_number"), None);
    assert_eq!(
        (
            &reported["attemptNumber"],
            returned.get::<_, i32>("attempt_number")
        ),
        (&Value::Null, 1)
    );
    assert_eq!(
        (stored.get::<_, bool>("is_valid"), &reported["isValid"]),
        (true, &json!(true))
    );
    assert_eq!(
        (stored.get::<_, Option<&str>>("error"), &reported["error"]),
        (None, &Value::Null)
    );
    assert_eq!(
        reported["description"],
        stored.get::<_, &str>("description")
    );
    assert_eq!(
        reported["completedWaitpointIds"],
        json!(stored.get::<_, Vec<String>>("completed_waitpoint_ids"))
    );
    Ok(())
}

#[tokio::test]
async fn completed_waitpoints_are_carried_in_their_order_with_all_that_their_reader_may_see()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    resumed(&session).await?;
    let sql = "select completed_waitpoints from engine_dequeue()";
    let returned: Json<Value> = session.client.query_one(sql, &[]).await?.get(0);
    let stored = stored(&session).await?;
    assert_eq!(
        stored.get::<_, Vec<String>>("completed_waitpoint_ids"),
        ["w1", "w2"]
    );
    assert_eq!(
        stored.get::<_, Vec<String>>("completed_waitpoint_order"),
        ["w2", "w1"]
    );
    let ids: Vec<&Value> = returned
        .0
        .as_array()
        .context("no array")?
        .iter()
        .map(|entry| &entry["id"])
        .collect();
    assert_eq!(ids, ["w2", "w1"]);
    let (first, second) = (&returned.0[0], &returned.0[1]);
    assert_eq!((&first["index"], &second["index"]), (&json!(0), &json!(1)));
    assert_eq!(
        (&first["type"], first.get("output")),
        (&json!("DATETIME"), None)
    );
    assert_eq!(
        (first.get("idempotencyKey"), &second["idempotencyKey"]),
        (None, &json!("mine"))
    );
    assert_eq!(
        (&second["output"], &second["outputIsError"]),
        (&json!("1"), &json!(false))
    );
    Ok(())
}

#[tokio::test]
async fn the_checkpoint_that_is_returned_is_the_one_that_is_stored() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run_id = resumed(&session).await?;
    let sql = "select run_id, snapshot_id, checkpoint from engine_dequeue()";
    let returned = session.client.query_one(sql, &[]).await?;
    let checkpoint = json!({"id": "k1", "friendlyId": "checkpoint_k1", "type": "DOCKER", "location": "here",
                            "imageRef": "image:1", "reason": "TEST_CHECKPOINT"});
    assert_eq!(returned.get::<_, Json<Value>>("checkpoint").0, checkpoint);
    assert_eq!(
        stored(&session).await?.get::<_, &str>("checkpoint_id"),
        "k1"
    );
    assert_eq!(session.data(&run_id).await?["checkpoint"], checkpoint);
    // A start drops it: the attempt runs on, past the frozen state.
    let held = engine_harness::Held {
        run_id: run_id.clone(),
        snapshot_id: returned.get("snapshot_id"),
    };
    session.start(&held).await?;
    assert_eq!(
        stored(&session)
            .await?
            .get::<_, Option<&str>>("checkpoint_id"),
        None
    );
    assert_eq!(
        session.data(&run_id).await?["completedWaitpoints"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    Ok(())
}

#[tokio::test]
async fn the_attempt_number_is_returned_for_the_next_start_and_stored_for_the_last_one()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    let sql = "select attempt_number, snapshot_id, run_id from engine_dequeue()";
    for attempt in 1..=2 {
        let returned = session.client.query_one(sql, &[]).await?;
        assert_eq!(returned.get::<_, i32>(0), attempt);
        let before = (attempt > 1).then_some(attempt - 1);
        assert_eq!(
            stored(&session)
                .await?
                .get::<_, Option<i32>>("attempt_number"),
            before
        );
        let held = engine_harness::Held {
            run_id: returned.get("run_id"),
            snapshot_id: returned.get("snapshot_id"),
        };
        session.start(&held).await?;
        assert_eq!(
            stored(&session)
                .await?
                .get::<_, Option<i32>>("attempt_number"),
            Some(attempt)
        );
        session.lapse(&run.run_id).await?;
        session.tick().await?;
        session.make_due(&run.run_id).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_dequeued_run_is_pending_in_its_snapshots() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    session.dequeue().await?.context("nothing is queued")?;
    let row = session
        .client
        .query_one("select run_status::text from engine.run_state", &[])
        .await?;
    assert_eq!(row.get::<_, &str>(0), "DEQUEUED");
    assert_eq!(
        stored(&session).await?.get::<_, &str>("run_status"),
        "PENDING"
    );
    assert_eq!(session.status(&run.run_id).await?.1, "PENDING");
    Ok(())
}

#[tokio::test]
async fn a_snapshot_is_valid_unless_it_was_written_with_an_error() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    assert!(stored(&session).await?.get::<_, bool>("is_valid"));
    let invalid = "insert into engine.snapshot (shard, run_id, ordinal, id, transition, execution_status, run_status, position, horizon, description, error, is_valid, created_at) \
                   select shard, run_id, 2, 'invalid', 'REFUSED', 'QUEUED', 'PENDING', nextval('engine.event_position'), 0, 'invalid', 'broken', false, now() from engine.snapshot";
    session.client.batch_execute(invalid).await?;
    let row = stored(&session).await?;
    assert!(!row.get::<_, bool>("is_valid"));
    let event = event(&session, "invalid").await?;
    assert_eq!(
        (&event["snapshot"]["isValid"], &event["snapshot"]["error"]),
        (&json!(false), &json!("broken"))
    );
    assert_eq!(
        session.data(&run.run_id).await?["snapshot"]["id"],
        run.snapshot_id.as_str()
    );
    Ok(())
}

#[tokio::test]
async fn snapshots_follow_each_other_by_id_ordinal_and_link() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await?;
    let sql = "select ordinal, id, previous_snapshot_id from engine.history order by ordinal";
    let rows = session.client.query(sql, &[]).await?;
    assert_eq!(rows.len(), 4);
    for (before, after) in rows.iter().zip(&rows[1..]) {
        assert_eq!(
            after.get::<_, i32>("ordinal"),
            before.get::<_, i32>("ordinal") + 1
        );
        assert!(after.get::<_, &str>("id") > before.get::<_, &str>("id"));
        assert_eq!(
            after.get::<_, &str>("previous_snapshot_id"),
            before.get::<_, &str>("id")
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_history_describes_every_transition_and_stores_no_ids_and_only_unusual_texts()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = session.executing("test").await?;
    session.complete(&held, json!({"ok": true})).await?;
    assert_eq!(
        session
            .count("engine.snapshot where description is not null")
            .await?,
        0
    );
    assert_eq!(
        session
            .count("engine.snapshot where id is not null")
            .await?,
        0
    );
    let named = "engine.history as p join engine.run_state as s on s.run_id = p.run_id \
                 where p.id = s.snapshot_id and p.ordinal = s.snapshot_ordinal";
    assert_eq!(session.count(named).await?, 1, "the fencing token");
    for transition in Transition::ALL {
        let sql =
            format!("update engine.snapshot set transition = '{transition}' where ordinal = 2");
        session.client.batch_execute(&sql).await?;
        let sql = "select description from engine.history where ordinal = 2";
        let description: String = session.client.query_one(sql, &[]).await?.get(0);
        assert_eq!(description, transition.description(), "{transition}");
    }
    Ok(())
}
