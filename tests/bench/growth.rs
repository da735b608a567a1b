//! Suite `growth`: dequeues while the queue and the history grow.

use anyhow::Result;

use super::Bench;
use super::caller::Dequeuer;
use super::load::Limit;
use super::measure::measure as measure_callers;
use super::report::Chapter;
use super::stock::Stock;
use super::trial::{Case, Trial, clients, interleave};

const ABOUT: &str = "Runs dequeued per second with engine_dequeue, out of queues of several lengths, and beside a long history.";

const FILLING: &str = "The runs were not triggered one by one: they were inserted set-based, with the rows that engine_trigger \
    writes and ids of the engine's form (tests/bench/sql/fill_queued.sql, fill_finished.sql). Before each trial the queue was \
    filled up again and the tables were vacuumed. A trial ends after half of the queue or 100,000 runs at the latest, so those \
    of the shortest queue last a fraction of a second only.";

const THOUSAND: u64 = 1_000;
const MILLION: u64 = 1_000_000;

/// A trial dequeues no more than this, so that the dead rows that it leaves are the same for long queues.
const DEQUEUED_AT_MOST: u64 = 100 * THOUSAND;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Level {
    queued: u64,
    finished: u64,
}

const LEVELS: [Level; 4] = [
    Level {
        queued: 10 * THOUSAND,
        finished: 0,
    },
    Level {
        queued: MILLION,
        finished: 0,
    },
    Level {
        queued: 5 * MILLION,
        finished: 0,
    },
    Level {
        queued: MILLION,
        finished: MILLION,
    },
];

impl Level {
    fn limited(self, limit: Option<u64>) -> Self {
        let limit = limit.unwrap_or(u64::MAX);
        Self {
            queued: self.queued.min(limit),
            finished: self.finished.min(limit),
        }
    }

    fn name(self) -> String {
        let number = |count: u64| match count {
            MILLION.. if count.is_multiple_of(MILLION) => format!("{} million", count / MILLION),
            THOUSAND.. => format!("{} thousand", count / THOUSAND),
            _ => count.to_string(),
        };
        match self.finished {
            0 => format!("{} queued", number(self.queued)),
            finished => format!(
                "{} queued, {} finished",
                number(self.queued),
                number(finished)
            ),
        }
    }
}

#[derive(Clone)]
struct Setup {
    level: Level,
    /// Which of the databases.
    stock: usize,
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
        self.level.name()
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let time = bench.arguments.seconds(5);
    let limit = bench.arguments.rows_limit;
    let mut levels = LEVELS.map(|level| level.limited(limit)).to_vec();
    levels.dedup();
    let mut stocks = Vec::new();
    for level in &levels {
        let stock = Stock::empty(&bench.cluster).await?;
        if level.finished > 0 {
            stock.add_finished(level.finished).await?;
        }
        stock.add_queued(level.queued).await?;
        stock.tidy().await?;
        stocks.push(stock);
    }
    let mut cases = Vec::new();
    for clients in bench.arguments.clients(&[4]) {
        for max_runs in [1, 10] {
            cases.extend(levels.iter().enumerate().map(|(stock, level)| Setup {
                level: *level,
                stock,
                max_runs,
                clients,
            }));
        }
    }
    let repeat = bench.arguments.repeat(3);
    let outcomes = interleave(&cases, repeat, &mut bench.order, async |case| {
        trial(&stocks[case.stock], case, Limit::time(time)).await
    })
    .await?;
    for stock in stocks {
        stock.remove().await?;
    }
    Ok(Chapter::new("growth", ABOUT, outcomes).noting([FILLING.to_owned()]))
}

async fn trial(stock: &Stock<'_>, case: &Setup, limit: Limit) -> Result<Trial> {
    let observer = stock.observer().await?;
    let sql = "select count(*) from engine.queue_item";
    let queued: i64 = observer.query_one(sql, &[]).await?.get(0);
    let missing = case.level.queued.saturating_sub(u64::try_from(queued)?);
    if missing > 0 {
        stock.add_queued(missing).await?;
        stock.tidy().await?;
    }
    stock.prewarm().await?;
    let mut callers = Vec::new();
    for client in stock.sessions(case.clients).await? {
        callers.push(Dequeuer::new(client, case.max_runs).await?);
    }
    let limit = limit.runs(DEQUEUED_AT_MOST.min(case.level.queued / 2));
    measure_callers(stock, callers, limit).await
}
