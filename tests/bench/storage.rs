//! Suite `storage`: the cost of a transition for different forms of the tables.

use anyhow::{Context, Result};
use engine_harness::Cluster;
use tokio_postgres::{Client, Statement};

use super::Bench;
use super::load::{Caller, Limit};
use super::measure::measure as measure_callers;
use super::report::Chapter;
use super::stock::Stock;
use super::trial::{Case, Trial, clients, interleave};

const ABOUT: &str = "Transitions per second on tables of a form that the engine has, or could have: each updates the state of a \
    run and inserts a snapshot, in one statement and one commit. Every run has three, one after the other. No function of the \
    engine is called.";

const TRANSITION: &str = include_str!("sql/storage/transition.sql");
const KEY_TEXT: &str = include_str!("sql/storage/key_text.sql");
const KEY_BIGINT: &str = include_str!("sql/storage/key_bigint.sql");
const NARROW: &str = include_str!("sql/storage/narrow.sql");
const WIDE: &str = include_str!("sql/storage/wide.sql");
const DENSE: &str = include_str!("sql/storage/dense.sql");
const INDEXED: &str = include_str!("sql/storage/indexed.sql");
const SNAPSHOT: &str = include_str!("sql/storage/snapshot.sql");

/// The statuses that a run goes through.
const STATUSES: [&str; 3] = ["PENDING_EXECUTING", "EXECUTING", "FINISHED"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    AsItIs,
    Wide,
    Dense,
    Indexed,
    Bigint,
}

impl Form {
    const ALL: [Self; 5] = [
        Self::AsItIs,
        Self::Wide,
        Self::Dense,
        Self::Indexed,
        Self::Bigint,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::AsItIs => "narrow row, text key, fillfactor 50",
            Self::Wide => "one row with a payload of 1 kB",
            Self::Dense => "fillfactor 100",
            Self::Indexed => "index on the status",
            Self::Bigint => "bigint key",
        }
    }

    /// What makes the tables, in this order.
    fn sql(self) -> Vec<&'static str> {
        match self {
            Self::AsItIs => vec![KEY_TEXT, NARROW, SNAPSHOT],
            Self::Wide => vec![KEY_TEXT, WIDE, SNAPSHOT],
            Self::Dense => vec![KEY_TEXT, NARROW, DENSE, SNAPSHOT],
            Self::Indexed => vec![KEY_TEXT, NARROW, INDEXED, SNAPSHOT],
            Self::Bigint => vec![KEY_BIGINT, NARROW, SNAPSHOT],
        }
    }
}

#[derive(Clone)]
struct Setup {
    form: Form,
    clients: usize,
}

impl Case for Setup {
    fn conditions(&self) -> String {
        clients(self.clients)
    }

    fn variant(&self) -> String {
        self.form.name().to_owned()
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let time = bench.arguments.seconds(4);
    let mut stocks = Vec::new();
    for form in Form::ALL {
        stocks.push((form, stock(&bench.cluster, form).await?));
    }
    let mut cases = Vec::new();
    for clients in bench.arguments.clients(&[4]) {
        cases.extend(Form::ALL.map(|form| Setup { form, clients }));
    }
    let repeat = bench.arguments.repeat(3);
    let outcomes = interleave(&cases, repeat, &mut bench.order, async |case| {
        let stock = stocks.iter().find(|(form, _)| *form == case.form);
        let (_, stock) = stock.context("no stock")?;
        let copy = stock.copy().await?;
        let trial = trial(&copy, case.clients, Limit::time(time)).await?;
        copy.remove().await?;
        Ok(trial)
    })
    .await?;
    for (_, stock) in stocks {
        stock.remove().await?;
    }
    Ok(Chapter::new("storage", ABOUT, outcomes).compared_with(Form::AsItIs.name()))
}

async fn stock(cluster: &Cluster, form: Form) -> Result<Stock<'_>> {
    let name = format!("storage_{form:?}").to_lowercase();
    let stock = Stock::without_engine(cluster, &name).await?;
    let session = stock.observer().await?;
    for sql in form.sql() {
        // Statement by statement: a vacuum stands alone.
        for statement in sql.split_inclusive(";\n") {
            session.batch_execute(statement).await?;
        }
    }
    stock.tidy().await?;
    Ok(stock)
}

async fn trial(stock: &Stock<'_>, clients: usize, limit: Limit) -> Result<Trial> {
    let mut callers = Vec::new();
    for (first, client) in (0..).zip(stock.sessions(clients).await?) {
        let step = i64::try_from(clients)?;
        callers.push(Mover {
            statement: client.prepare(TRANSITION).await?,
            client,
            number: first + 1,
            step,
            status: 0,
        });
    }
    measure_callers(stock, callers, limit).await
}

/// Takes one run after another through its transitions.
struct Mover {
    client: Client,
    statement: Statement,
    number: i64,
    step: i64,
    status: usize,
}

impl Caller for Mover {
    async fn call(&mut self) -> Result<u64> {
        let status = STATUSES[self.status];
        let moved = self
            .client
            .execute(&self.statement, &[&self.number, &status])
            .await?;
        self.status = (self.status + 1) % STATUSES.len();
        if self.status == 0 {
            self.number += self.step;
        }
        Ok(moved)
    }

    fn client(&self) -> &Client {
        &self.client
    }
}
