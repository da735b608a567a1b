//! Suite `wait`: runs that wait and resume, beside many others that wait.

use std::sync::{Arc, Mutex};

use anyhow::{Result, anyhow};
use engine_harness::progress;
use tokio_postgres::{Client, Statement};

use super::Bench;
use super::load::{Caller, Limit};
use super::measure::measure as measure_callers;
use super::report::Chapter;
use super::stock::{Stock, id_start};
use super::trial::{Case, Trial, clients, interleave};

const ABOUT: &str = "Calls per second that have a run wait for a token, that complete the token of a run that waits (the run \
    goes on in the same call), and that go on with a run whose token is completed; beside 10 and beside 100 thousand other \
    runs that wait.";

const FILLING: &str = "The runs were not taken through their lives one by one: they were inserted set-based, with the rows that \
    the engine's functions write (tests/bench/sql/fill_waiting.sql). Each call is about a run and a token of its own.";

const FILL: &str = include_str!("sql/fill_waiting.sql");
const FEW: u64 = 10;
const MANY: u64 = 100_000;
/// More than any operation does in a second.
const CALLS_PER_SECOND: u64 = 10_000;
/// Runs of one filling statement.
const BATCH: u64 = 100_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Block,
    Complete,
    Continue,
}

impl Operation {
    const ALL: [Self; 3] = [Self::Block, Self::Complete, Self::Continue];

    fn name(self) -> &'static str {
        match self {
            Self::Block => "engine_block",
            Self::Complete => "engine_complete_waitpoint",
            Self::Continue => "engine_unblock",
        }
    }

    /// The call, with the run as `$1` and its token as `$2`.
    fn sql(self) -> &'static str {
        match self {
            Self::Block => "select pending_count from engine_block($1, array[$2::text])",
            Self::Complete => "select status, $1::text from engine_complete_waitpoint($2)",
            Self::Continue => "select status, $2::text from engine_unblock($1)",
        }
    }

    /// Whether its runs wait before the call, and whether their tokens are completed.
    fn before(self) -> (bool, bool) {
        match self {
            Self::Block => (false, false),
            Self::Complete => (true, false),
            Self::Continue => (true, true),
        }
    }
}

#[derive(Clone)]
struct Setup {
    operation: Operation,
    others: u64,
    clients: usize,
}

impl Case for Setup {
    fn conditions(&self) -> String {
        format!("{}, {}", self.operation.name(), clients(self.clients))
    }

    fn variant(&self) -> String {
        name(self.others)
    }
}

const BASE: &str = "10 others wait";

fn name(others: u64) -> String {
    match others {
        FEW => BASE.to_owned(),
        MANY => "100 thousand others wait".to_owned(),
        others => format!("{others} others wait"),
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let time = bench.arguments.seconds(2);
    let prepared = time.as_secs().saturating_mul(CALLS_PER_SECOND);
    let many = MANY.min(bench.arguments.rows_limit.unwrap_or(MANY));
    let mut stocks = Vec::new();
    for others in [FEW, many] {
        let stock = Stock::empty(&bench.cluster).await?;
        fill(&stock, "others", others, (true, false)).await?;
        for operation in Operation::ALL {
            fill(&stock, operation.name(), prepared, operation.before()).await?;
        }
        stock.tidy().await?;
        stocks.push((others, stock));
    }
    let mut cases = Vec::new();
    for clients in bench.arguments.clients(&[1, 4]) {
        for operation in Operation::ALL {
            cases.extend([FEW, many].map(|others| Setup {
                operation,
                others,
                clients,
            }));
        }
    }
    let repeat = bench.arguments.repeat(3);
    let outcomes = interleave(&cases, repeat, &mut bench.order, async |case| {
        let stock = stocks.iter().find(|(others, _)| *others == case.others);
        let (_, stock) = stock.ok_or_else(|| anyhow!("no stock"))?;
        let copy = stock.copy().await?;
        let trial = trial(&copy, case, Limit::time(time)).await?;
        copy.remove().await?;
        Ok(trial)
    })
    .await?;
    for (_, stock) in stocks {
        stock.remove().await?;
    }
    Ok(Chapter::new("wait", ABOUT, outcomes)
        .noting([FILLING.to_owned()])
        .compared_with(BASE))
}

/// Writes `count` runs of a queue, which names their purpose.
async fn fill(
    stock: &Stock<'_>,
    queue: &str,
    count: u64,
    (is_waiting, is_completed): (bool, bool),
) -> Result<()> {
    progress::say(format!("filling in {count} runs for {queue}"));
    let session = stock.observer().await?;
    session
        .batch_execute("set synchronous_commit = off")
        .await?;
    let statement = session.prepare(FILL).await?;
    let mut first = 1;
    while first <= count {
        let last = count.min(first + BATCH - 1);
        let numbers = (i64::try_from(first)?, i64::try_from(last)?);
        session
            .execute(
                &statement,
                &[
                    &numbers.0,
                    &numbers.1,
                    &id_start()?,
                    &queue,
                    &is_waiting,
                    &is_completed,
                ],
            )
            .await?;
        first = last + 1;
    }
    Ok(())
}

/// The remaining runs, each with its token.
type Left = Arc<Mutex<Vec<(String, String)>>>;

async fn trial(stock: &Stock<'_>, case: &Setup, limit: Limit) -> Result<Trial> {
    let sql = "select r.id, h.waitpoint_id from engine.run as r join engine.waitpoint_history as h on h.run_id = r.id \
               where r.queue = $1 order by md5(r.id)";
    let observer = stock.observer().await?;
    let rows = observer.query(sql, &[&case.operation.name()]).await?;
    let left: Left = Arc::new(Mutex::new(
        rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
    ));
    let mut callers = Vec::new();
    for client in stock.sessions(case.clients).await? {
        let statement = client.prepare(case.operation.sql()).await?;
        callers.push(Waiter {
            client,
            statement,
            left: Arc::clone(&left),
        });
    }
    measure_callers(stock, callers, limit).await
}

/// Does the operation with one run after the other.
struct Waiter {
    client: Client,
    statement: Statement,
    left: Left,
}

impl Caller for Waiter {
    async fn call(&mut self) -> Result<u64> {
        let next = match self.left.lock() {
            Ok(mut left) => left.pop(),
            Err(_) => None,
        };
        let Some((run_id, waitpoint_id)) = next else {
            return Ok(0);
        };
        self.client
            .query_one(&self.statement, &[&run_id, &waitpoint_id])
            .await?;
        Ok(1)
    }

    fn client(&self) -> &Client {
        &self.client
    }
}
