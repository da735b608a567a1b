//! Deduplication under concurrency: idempotency keys, debounce, and a dequeue against the end of a time to live. Each a
//! hundred times.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use engine_harness::condition::eventually;
use engine_harness::{Database, Scale, Session};
use tokio::task::JoinSet;

const ROUNDS: Scale = Scale::new("rounds", 20, 100);

/// Sessions of one database.
async fn sessions(database: &Database, count: usize) -> Result<Vec<Session>> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        sessions.push(Session::open(database).await?);
    }
    Ok(sessions)
}

/// Runs `sql` in every session at the same time; returns run id and `is_cached` of each.
async fn rush(sessions: Vec<Session>, sql: &str) -> Result<(Vec<Session>, Vec<(String, bool)>)> {
    let mut calls = JoinSet::new();
    for session in sessions {
        let sql = sql.to_owned();
        calls.spawn(async move {
            let row = session.client.query_one(&sql, &[]).await?;
            let answer = (row.get(0), row.get(1));
            Ok::<_, anyhow::Error>((session, answer))
        });
    }
    let (mut sessions, mut answers) = (Vec::new(), Vec::new());
    while let Some(done) = calls.join_next().await {
        let (session, answer) = done??;
        sessions.push(session);
        answers.push(answer);
    }
    Ok((sessions, answers))
}

/// Spec: PG-7.
#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_triggers_with_one_key_one_makes_the_run() -> Result<()> {
    let database = Database::fresh().await?;
    let observer = Session::open(&database).await?;
    let mut crowd = sessions(&database, 20).await?;
    let rounds = ROUNDS.pick();
    for round in 0..rounds {
        let sql = format!(
            "select run_id, is_cached from engine_trigger('test', idempotency_key => 'k{round}')"
        );
        let (back, answers) = rush(crowd, &sql).await?;
        crowd = back;
        let runs: HashSet<&str> = answers.iter().map(|(run, _)| run.as_str()).collect();
        assert_eq!(runs.len(), 1, "round {round}");
        let fresh = answers.iter().filter(|(_, is_cached)| !is_cached).count();
        assert_eq!(fresh, 1, "round {round}");
    }
    assert_eq!(observer.count("engine.run").await?, rounds.cast_signed());
    observer.check().await
}

/// Spec: PG-7.
#[tokio::test(flavor = "multi_thread")]
async fn if_the_first_trigger_rolls_back_one_of_the_others_makes_the_run() -> Result<()> {
    let database = Database::fresh().await?;
    let (first, observer) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let mut crowd = sessions(&database, 19).await?;
    let waiting =
        "pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let rounds = ROUNDS.pick();
    for round in 0..rounds {
        let sql = format!(
            "select run_id, is_cached from engine_trigger('test', idempotency_key => 'k{round}')"
        );
        first.client.batch_execute("begin").await?;
        let gone: String = first.client.query_one(&sql, &[]).await?.get(0);
        let (rush, end) = (rush(crowd, &sql), async {
            eventually("a session waits", Duration::from_secs(30), async || {
                Ok(observer.count(waiting).await? > 0)
            })
            .await?;
            first.client.batch_execute("rollback").await?;
            Ok::<_, anyhow::Error>(())
        });
        let (rushed, ended) = tokio::join!(rush, end);
        ended?;
        let (back, answers) = rushed?;
        crowd = back;
        let runs: HashSet<&str> = answers.iter().map(|(run, _)| run.as_str()).collect();
        assert!(
            runs.len() == 1 && !runs.contains(gone.as_str()),
            "round {round}"
        );
        assert_eq!(
            answers.iter().filter(|(_, is_cached)| !is_cached).count(),
            1
        );
    }
    observer.check().await
}

/// Spec: PG-7.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_take_over_the_key_of_a_failed_run_one_makes_the_run() -> Result<()> {
    let database = Database::fresh().await?;
    let observer = Session::open(&database).await?;
    let mut crowd = sessions(&database, 10).await?;
    let sql = "select run_id, is_cached from engine_trigger('test', idempotency_key => 'k')";
    let rounds = ROUNDS.pick();
    for round in 0..rounds {
        let (back, answers) = rush(crowd, sql).await?;
        crowd = back;
        let fresh: Vec<&str> = answers
            .iter()
            .filter(|(_, is_cached)| !is_cached)
            .map(|(run, _)| run.as_str())
            .collect();
        assert_eq!(fresh.len(), 1, "round {round}");
        let held = observer.take().await?;
        assert_eq!(held.run_id, fresh[0]);
        let failure =
            serde_json::json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}});
        observer.complete(&held, failure).await?;
    }
    observer.check().await
}

/// Spec: PG-7.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_stricter_level_a_repeated_key_finds_its_run_or_asks_to_try_again() -> Result<()> {
    let database = Database::fresh().await?;
    let (early, late) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let sql = "select run_id, is_cached from engine_trigger('test', idempotency_key => 'k')";
    let run: String = early.client.query_one(sql, &[]).await?.get(0);
    for level in ["repeatable read", "serializable"] {
        late.client
            .batch_execute(&format!("begin isolation level {level}"))
            .await?;
        let row = late.client.query_one(sql, &[]).await?;
        assert_eq!(
            (row.get::<_, &str>(0), row.get::<_, bool>(1)),
            (run.as_str(), true),
            "{level}"
        );
        late.client.batch_execute("commit").await?;

        late.client
            .batch_execute(&format!(
                "begin isolation level {level}; select from engine.run"
            ))
            .await?;
        let other = format!(
            "select run_id, is_cached from engine_trigger('test', idempotency_key => '{level}')"
        );
        early.client.query_one(&other, &[]).await?;
        assert_eq!(
            late.refused(&other).await?.code,
            "40001",
            "{level}: taken since it began"
        );
        late.client.batch_execute("rollback").await?;
    }
    Ok(())
}

/// The second that the clock shows.
fn second() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// Spec: DB-26.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_herd_of_forty_one_puts_the_run_off() -> Result<()> {
    let database = Database::fresh().await?;
    let observer = Session::open(&database).await?;
    let mut herd = sessions(&database, 40).await?;
    let rounds = ROUNDS.pick();
    for round in 0..rounds {
        let sql = format!(
            "select run_id, is_cached from engine_trigger('test', debounce => '{{\"key\": \"k{round}\", \"delay\": \"30s\"}}')"
        );
        let seed: String = observer.client.query_one(&sql, &[]).await?.get(0);
        let soon = "with timer as (update engine.timer set due_at = clock_timestamp() + interval '2 s' where id = $1) \
                    update engine.run set delay_until = clock_timestamp() + interval '2 s' where id = $1";
        observer.client.execute(soon, &[&seed]).await?;
        let began = second()?;
        let (back, answers) = rush(herd, &sql).await?;
        let seconds = 1 + second()? - began;
        herd = back;
        for answer in answers {
            assert_eq!(answer, (seed.clone(), true), "round {round}");
        }
        let sql =
            "select count(*) from engine.snapshot where transition = 'RESCHEDULED' and run_id = $1";
        let pushes: i64 = observer.client.query_one(sql, &[&seed]).await?.get(0);
        // Triggers that continue into the next second may be moved there: once per second.
        assert!(
            pushes >= 1 && pushes.unsigned_abs() <= seconds,
            "round {round}: {pushes} in {seconds} s"
        );
    }
    assert_eq!(observer.count("engine.run").await?, rounds.cast_signed());
    observer.check().await
}

/// Spec: DB-26.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_herd_of_forty_first_triggers_one_makes_the_run() -> Result<()> {
    let database = Database::fresh().await?;
    let observer = Session::open(&database).await?;
    let mut herd = sessions(&database, 40).await?;
    let rounds = ROUNDS.pick();
    for round in 0..rounds {
        // Every other round redefines the run.
        let mode = ["leading", "trailing"][usize::from(round % 2 == 1)];
        let sql = format!(
            "select run_id, is_cached from engine_trigger('test', to_json(gen_random_uuid())::text, \
             debounce => '{{\"key\": \"k{round}\", \"delay\": \"30s\", \"mode\": \"{mode}\"}}')"
        );
        let (back, answers) = rush(herd, &sql).await?;
        herd = back;
        let runs: HashSet<&str> = answers.iter().map(|(run, _)| run.as_str()).collect();
        assert_eq!(runs.len(), 1, "round {round}");
        assert_eq!(
            answers.iter().filter(|(_, is_cached)| !is_cached).count(),
            1,
            "round {round}"
        );
    }
    assert_eq!(observer.count("engine.run").await?, rounds.cast_signed());
    observer.check().await
}

/// Spec: DB-26.
#[tokio::test(flavor = "multi_thread")]
async fn a_trailing_trigger_against_the_tick_redefines_only_a_run_that_has_not_started()
-> Result<()> {
    let database = Database::fresh().await?;
    let (service, ticker) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let rounds = ROUNDS.pick();
    for round in 0..rounds {
        // The delay is longer than all rounds take: no run of an earlier round may become due.
        let of = |payload: &str| {
            format!(
                "select run_id, is_cached from engine_trigger('test', '\"{payload}\"', \
                 debounce => '{{\"key\": \"k{round}\", \"delay\": \"1h\", \"mode\": \"trailing\"}}')"
            )
        };
        let first: String = service.client.query_one(&of("first"), &[]).await?.get(0);
        service.bring_on(&first).await?;
        let trailing = of("second");
        let (triggered, ticked) = tokio::join!(
            service.client.query_one(&trailing, &[]),
            ticker.tick_of("ended_delay")
        );
        let triggered: String = triggered?.get(0);
        let ended = ticked?;
        // Whichever came first, the second payload belongs to a run that will be executed.
        let sql = "select payload, execution_status::text from engine.run r join engine.run_state s on s.run_id = r.id \
                   where r.id = $1";
        let row = service.client.query_one(sql, &[&triggered]).await?;
        assert_eq!(row.get::<_, &str>(0), "\"second\"", "round {round}");
        assert_eq!(triggered == first, ended == 0, "round {round}");
        assert_eq!(row.get::<_, &str>(1), "DELAYED", "round {round}");
    }
    ticker.check().await
}

/// Spec: TT-20.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_either_dequeued_or_expires() -> Result<()> {
    let database = Database::fresh().await?;
    let observer = Session::open(&database).await?;
    let rounds = ROUNDS.pick();
    for round in 0..rounds {
        let many = "select count(*) from engine_trigger_many((select jsonb_agg(jsonb_build_object( \
                    'task', 'test', 'ttl', '10m')) from generate_series(1, 20)))";
        observer.client.query_one(many, &[]).await?;
        // Their times to live pass one after the other while dequeues and ticks are running.
        let lapse = "update engine.queue_item i set expires_at = clock_timestamp() + n * interval '1 ms' \
                     from (select run_id, row_number() over () - 5 as n from engine.queue_item) r where r.run_id = i.run_id";
        observer.client.execute(lapse, &[]).await?;
        let mut work = JoinSet::new();
        for (index, session) in sessions(&database, 4).await?.into_iter().enumerate() {
            work.spawn(async move {
                let mut given = 0;
                while session.count("engine.queue_item").await? > 0 {
                    match index % 2 {
                        0 => given += session.dequeue_many(1).await?.len(),
                        _ => drop(session.tick_of("expired_run").await?),
                    }
                }
                Ok::<_, anyhow::Error>(given)
            });
        }
        let mut given = 0;
        while let Some(done) = work.join_next().await {
            given += done??;
        }
        let sql = "select count(*) filter (where run_status = 'EXPIRED'), count(*) filter (where run_status = 'DEQUEUED'), \
                          count(*) from engine.run_state";
        let row = observer.client.query_one(sql, &[]).await?;
        let counts: (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(counts.1, i64::try_from(given)?, "round {round}");
        assert_eq!(counts, (20 - counts.1, counts.1, 20), "round {round}");
        observer
            .check()
            .await
            .with_context(|| format!("round {round}"))?;
        let empty = "truncate engine.run, engine.run_state, engine.failure, engine.snapshot, engine.heartbeat, engine.release";
        observer.client.batch_execute(empty).await?;
    }
    Ok(())
}
