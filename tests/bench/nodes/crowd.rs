//! Very many environments: in a client's memory, and on a node.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};
use engine_client::{Cluster, Error, Placement};
use engine_harness::{Cluster as Server, progress, session_cpu_time};

use super::median;
use crate::figure::Figure;
use crate::stock::Stock;
use crate::trial::{Outcome, Trial};

/// As many environments as a client remembers, and so many clients that they are a million.
const REMEMBERED: usize = 100_000;
const CLIENTS: usize = 10;

/// A page of memory, bytes.
const PAGE: u64 = 4096;

/// Environments of a node, over the shards that are its share of 1,296.
const CROWDS: [i32; 3] = [13, 10_000, 100_000];
const SHARDS: i32 = 13;

/// Environments of one statement, which locks each until its end.
const AT_ONCE: i32 = 5_000;

/// Turns of a call; the median counts.
const TURNS: usize = 20;
const CALLS_PER_TURN: usize = 10;

const MEMORY: Figure = Figure::new("memory per environment, bytes", 0);
const LOOK_UP: Figure = Figure::new("look-up, ns", 0);
const DISK: Figure = Figure::new("disk per environment, bytes", 0);
const DEQUEUE: Figure = Figure::new("dequeue that finds nothing, server CPU, µs", 0);
const TICK: Figure = Figure::new("tick that finds nothing, server CPU, µs", 0);
const EVENTS: Figure = Figure::new(
    "read of a shard's events that finds nothing, server CPU, µs",
    0,
);

pub(super) async fn measure(server: &Server) -> Result<Vec<Outcome>> {
    let outcome = |conditions: &str, variant: String, figures| Outcome {
        conditions: conditions.to_owned(),
        variant,
        trials: vec![Trial {
            figures,
            ..Trial::default()
        }],
    };
    let stock = Stock::empty(server).await?;
    let remembered = remembered(&stock).await?;
    stock.remove().await?;
    let name = "a million environments in the memory of ten clients";
    let mut outcomes = vec![outcome(name, "Cluster".to_owned(), remembered)];
    for crowd in CROWDS {
        progress::say(format!("filling in {crowd} environments"));
        let stock = Stock::empty(server).await?;
        let figures = housed(&stock, crowd).await?;
        stock.remove().await?;
        let name = "a node with environments on 13 shards";
        outcomes.push(outcome(name, format!("{crowd} environments"), figures));
    }
    Ok(outcomes)
}

/// What clients keep of where environments are, learnt by calls that ask the node nothing.
async fn remembered(stock: &Stock<'_>) -> Result<Vec<(Figure, f64)>> {
    let nothing = |_| async { Ok::<_, Error>(()) };
    let names: Vec<String> = (0..REMEMBERED).map(|n| format!("tenant-{n:06}")).collect();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let placement = Placement::new().node("node", stock.address()?, 0..64);
        let cluster = Cluster::new(placement);
        cluster.of_shard(0, nothing).await?;
        clients.push(cluster);
    }
    let before = resident()?;
    for cluster in &clients {
        for name in &names {
            cluster.of_environment(name, nothing).await?;
        }
    }
    let used = resident()?.saturating_sub(before);
    let begun = Instant::now();
    for name in &names {
        clients[0].of_environment(name, nothing).await?;
    }
    let elapsed = begun.elapsed();
    Ok(vec![
        (MEMORY, used as f64 / (REMEMBERED * CLIENTS) as f64),
        (LOOK_UP, elapsed.as_nanos() as f64 / REMEMBERED as f64),
    ])
}

/// Memory of this process, bytes.
fn resident() -> Result<u64> {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages.split(' ').nth(1).context("no size")?.parse()?;
    Ok(pages * PAGE)
}

/// What a node spends on them while they do nothing.
async fn housed(stock: &Stock<'_>, crowd: i32) -> Result<Vec<(Figure, f64)>> {
    let client = stock.observer().await?;
    let size = "select sum(pg_total_relation_size(c.oid))::bigint from pg_class as c \
                where c.relnamespace = 'engine'::regnamespace and c.relkind = 'r'";
    let empty: i64 = client.query_one(size, &[]).await?.get(0);
    let create = "select engine_set_environment('tenant-' || lpad(n::text, 6, '0'), shard => 1 + n % $2::integer) \
                  from generate_series($1::integer, least($1 + $3 - 1, $4::integer)) as n";
    for first in (1..=crowd).step_by(usize::try_from(AT_ONCE)?) {
        client
            .query(create, &[&first, &SHARDS, &AT_ONCE, &crowd])
            .await?;
    }
    stock.tidy().await?;
    let filled: i64 = client.query_one(size, &[]).await?.get(0);
    let mut figures = vec![(DISK, (filled - empty) as f64 / f64::from(crowd))];
    let process: i32 = client
        .query_one("select pg_backend_pid()", &[])
        .await?
        .get(0);
    for (figure, sql) in [
        (DEQUEUE, "select run_id from engine_dequeue()"),
        (TICK, "select kind, processed from engine_tick()"),
        (EVENTS, "select * from engine_events(0, shard => 1)"),
    ] {
        let statement = client.prepare(sql).await?;
        let mut costs = Vec::new();
        for _ in 0..TURNS {
            let before = session_cpu_time(process).context("the session has ended")?;
            for _ in 0..CALLS_PER_TURN {
                client.query(&statement, &[]).await?;
            }
            let after = session_cpu_time(process).context("the session has ended")?;
            let used = after.saturating_sub(before);
            costs.push(used.as_secs_f64() * 1e6 / CALLS_PER_TURN as f64);
        }
        figures.push((figure, median(costs)));
    }
    Ok(figures)
}
