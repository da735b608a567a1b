//! Suite `dequeue`: the dequeue alone.

use std::time::{Duration, Instant};

use anyhow::Result;
use engine_harness::{Server, progress};

use super::Bench;
use super::caller::Dequeuer;
use super::figure::quantile;
use super::load::Limit;
use super::measure::measure as measure_callers;
use super::proxy::{DELAY, Proxy};
use super::report::Chapter;
use super::statement::{OneCommit, TwoCommits, dequeue_all};
use super::stock::Stock;
use super::trial::{Case, Trial, clients, interleave};

const ABOUT: &str = "Runs dequeued per second out of a full queue. All variants work on the same tables, with the same columns, \
    indexes and queue, and leave the same rows. a, a′ and b are a client that sends statement after statement, all of them \
    prepared and with generic plans; c, d and e call engine_dequeue.";

/// More runs per second than any variant dequeues.
const RUNS_PER_SECOND: u64 = 60_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    TwoCommits,
    TwoCommitsWithoutDequeue,
    OneCommit,
    Engine { max_runs: i32 },
}

const VARIANTS: [Variant; 6] = [
    Variant::TwoCommits,
    Variant::TwoCommitsWithoutDequeue,
    Variant::OneCommit,
    Variant::Engine { max_runs: 1 },
    Variant::Engine { max_runs: 10 },
    Variant::Engine { max_runs: 100 },
];

impl Variant {
    fn name(self) -> &'static str {
        match self {
            Self::TwoCommits => "a: two commits, and the dequeue",
            Self::TwoCommitsWithoutDequeue => "a′: two commits, dequeued before",
            Self::OneCommit => "b: one commit",
            Self::Engine { max_runs: 1 } => "c: engine_dequeue(1)",
            Self::Engine { max_runs: 10 } => "d: engine_dequeue(10)",
            Self::Engine { .. } => "e: engine_dequeue(100)",
        }
    }
}

#[derive(Clone)]
struct Setup {
    variant: Variant,
    clients: usize,
    is_proxied: bool,
}

impl Case for Setup {
    fn conditions(&self) -> String {
        let way = if self.is_proxied { "proxy" } else { "socket" };
        format!("{way}, {}", clients(self.clients))
    }

    fn variant(&self) -> String {
        self.variant.name().to_owned()
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let time = bench.arguments.seconds(5);
    let queued = (time.as_secs() * RUNS_PER_SECOND).max(100_000);
    let stock = Stock::filled(&bench.cluster, queued).await?;
    let direct = bench.cluster.server().clone();
    let proxy = Proxy::start(&direct)?;
    let proxied = proxy.server();
    let notes = vec![
        calibrate(&stock, &direct, &proxy).await?,
        format!("Each trial began with {queued} queued runs, in a fresh copy of one database."),
    ];
    progress::say(&notes[0]);
    let cases = cases(&bench.arguments.clients(&[1, 4, 16]));
    let outcomes = interleave(
        &cases,
        bench.arguments.repeat(3),
        &mut bench.order,
        async |case| {
            let server = if case.is_proxied { &proxied } else { &direct };
            let copy = stock.copy().await?;
            let trial = trial(&copy, case, server, Limit::time(time)).await?;
            copy.remove().await?;
            Ok(trial)
        },
    )
    .await?;
    stock.remove().await?;
    Ok(Chapter::new("dequeue", ABOUT, outcomes)
        .noting(notes)
        .compared_with(Variant::OneCommit.name()))
}

fn cases(clients: &[usize]) -> Vec<Setup> {
    let mut cases = Vec::new();
    for is_proxied in [false, true] {
        for &clients in clients {
            cases.extend(VARIANTS.map(|variant| Setup {
                variant,
                clients,
                is_proxied,
            }));
        }
    }
    cases
}

async fn trial(stock: &Stock<'_>, case: &Setup, server: &Server, limit: Limit) -> Result<Trial> {
    match case.variant {
        Variant::TwoCommits | Variant::TwoCommitsWithoutDequeue => {
            let dequeued = match case.variant {
                Variant::TwoCommitsWithoutDequeue => {
                    Some(dequeue_all(&stock.observer().await?).await?)
                }
                _ => None,
            };
            let mut callers = Vec::new();
            for session in 0..case.clients {
                let client = stock.session(server).await?;
                callers.push(TwoCommits::new(client, session, dequeued.clone()).await?);
            }
            measure_callers(stock, callers, limit).await
        }
        Variant::OneCommit => {
            let mut callers = Vec::new();
            for session in 0..case.clients {
                callers.push(OneCommit::new(stock.session(server).await?, session).await?);
            }
            measure_callers(stock, callers, limit).await
        }
        Variant::Engine { max_runs } => {
            let mut callers = Vec::new();
            for _ in 0..case.clients {
                callers.push(Dequeuer::new(stock.session(server).await?, max_runs).await?);
            }
            measure_callers(stock, callers, limit).await
        }
    }
}

/// Subtracts the proxy's own latency from its delay, and prints what it adds now.
async fn calibrate(stock: &Stock<'_>, direct: &Server, proxy: &Proxy) -> Result<String> {
    let wanted = DELAY.as_secs_f64() * 1e3;
    let socket = round_trip_ms(stock, direct).await?;
    let surplus = round_trip_ms(stock, &proxy.server()).await? - socket - 2.0 * wanted;
    proxy.set_delay(Duration::from_secs_f64(
        (wanted - surplus / 2.0).max(0.0) / 1e3,
    ));
    let proxied = round_trip_ms(stock, &proxy.server()).await?;
    Ok(format!(
        "`select 1` takes {socket:.3} ms on the socket and {proxied:.3} ms through the proxy, which is to add {wanted} ms each way."
    ))
}

async fn round_trip_ms(stock: &Stock<'_>, server: &Server) -> Result<f64> {
    let client = stock.session(server).await?;
    let statement = client.prepare("select 1").await?;
    let mut times = Vec::new();
    for _ in 0..500 {
        let start = Instant::now();
        client.query_one(&statement, &[]).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(quantile(&times, 0.5))
}
