//! Shards that are not served: what is due there is left alone, and done once they are.

use anyhow::Result;
use engine_harness::{Database, Session};

/// A session of a database with the environments `here` on shard 1 and `there` on shard 7.
async fn open() -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    let environments = "select engine_set_environment('here', shard => 1); \
                        select engine_set_environment('there', shard => 7)";
    session.client.batch_execute(environments).await?;
    Ok(session)
}

async fn set(session: &Session, state: &str) -> Result<()> {
    let sql = format!("select engine_set_shard(7, '{state}')");
    Ok(session.client.batch_execute(&sql).await?)
}

/// Makes something due of every kind, in both environments.
async fn make_due(session: &Session) -> Result<()> {
    for environment in ["here", "there"] {
        let stalls =
            format!("'stalls', environment_id => '{environment}', worker_queue => 'stalls'");
        session.trigger_with(&stalls).await?;
        let calls = format!(
            "select engine_dequeue('stalls', environment_id => '{environment}'); \
             select engine_trigger('expires', environment_id => '{environment}', ttl => '1h', worker_queue => 'none'); \
             select engine_trigger('delayed', environment_id => '{environment}', delay_until => now() + interval '1 h'); \
             select engine_set_schedule('{environment}', 'scheduled', '0 9 * * *', environment_id => '{environment}'); \
             select engine_create_datetime_waitpoint(now() + interval '1 h', '{environment}'); \
             select engine_create_cancelled_run('{{\"task\": \"ended\", \"environment_id\": \"{environment}\"}}'); \
             select engine_trigger('queued', environment_id => '{environment}', idempotency_key => 'k')"
        );
        session.client.batch_execute(&calls).await?;
    }
    let past = "now() - interval '1 s'";
    let due = format!(
        "update engine.heartbeat set check_at = {past}, deadline_at = {past}; \
         update engine.queue_item set expires_at = {past} where expires_at is not null; \
         update engine.run set delay_until = {past}, queue_timestamp = {past} where delay_until is not null; \
         update engine.timer set due_at = {past}; \
         update engine.schedule set next_at = {past}; \
         update engine.trigger_key set expires_at = {past}; \
         select engine_set_retention(outcome => 'CANCELED', keep => '0')"
    );
    Ok(session.client.batch_execute(&due).await?)
}

/// What the tick does of each kind, until it does nothing more.
async fn done(session: &Session) -> Result<Vec<(String, i64)>> {
    let mut done: Vec<(String, i64)> = Vec::new();
    loop {
        let sql = "select kind, processed::bigint from engine_tick() where processed > 0";
        let rows = session.client.query(sql, &[]).await?;
        if rows.is_empty() {
            done.sort();
            return Ok(done);
        }
        for row in rows {
            let (kind, processed): (String, i64) = (row.get(0), row.get(1));
            match done.iter_mut().find(|(other, _)| *other == kind) {
                Some((_, sum)) => *sum += processed,
                None => done.push((kind, processed)),
            }
        }
    }
}

#[tokio::test]
async fn a_tick_leaves_alone_what_is_due_on_a_shard_that_is_not_served() -> Result<()> {
    for state in ["MOVING", "AWAY"] {
        let session = open().await?;
        make_due(&session).await?;
        set(&session, state).await?;
        let of_there = "select md5(string_agg(t.x, ',' order by t.x)) from ( \
                          select s::text from engine.run_state as s where s.shard = 7 \
                          union all select q::text from engine.queue_item as q where q.shard = 7 \
                          union all select h::text from engine.heartbeat as h where h.shard = 7 \
                          union all select t::text from engine.timer as t where t.shard = 7 \
                          union all select k::text from engine.trigger_key as k where k.shard = 7 \
                          union all select w::text from engine.waitpoint as w where w.shard = 7 \
                          union all select c::text from engine.schedule as c where c.shard = 7) as t(x)";
        let before: String = session.client.query_one(of_there, &[]).await?.get(0);
        let here = done(&session).await?;
        let after: String = session.client.query_one(of_there, &[]).await?.get(0);
        assert_eq!(before, after, "{state}");
        let kinds = [
            "begun_schedule",
            "due_waitpoint",
            "ended_delay",
            "expired_run",
            "forgotten_key",
            "removed_run",
            "stalled_heartbeat",
        ];
        let found: Vec<&str> = here.iter().map(|(kind, _)| &**kind).collect();
        assert_eq!(found, kinds, "{state}");
        set(&session, "SERVING").await?;
        assert_eq!(done(&session).await?, here, "{state}");
        session.check().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_dequeue_without_an_environment_takes_only_runs_of_shards_that_are_served() -> Result<()>
{
    let session = open().await?;
    for environment in ["default", "here", "there"] {
        let arguments = format!("'t', environment_id => '{environment}'");
        session.trigger_with(&arguments).await?;
    }
    for state in ["MOVING", "AWAY"] {
        set(&session, state).await?;
        session.client.batch_execute("begin").await?;
        let sql = "select environment_id from engine_dequeue(max_runs => 10) union all \
                   select environment_id from engine_work(max_runs => 10)";
        let rows = session.client.query(sql, &[]).await?;
        session.client.batch_execute("rollback").await?;
        let mut found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        found.sort();
        assert_eq!(found, ["default", "here"], "{state}");
    }
    set(&session, "SERVING").await?;
    assert_eq!(session.dequeue_many(10).await?.len(), 3);
    session.check().await
}

#[tokio::test]
async fn a_bulk_action_waits_for_a_shard_that_is_moved_and_passes_one_that_is_away() -> Result<()> {
    let cancel = "select engine_bulk('cancel', '{\"task\": \"t\"}', dry_run => false)";
    for (state, is_here) in [("MOVING", true), ("AWAY", false)] {
        let session = open().await?;
        let last = "select engine_set_environment('last', shard => 9)";
        session.client.batch_execute(last).await?;
        for environment in ["here", "there", "last"] {
            let arguments = format!("'t', environment_id => '{environment}'");
            session.trigger_with(&arguments).await?;
        }
        set(&session, state).await?;
        session.client.batch_execute(cancel).await?;
        for _ in 0..3 {
            session.tick().await?;
        }
        let completed = "engine.bulk where state = 'COMPLETED'";
        assert_eq!(session.count(completed).await?, i64::from(!is_here));
        let cancelled = "engine.run_state where run_status = 'CANCELED' and shard =";
        assert_eq!(session.count(&format!("{cancelled} 1")).await?, 1);
        assert_eq!(session.count(&format!("{cancelled} 7")).await?, 0);
        set(&session, "SERVING").await?;
        session.tick().await?;
        assert_eq!(session.count(completed).await?, 1);
        assert_eq!(
            session.count(&format!("{cancelled} 7")).await?,
            i64::from(is_here)
        );
        assert_eq!(session.count(&format!("{cancelled} 9")).await?, 1);
        session.check().await?;
    }
    Ok(())
}
