//! The sweep: which shards it serves, how much a step of it does, and how it gets on where steps are cut short.

use anyhow::{Context, Result, ensure};
use engine_harness::{Database, Session};

async fn open() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// A session of a database in which environment "far" lives on shard 37.
async fn with_two_shards() -> Result<Session> {
    let database = Database::fresh().await?;
    let far = "select engine_set_environment('far', shard => 37)";
    Session::open(&database)
        .await?
        .client
        .batch_execute(far)
        .await?;
    Session::open(&database).await
}

/// Has as many runs end as the numbers of `series`, each with this payload.
async fn end(session: &Session, series: &str, payload: &str) -> Result<()> {
    let sql = format!(
        "select engine_trigger('t', {payload}) from generate_series({series}) as n; \
         select engine_succeed(s.run_id, s.snapshot_id) from engine_dequeue(max_runs => 1000) as d, \
             lateral engine_start_attempt(d.run_id, d.snapshot_id) as s"
    );
    Ok(session.client.batch_execute(&sql).await?)
}

#[tokio::test]
async fn every_shard_that_has_an_environment_is_swept() -> Result<()> {
    let session = with_two_shards().await?;
    for by_hand in [false, true] {
        let run = session
            .trigger_with(
                "'t', environment_id => 'far', idempotency_key => 'k', one_time_use_token => 't'",
            )
            .await?;
        ensure!(run.run_id.ends_with("11"), "{} names its shard", run.run_id);
        session.cancel(&format!("'{}'", run.run_id)).await?;
        let token =
            "select waitpoint_id from engine_create_manual_waitpoint(environment_id => 'far')";
        let token: String = session.client.query_one(token, &[]).await?.get(0);
        session.complete_waitpoint(&token).await?;
        session.ended("'near'").await?;
        session.age(8).await?;
        let removed = if by_hand {
            session.sweep().await?
        } else {
            session.tick_of("removed_run").await?
        };
        assert_eq!(removed, 2, "by hand: {by_hand}");
        let expired = "update engine.trigger_key set expires_at = now()";
        session.client.batch_execute(expired).await?;
        session.tick().await?;
        assert_eq!(session.tables_with_rows().await?, [] as [String; 0]);
        session.check().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_tick_does_what_is_due_on_every_shard() -> Result<()> {
    let session = with_two_shards().await?;
    for environment in ["far", "default"] {
        let delayed = format!(
            "'t', environment_id => '{environment}', delay_until => now() + interval '1 hour'"
        );
        session.trigger_with(&delayed).await?;
    }
    let due = "update engine.run set delay_until = clock_timestamp()";
    session.client.batch_execute(due).await?;
    session.lapse_timers().await?;
    assert_eq!(session.tick_of("ended_delay").await?, 2);
    assert_eq!(session.count("engine.queue_item").await?, 2);
    session.check().await
}

/// The steps of a tick that remove all of these runs.
async fn steps(session: &Session, runs: i32) -> Result<Vec<i32>> {
    let mut steps = Vec::new();
    while steps.iter().sum::<i32>() < runs {
        steps.push(session.tick_of("removed_run").await?);
        ensure!(steps.len() < 30, "{steps:?}");
    }
    session.check().await?;
    Ok(steps)
}

#[tokio::test]
async fn a_step_removes_as_many_runs_as_their_history_allows() -> Result<()> {
    let session = open().await?;
    end(&session, "1, 12", "'1'").await?;
    // Ten thousand snapshots each.
    let more = "update engine.snapshot set ordinal = 10000 where ordinal = 4; \
                insert into engine.snapshot (shard, run_id, ordinal, transition, execution_status, run_status, attempt_number, \
                                             position, horizon, created_at) \
                select s.shard, s.run_id, n, s.transition, s.execution_status, s.run_status, \
                       s.attempt_number, nextval('engine.event_position'), s.horizon, s.created_at \
                from engine.snapshot as s, generate_series(4, 9999) as n where s.ordinal = 3 order by n; \
                update engine.snapshot set position = nextval('engine.event_position') where ordinal = 10000; \
                update engine.run_state set snapshot_ordinal = 10000, snapshot_id = left(snapshot_id, 17) || lpad(to_hex(10000), 8, '0')";
    session.client.batch_execute(more).await?;
    session.check().await?;
    session.age(8).await?;
    assert_eq!(steps(&session, 12).await?, [5, 5, 2]);
    Ok(())
}

#[tokio::test]
async fn a_step_removes_as_many_runs_as_their_bytes_allow_and_a_run_however_large_it_is()
-> Result<()> {
    let session = open().await?;
    end(&session, "1, 4", "'1'").await?;
    let outputs = "alter table engine.run_state alter column output set storage external; \
                   update engine.run_state set output = repeat('x', 45000000)";
    session.client.batch_execute(outputs).await?;
    session.age(8).await?;
    assert_eq!(steps(&session, 4).await?, [2, 2]);
    session.ended("'t'").await?;
    let output =
        "update engine.run_state set output = repeat('x', 120000000); delete from engine.stretch";
    session.client.batch_execute(output).await?;
    session.age(8).await?;
    assert_eq!(steps(&session, 1).await?, [1]);
    Ok(())
}

#[tokio::test]
async fn a_sweep_that_timeouts_cut_short_removes_less_at_a_time_and_gets_to_the_end() -> Result<()>
{
    // Each removal takes ten milliseconds, and a call no more than two hundred.
    let slow = "create function slow() returns trigger language plpgsql as \
                $$ begin perform pg_sleep(0.01); return old; end $$; \
                create trigger slow before delete on engine.run for each row execute function slow(); \
                set statement_timeout = '200ms'";
    for call in ["engine_tick()", "engine_sweep()"] {
        // What one has learned makes the other one's steps smaller from the beginning.
        let session = open().await?;
        end(&session, "1, 64", "'1'").await?;
        session.age(8).await?;
        session.client.batch_execute(slow).await?;
        let (mut calls, mut refused) = (0, 0);
        while session.count("engine.run").await? > 0 {
            calls += 1;
            ensure!(
                calls < 40,
                "{call} does not get on: {refused} were cut short"
            );
            let sql = format!("select count(*) from {call}");
            if let Err(error) = session.client.query(&sql, &[]).await {
                let code = error.code().context("not refused by the server")?;
                assert_eq!(code.code(), "57014", "{error}");
                refused += 1;
            }
        }
        ensure!(refused > 0, "{call} is not slow enough");
        session
            .client
            .batch_execute("set statement_timeout = 0")
            .await?;
        session.check().await?;
    }
    Ok(())
}
