//! However often a session calls, its memory stays.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::progress::tell;
use engine_harness::{Cluster, Database, Options, Scale, Session};
use tokio_postgres::Client;

const ROUNDS: Scale = Scale::new("calls", 2_000, 1_000_000);
const TICKS: Scale = Scale::new("ticks", 4_000, 1_000_000);
const WORKER_TICKS: Scale = Scale::new("ticks of the worker", 1_000, 1_000_000);

/// More than chance, and far less than one byte for each call of the full form.
const GROWTH: i64 = 512 * 1024;

/// How often half of the calls come again: plans that are made anew grow once, and a leak grows each time.
const HALVES: usize = 4;

/// Rounds of one statement. Only between statements does the server count what a session has done, and autovacuum goes by that: without
/// it each call would look through what all earlier ones have left.
const STRETCH: u64 = 500;

const PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);

/// Calls of the hot functions, each round in transactions of its own. Their runs keep nothing, and every fiftieth round removes.
const CALL: &str = "
    create procedure public.call(rounds int) language plpgsql as $$
    declare
        held record;
        ends jsonb := '[]';
    begin
        for round in 1..rounds loop
            perform engine_trigger('t', keep => '0');
            perform engine_trigger_many('[{\"task\": \"t\", \"keep\": \"0\"}]');
            commit;
            select * into strict held from engine_dequeue(worker_id => 'w', runner_id => 'r');
            commit;
            select * into strict held from engine_start_attempt(held.run_id, held.snapshot_id, 'w', 'r');
            perform engine_heartbeat(held.run_id, held.snapshot_id, 'w', 'r');
            perform engine_moved(array[held.run_id], array[held.snapshot_id]);
            commit;
            perform engine_complete_attempt(held.run_id, held.snapshot_id, '{\"ok\": true}', 'w', 'r');
            perform engine_run_result(held.run_id);
            commit;
            select * into strict held
            from engine_work(ends, worker_id => 'w', runner_id => 'r', turn_id => gen_random_uuid()::text) where kind = 'started';
            ends := jsonb_build_array(jsonb_build_object('run_id', held.run_id, 'snapshot_id', held.snapshot_id, 'ok', true));
            commit;
            if round % 50 = 0 then
                perform engine_tick();
                commit;
            end if;
        end loop;
        perform engine_work(ends);
    end $$;
    create procedure public.tick(rounds int) language plpgsql as $$
    begin
        for round in 1..rounds loop
            perform engine_tick();
            commit;
        end loop;
    end $$";

/// Memory of a process that it shares with no other, bytes.
fn own_memory(pid: i32) -> Result<i64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let line = line.context("the kernel does not tell")?;
    let kilobytes = line.trim().trim_end_matches("kB").trim();
    Ok(kilobytes.parse::<i64>()? * 1024)
}

/// Whether a process has grown by no more than chance.
fn is_flat(what: &str, before: i64, after: i64) -> bool {
    let (before, after) = (before / 1024, after / 1024);
    tell(format!("{what}: {before} kB, then {after} kB"));
    after - before <= GROWTH / 1024
}

async fn call(session: &Session, procedure: &str, rounds: u64) -> Result<()> {
    for _ in 0..rounds / STRETCH {
        let stretch = format!("call public.{procedure}({STRETCH})");
        session.client.batch_execute(&stretch).await?;
    }
    Ok(())
}

/// Compares the memory of a session after half of the calls with that after another half.
async fn keeps_its_memory(procedure: &str, rounds: u64) -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.client.batch_execute(CALL).await?;
    let pid = backend_pid(&session.client).await?;
    call(&session, procedure, rounds / 2).await?;
    let mut before = own_memory(pid)?;
    for _ in 0..HALVES {
        call(&session, procedure, rounds / 2).await?;
        let after = own_memory(pid)?;
        if is_flat("a session", before, after) {
            return Ok(());
        }
        before = after;
    }
    bail!("a session grows and grows")
}

#[tokio::test]
async fn a_session_that_calls_the_hot_functions_again_and_again_keeps_its_memory() -> Result<()> {
    keeps_its_memory("call", ROUNDS.pick()).await
}

#[tokio::test]
async fn a_session_that_ticks_again_and_again_keeps_its_memory() -> Result<()> {
    keeps_its_memory("tick", TICKS.pick()).await
}

/// Transactions of the database in which only the worker is.
async fn commits(observer: &Client) -> Result<i64> {
    let sql = "select xact_commit from pg_stat_database where datname = 'app'";
    Ok(observer.query_one(sql, &[]).await?.get(0))
}

async fn until_commits(observer: &Client, least: i64) -> Result<()> {
    eventually("the worker ticks", PATIENCE, async || {
        Ok(commits(observer).await? >= least)
    })
    .await
}

#[tokio::test]
async fn a_preloaded_worker_that_ticks_again_and_again_keeps_its_memory() -> Result<()> {
    let options = Options::quick()
        .set("shared_preload_libraries", "engine")
        .set("engine.database", "app")
        .set("engine.role", "ticker")
        .set("engine.tick_interval_ms", "1");
    let cluster = Cluster::start(options).await?;
    let observer = cluster.connect().await?;
    for statement in [
        "create role ticker login",
        "create database app template engine_template",
    ] {
        observer.batch_execute(statement).await?;
    }
    let app = cluster.server().connect("app").await?;
    app.batch_execute("select engine_grant('ticker', 'tick')")
        .await?;
    drop(app);
    let ticks = WORKER_TICKS.pick().cast_signed();
    let begun = commits(&observer).await?;
    until_commits(&observer, begun + ticks / 4).await?;
    let worker = "select pid from pg_stat_activity where backend_type = 'engine tick'";
    let pid: i32 = observer.query_one(worker, &[]).await?.get(0);
    let before = own_memory(pid)?;
    until_commits(&observer, begun + ticks).await?;
    ensure!(
        is_flat("the worker", before, own_memory(pid)?),
        "the worker has grown"
    );
    Ok(())
}
