//! Shards: where environments live, and that all of them are served alike.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use engine_harness::{Database, Session};
use serde_json::json;

/// A session of a database with an environment on each of these shards, by the name `on-<shard>`.
async fn with_shards(shards: &[i32]) -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    let set =
        "select engine_set_environment('on-' || n, shard => n) from unnest($1::integer[]) as n";
    session.client.query(set, &[&shards]).await?;
    Ok(session)
}

async fn trigger(session: &Session, environment: &str) -> Result<String> {
    let arguments = format!("'t', environment_id => '{environment}'");
    Ok(session.trigger_with(&arguments).await?.run_id)
}

async fn dequeued_environments(session: &Session, max_runs: i32) -> Result<Vec<String>> {
    let sql = "select environment_id from engine_dequeue(max_runs => $1)";
    let rows = session.client.query(sql, &[&max_runs]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The shard that the last two characters of an id name.
fn shard_of(id: &str) -> Option<u32> {
    let suffix = id.get(id.len().checked_sub(2)?..)?;
    u32::from_str_radix(suffix, 36).ok()
}

async fn shard(session: &Session, call: &str) -> Result<i32> {
    let sql = format!("select shard from engine_set_environment({call})");
    Ok(session.client.query_one(&sql, &[]).await?.get(0))
}

#[tokio::test]
async fn a_dequeue_without_an_environment_finds_runs_on_every_shard() -> Result<()> {
    let session = with_shards(&[0, 1, 37, 63]).await?;
    for environment in ["default", "on-0", "on-1", "on-37", "on-63"] {
        trigger(&session, environment).await?;
    }
    let found: BTreeSet<String> = dequeued_environments(&session, 10)
        .await?
        .into_iter()
        .collect();
    assert_eq!(found.len(), 5, "{found:?}");
    session.check().await
}

#[tokio::test]
async fn dequeues_without_an_environment_take_turns_on_all_shards() -> Result<()> {
    let session = with_shards(&[3, 20, 60]).await?;
    for environment in ["on-3", "on-20", "on-60"] {
        for _ in 0..6 {
            trigger(&session, environment).await?;
        }
    }
    for round in 0..6 {
        let mut turn = BTreeSet::new();
        for _ in 0..3 {
            turn.extend(dequeued_environments(&session, 1).await?);
        }
        assert_eq!(turn.len(), 3, "round {round}: {turn:?}");
    }
    assert_eq!(dequeued_environments(&session, 1).await?, [] as [String; 0]);
    session.check().await
}

#[tokio::test]
async fn a_turn_that_is_asked_for_again_has_the_runs_of_every_shard() -> Result<()> {
    let session = with_shards(&[5, 6]).await?;
    trigger(&session, "on-5").await?;
    trigger(&session, "on-6").await?;
    let turn = "select run_id, snapshot_id from engine_work(max_runs => 10, worker_id => 'w', runner_id => 'r', turn_id => 'once')";
    let taken = async || -> Result<Vec<(String, String)>> {
        let rows = session.client.query(turn, &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    };
    let first = taken().await?;
    assert_eq!(first.len(), 2);
    assert_eq!(taken().await?, first);
    session.check().await
}

#[tokio::test]
async fn stalled_and_expired_runs_and_schedules_are_found_on_every_shard() -> Result<()> {
    let session = with_shards(&[9, 10]).await?;
    for environment in ["default", "on-9", "on-10"] {
        trigger(&session, environment).await?;
    }
    assert_eq!(dequeued_environments(&session, 10).await?.len(), 3);
    let lapse = "update engine.heartbeat set check_at = now() - interval '1 s', deadline_at = now() - interval '1 s'";
    session.client.batch_execute(lapse).await?;
    assert_eq!(session.tick_of("stalled_heartbeat").await?, 3);
    for environment in ["on-9", "on-10"] {
        let ttl = format!("'t', environment_id => '{environment}', ttl => '1h'");
        session.trigger_with(&ttl).await?;
        let schedule = format!(
            "select engine_set_schedule('{environment}', 't', '0 9 * * *', environment_id => '{environment}')"
        );
        session.client.batch_execute(&schedule).await?;
    }
    let due = "update engine.queue_item set expires_at = now() - interval '1 s' where expires_at is not null; \
               update engine.schedule set next_at = now() - interval '1 s'";
    session.client.batch_execute(due).await?;
    assert_eq!(session.tick_of("expired_run").await?, 2);
    // The same tick has begun the schedules.
    assert_eq!(session.count("engine.run where task = 't'").await?, 7);
    session.check().await
}

#[tokio::test]
async fn a_step_of_a_bulk_action_goes_on_from_shard_to_shard() -> Result<()> {
    let session = with_shards(&[4, 44]).await?;
    for environment in ["default", "on-4", "on-44"] {
        trigger(&session, environment).await?;
    }
    let cancel = "select engine_bulk('cancel', '{\"task\": \"t\"}', dry_run => false)";
    session.client.batch_execute(cancel).await?;
    assert_eq!(session.tick_of("bulk_run").await?, 3);
    let done = "engine.bulk where state = 'COMPLETED' and done = 3 and skipped = 0";
    assert_eq!(session.count(done).await?, 1);
    session.check().await
}

#[tokio::test]
async fn an_environment_lives_where_it_was_told_to_and_its_ids_say_so() -> Result<()> {
    let session = with_shards(&[]).await?;
    assert_eq!(shard(&session, "'told', shard => 41").await?, 41);
    assert_eq!(shard(&session, "'told', paused => true").await?, 41);
    assert_eq!(shard(&session, "'told', shard => 41").await?, 41);
    let run_id = trigger(&session, "told").await?;
    assert_eq!(shard_of(&run_id), Some(41));
    let shown =
        "engine.environment_stats where environment_id = 'told' and shard = 41 and queued = 1";
    assert_eq!(session.count(shown).await?, 1);
    let listed =
        "engine.shard_state where shard = 41 and state = 'SERVING' and environment_count = 1";
    assert_eq!(session.count(listed).await?, 1);
    assert_eq!(session.count("engine.shard_state").await?, 64);
    session.check().await
}

#[tokio::test]
async fn an_environment_that_was_told_nothing_lives_where_its_name_says() -> Result<()> {
    let session = with_shards(&[]).await?;
    assert_eq!(shard(&session, "'first'").await?, 0);
    let spread = "set engine.environment_shards = 64";
    session.client.batch_execute(spread).await?;
    assert_eq!(shard(&session, "'default'").await?, 0);
    let mut used = BTreeSet::new();
    for n in 0..40 {
        used.insert(shard(&session, &format!("'tenant-{n}'")).await?);
    }
    ensure!(
        used.len() > 10 && used.iter().all(|shard| *shard < 64),
        "{used:?}"
    );
    let other = with_shards(&[]).await?;
    other.client.batch_execute(spread).await?;
    for n in [3, 39] {
        let name = format!("'tenant-{n}'");
        assert_eq!(shard(&session, &name).await?, shard(&other, &name).await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_family_on_two_shards_is_refused_with_advice() -> Result<()> {
    let session = with_shards(&[1, 2]).await?;
    let parent = trigger(&session, "on-1").await?;
    let batch = "select batch_id from engine_create_batch(1, environment_id => 'on-1')";
    let batch: String = session.client.query_one(batch, &[]).await?.get(0);
    for call in [
        format!(
            "select engine_trigger('t', environment_id => 'on-2', parent_run_id => '{parent}')"
        ),
        format!("select engine_trigger('t', environment_id => 'on-2', batch_id => '{batch}')"),
        format!(
            "select engine_create_batch(1, environment_id => 'on-2', parent_run_id => '{parent}')"
        ),
    ] {
        let refused = session.refused(&call).await?;
        assert_eq!(refused.code, "22023", "{call}");
        ensure!(
            refused.detail.contains("shard 2") && refused.detail.contains("shard 1"),
            "{}",
            refused.detail
        );
        ensure!(refused.hint.contains("shard =>"), "{}", refused.hint);
    }
    session
        .client
        .batch_execute("select engine_set_environment('beside', shard => 1)")
        .await?;
    let child = format!("'t', environment_id => 'beside', parent_run_id => '{parent}'");
    session.trigger_with(&child).await?;
    session.check().await
}

#[tokio::test]
async fn a_chosen_id_must_name_the_shard_of_its_environment() -> Result<()> {
    let session = with_shards(&[37]).await?;
    let call = |id: &str| format!("'t', environment_id => 'on-37', run_id => '{id}'");
    let refused = session
        .refused(&format!("select engine_trigger({})", call("mine")))
        .await?;
    assert_eq!(refused.code, "22023");
    ensure!(refused.detail.contains("\"11\""), "{}", refused.detail);
    let run = session
        .trigger_with(&call("cmibtzv1k0000abcd12345611"))
        .await?;
    assert_eq!(run.run_id, "cmibtzv1k0000abcd12345611");
    session.check().await
}

#[tokio::test]
async fn workers_complete_runs_of_all_shards_in_one_call() -> Result<()> {
    let session = with_shards(&[11, 12, 13]).await?;
    for environment in ["on-11", "on-12", "on-13"] {
        trigger(&session, environment).await?;
    }
    let started = "select run_id, snapshot_id from engine_work(max_runs => 10)";
    let started = session.client.query(started, &[]).await?;
    let completions: Vec<_> = started
        .iter()
        .map(|row| {
            let (run_id, snapshot_id): (String, String) = (row.get(0), row.get(1));
            json!({"run_id": run_id, "snapshot_id": snapshot_id, "completion": {"ok": true}})
        })
        .collect();
    let done =
        "select count(*) from engine_complete_many($1) where run_status = 'COMPLETED_SUCCESSFULLY'";
    let done = session
        .client
        .query_one(done, &[&json!(completions)])
        .await
        .context("complete")?;
    assert_eq!(done.get::<_, i64>(0), 3);
    session.check().await
}
