//! Suite `blocked`: dequeues behind queues that are at their limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::{Cluster, progress};
use tokio::time::sleep;
use tokio_postgres::Client;

use super::Bench;
use super::caller::Dequeuer;
use super::load::Limit;
use super::measure::measure as measure_callers;
use super::report::Chapter;
use super::stock::Stock;
use super::trial::{Case, Trial, clients, interleave};

const ABOUT: &str = "Dequeues per second of runs that may go. Limited: in front of them stand 100 thousand runs over a thousand \
    concurrency keys whose one slot is taken. Behind environments: in front stand 100 environments of a thousand runs whose one slot \
    is taken, and each dequeue looks through all environments. Unlimited: the same runs that may go, in an environment without limits, and \
    nothing in front. While a trial lasts, the slots of every key and environment are counted ten times a second.";

const FILLING: &str = "The runs were inserted set-based (tests/bench/sql/fill_queued.sql). The slots were \
    taken, and the blocked runs filed, by engine_dequeue itself, before the trials: how many calls and seconds that took is in \
    the progress messages. Nothing is completed during a trial.";

const KEYS: i64 = 1_000;
const ENVIRONMENTS: i64 = 100;
const BLOCKED: u64 = 100_000;
/// More than any variant dequeues in a second.
const RUNS_PER_SECOND: u64 = 40_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    Unlimited,
    Limited,
    /// The environment also has a limit that is never reached: every slot counts.
    LimitedEnvironment,
    /// Other environments are at their limits, and are called before this one.
    BehindEnvironments,
}

impl Variant {
    const ALL: [Self; 4] = [
        Self::Unlimited,
        Self::Limited,
        Self::LimitedEnvironment,
        Self::BehindEnvironments,
    ];
}

#[derive(Clone)]
struct Setup {
    variant: Variant,
    max_runs: i32,
    clients: usize,
}

impl Case for Setup {
    fn conditions(&self) -> String {
        format!(
            "engine_dequeue({}), {}",
            self.max_runs,
            clients(self.clients)
        )
    }

    fn variant(&self) -> String {
        match self.variant {
            Variant::Unlimited => "unlimited",
            Variant::Limited => "1,000 full keys in front",
            Variant::LimitedEnvironment => "the same, environment limited",
            Variant::BehindEnvironments => "behind 100 full environments",
        }
        .to_owned()
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let time = bench.arguments.seconds(3);
    let queued = time.as_secs() * RUNS_PER_SECOND;
    let mut stocks = Vec::new();
    for variant in Variant::ALL {
        stocks.push((variant, fill(&bench.cluster, variant, queued).await?));
    }
    let mut cases = Vec::new();
    for clients in bench.arguments.clients(&[1, 4]) {
        for max_runs in [1, 10, 100] {
            cases.extend(Variant::ALL.map(|variant| Setup {
                variant,
                max_runs,
                clients,
            }));
        }
    }
    let repeat = bench.arguments.repeat(3);
    let outcomes = interleave(&cases, repeat, &mut bench.order, async |case| {
        let mut stocks = stocks.iter();
        let stock = stocks.find(|(variant, _)| *variant == case.variant);
        let (_, stock) = stock.context("each variant has its stock")?;
        let copy = stock.copy().await?;
        let trial = trial(&copy, case, Limit::time(time)).await?;
        copy.remove().await?;
        Ok(trial)
    })
    .await?;
    for (_, stock) in stocks {
        stock.remove().await?;
    }
    Ok(Chapter::new("blocked", ABOUT, outcomes)
        .noting([FILLING.to_owned()])
        .compared_with("unlimited"))
}

const KEYS_LIMITED: &str = "select engine_set_queue('keyed', concurrency_limit => 1)";
const ENVIRONMENT_LIMITED: &str =
    "select engine_set_environment('default', concurrency_limit => 10000000)";

/// The blocked runs of a variant, and `queued` runs that can start.
async fn fill(cluster: &Cluster, variant: Variant, queued: u64) -> Result<Stock<'_>> {
    let stock = Stock::empty(cluster).await?;
    match variant {
        Variant::Unlimited => {}
        Variant::Limited | Variant::LimitedEnvironment => {
            stock.add_keyed(BLOCKED, KEYS).await?;
            let session = stock.observer().await?;
            session.batch_execute(KEYS_LIMITED).await?;
            if variant == Variant::LimitedEnvironment {
                session.batch_execute(ENVIRONMENT_LIMITED).await?;
            }
            block(&session, KEYS).await?;
        }
        Variant::BehindEnvironments => {
            stock.add_spread(BLOCKED, ENVIRONMENTS, Some(1)).await?;
            block(&stock.observer().await?, ENVIRONMENTS).await?;
        }
    }
    stock.add_queued(queued).await?;
    stock.tidy().await?;
    Ok(stock)
}

/// Dequeues until no run is left that can start, and every lane has been looked at: then all `slots` are held.
async fn block(session: &Client, slots: i64) -> Result<()> {
    let (mut held, mut calls, mut unfiled) = (0, 0, None);
    let start = std::time::Instant::now();
    loop {
        let sql = "select count(*) from engine_dequeue(max_runs => 100)";
        let claimed: i64 = session.query_one(sql, &[]).await?.get(0);
        calls += 1;
        held += claimed;
        let sql = "select count(*) from engine.queue_item where not is_filed";
        let before = unfiled;
        unfiled = Some(session.query_one(sql, &[]).await?.get::<_, i64>(0));
        if claimed == 0 && unfiled == before {
            break;
        }
    }
    ensure!(held == slots, "{held} slots are held, not {slots}");
    let seconds = start.elapsed().as_secs_f64();
    progress::say(format!(
        "{calls} calls took {slots} slots and filed what has a lane in {seconds:.1} s"
    ));
    Ok(())
}

async fn trial(stock: &Stock<'_>, case: &Setup, limit: Limit) -> Result<Trial> {
    let observer = stock.observer().await?;
    let mut callers = Vec::new();
    for client in stock.sessions(case.clients).await? {
        callers.push(Dequeuer::new(client, case.max_runs).await?);
    }
    let over = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(watch(observer, over.clone()));
    let mut trial = measure_callers(stock, callers, limit).await?;
    over.store(true, Ordering::Relaxed);
    let exceeded = watcher.await??;
    if exceeded > 0 {
        trial.invalid = Some(format!("a limit was exceeded {exceeded} times"));
    }
    Ok(trial)
}

/// Counts the slots of every key, and of every environment with one slot, until `over`; returns how often one had more.
async fn watch(observer: Client, over: Arc<AtomicBool>) -> Result<u64> {
    let mut exceeded = 0;
    while !over.load(Ordering::Relaxed) {
        let sql = "select count(*) from (select from engine.slot where concurrency_key is not null or environment_id <> 'default' \
                   group by environment_id, queue, concurrency_key having count(*) > 1) as k";
        exceeded += u64::from(observer.query_one(sql, &[]).await?.get::<_, i64>(0) > 0);
        sleep(Duration::from_millis(100)).await;
    }
    Ok(exceeded)
}
