//! Suite `flow`: the flows beside dequeue that trigger.dev's run engine does in several commits, as separate
//! commits and as one call.

mod caller;
mod kind;
mod proof;
mod separate;

use anyhow::Result;
use engine_harness::progress;
use tokio_postgres::Client;

use self::caller::{OneCall, left};
use self::kind::Flow;
use self::separate::Separate;
use super::Bench;
use super::load::{Caller, Limit};
use super::measure::measure as measure_callers;
use super::report::Chapter;
use super::stock::{Stock, id_start};
use super::trial::{Case, Trial, clients, interleave};

const ABOUT: &str = "Runs per second through the flows other than the dequeue that the reference does in several commits. Before: the reference's writes, \
    each sent by the client as a commit of its own, prepared and with a generic plan, after it has read the latest snapshot and \
    the run. After: one call of the engine's function. Both work on the same tables and leave the same rows.";

const STORES: &str = "The reference keeps its queue and its heartbeats in another store. Here they are tables, so what it writes there \
    is a commit more; slot and deadline of a run are one row, and its writes about them one commit. Which snapshot is the latest, the \
    reference finds out by a search; here the update of the run says it. A deletion of no edges commits, but leaves no commit record.";

const FILLING: &str = "The runs were inserted set-based, with the rows that the engine's functions write \
    (tests/bench/sql/flow/fill.sql, fill_queued.sql). Each call is about a run of its own.";

const TICK: &str = "The engine requeues runs that nobody started in its tick. It is called for one run at a time here, and looks \
    for all other kinds of work as well; by default it takes up to 1,000 items. The client takes these runs in the tick's order.";

const PROOF: &str = "Beforehand 20 runs of each flow went through either variant: engine_check() found nothing, and the rows were the \
    same but for ids, times and positions.";

/// More than any variant does in a second.
const CALLS_PER_SECOND: u64 = 10_000;
/// Runs of one filling statement.
const BATCH: u64 = 100_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    Before,
    After,
}

impl Variant {
    const ALL: [Self; 2] = [Self::Before, Self::After];

    fn name(self) -> &'static str {
        match self {
            Self::Before => "before: separate commits",
            Self::After => "after: one call",
        }
    }
}

#[derive(Clone)]
struct Setup {
    flow: Flow,
    variant: Variant,
    clients: usize,
}

impl Case for Setup {
    fn conditions(&self) -> String {
        format!("{}, {}", self.flow.name(), clients(self.clients))
    }

    fn variant(&self) -> String {
        self.variant.name().to_owned()
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let time = bench.arguments.seconds(2);
    let prepared = time.as_secs().saturating_mul(CALLS_PER_SECOND);
    let clients = bench.arguments.clients(&[1, 4]);
    let mut cases = Vec::new();
    let mut stocks = Vec::new();
    for flow in Flow::ALL {
        proof::prove(&bench.cluster, flow).await?;
        let stock = Stock::empty(&bench.cluster).await?;
        fill(&stock, flow, prepared).await?;
        stock.tidy().await?;
        stocks.push(stock);
        for &clients in &clients {
            cases.extend(Variant::ALL.map(|variant| Setup {
                flow,
                variant,
                clients,
            }));
        }
    }
    let repeat = bench.arguments.repeat(3);
    let outcomes = interleave(&cases, repeat, &mut bench.order, async |case| {
        let copy = stocks[case.flow as usize].copy().await?;
        let trial = trial(&copy, case, Limit::time(time)).await?;
        copy.remove().await?;
        Ok(trial)
    })
    .await?;
    for stock in stocks {
        stock.remove().await?;
    }
    let notes = [STORES, &commits(), TICK, FILLING, PROOF].map(str::to_owned);
    Ok(Chapter::new("flow", ABOUT, outcomes)
        .noting(notes)
        .compared_with(Variant::Before.name()))
}

/// Number of commits so far.
fn commits() -> String {
    let of = |flow: Flow| {
        let (counted, all) = (flow.counted(), flow.writes().len());
        format!("{}: {counted} + {}", flow.name(), all - counted)
    };
    let flows = Flow::ALL.map(of).join("; ");
    format!("Commits before, those to the database + those to another store: {flows}.")
}

/// Writes `count` runs that the flow can begin with.
async fn fill(stock: &Stock<'_>, flow: Flow, count: u64) -> Result<()> {
    let Some(status) = flow.held() else {
        return stock.add_queued(count).await;
    };
    progress::say(format!("filling in {count} runs: {}", flow.name()));
    let session = stock.observer().await?;
    session
        .batch_execute("set synchronous_commit = off")
        .await?;
    let statement = session.prepare(include_str!("sql/flow/fill.sql")).await?;
    let mut first = 1;
    while first <= count {
        let last = count.min(first + BATCH - 1);
        let numbers = (i64::try_from(first)?, i64::try_from(last)?);
        session
            .execute(&statement, &[&numbers.0, &numbers.1, &id_start()?, &status])
            .await?;
        first = last + 1;
    }
    Ok(())
}

async fn trial(stock: &Stock<'_>, case: &Setup, limit: Limit) -> Result<Trial> {
    let callers = callers(stock, case.flow, case.variant, case.clients).await?;
    measure_callers(stock, callers, limit).await
}

/// A session that processes one run after the other.
enum Session {
    Before(Box<Separate>),
    After(OneCall),
}

async fn callers(
    stock: &Stock<'_>,
    flow: Flow,
    variant: Variant,
    count: usize,
) -> Result<Vec<Session>> {
    let left = left(&stock.observer().await?, flow).await?;
    let mut callers = Vec::new();
    for (number, client) in stock.sessions(count).await?.into_iter().enumerate() {
        let left = left.clone();
        callers.push(match variant {
            Variant::Before => {
                Session::Before(Box::new(Separate::new(client, flow, number, left).await?))
            }
            Variant::After => Session::After(OneCall::new(client, flow, left).await?),
        });
    }
    Ok(callers)
}

impl Caller for Session {
    async fn call(&mut self) -> Result<u64> {
        match self {
            Self::Before(session) => session.call().await,
            Self::After(session) => session.call().await,
        }
    }

    fn client(&self) -> &Client {
        match self {
            Self::Before(session) => session.client(),
            Self::After(session) => session.client(),
        }
    }
}
