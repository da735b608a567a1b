//! Suite `right`: what it costs a call to find out whether its caller may make it, and where.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::session_cpu_time;
use serde_json::{Value, json};
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Statement};

use super::Bench;
use super::figure::{Figure, quantile};
use super::report::Chapter;
use super::stock::Stock;
use super::trial::{Outcome, Trial};

const ABOUT: &str = "CPU time of a call by its caller: the owner, who is not checked, a role that was granted what it needs in every environment, and one that \
    was granted it in one environment. Each has a session, an environment and a worker queue; the sessions make the same calls in turns.";

const CPU: Figure = Figure::new("server CPU per call, µs", 1);
const MORE: Figure = Figure::new("more than the owner's, µs", 1);

/// Turns of each session. The first quarter is a warm-up.
const TURNS: usize = 400;
const CALLS_PER_TURN: usize = 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Trigger,
    Heartbeat,
    Turn,
}

impl Call {
    const ALL: [Self; 3] = [Self::Trigger, Self::Heartbeat, Self::Turn];

    fn name(self) -> &'static str {
        match self {
            Self::Trigger => "engine_trigger",
            Self::Heartbeat => "engine_heartbeat",
            Self::Turn => "engine_work, which ends one run and starts one",
        }
    }

    fn sql(self) -> &'static str {
        match self {
            Self::Trigger => include_str!("sql/right/trigger.sql"),
            Self::Heartbeat => include_str!("sql/right/heartbeat.sql"),
            Self::Turn => include_str!("sql/right/work.sql"),
        }
    }
}

/// Who calls, and what its environment and worker queue are named.
struct Party {
    name: &'static str,
    place: &'static str,
    client: Client,
    process: i32,
    held: (String, String),
}

impl Party {
    /// A session of a role that was granted everything in these environments, or of the owner.
    async fn begin(
        stock: &Stock<'_>,
        name: &'static str,
        place: &'static str,
        granted: Option<&str>,
    ) -> Result<Self> {
        let owner = stock.observer().await?;
        let environment = format!("select engine_set_environment('{place}')");
        owner.batch_execute(&environment).await?;
        let client = stock.observer().await?;
        if let Some(environment) = granted {
            let grant = format!(
                "drop role if exists {place}; create role {place}; \
                 select engine_grant('{place}', of, '{environment}') from unnest(array['trigger', 'work']) as of"
            );
            owner.batch_execute(&grant).await?;
            client.batch_execute(&format!("set role {place}")).await?;
        }
        let row = client.query_one("select pg_backend_pid()", &[]).await?;
        let mut party = Self {
            name,
            place,
            client,
            process: row.get(0),
            held: Default::default(),
        };
        let trigger = party.client.prepare(Call::Trigger.sql()).await?;
        let turn = party.client.prepare(Call::Turn.sql()).await?;
        party.client.execute(&trigger, &[&place]).await?;
        party.take_turn(&turn, &json!([])).await?;
        Ok(party)
    }

    /// CPU time of each of some calls, microseconds.
    async fn calls(&mut self, call: Call, statement: &Statement) -> Result<f64> {
        if call == Call::Turn {
            let queued = include_str!("sql/right/queue.sql");
            let runs = i32::try_from(CALLS_PER_TURN)?;
            self.client.execute(queued, &[&runs, &self.place]).await?;
        }
        let before = self.cpu_time()?;
        for _ in 0..CALLS_PER_TURN {
            self.call(call, statement).await?;
        }
        let used = self.cpu_time()?.saturating_sub(before);
        Ok(used.as_secs_f64() * 1e6 / CALLS_PER_TURN as f64)
    }

    async fn call(&mut self, call: Call, statement: &Statement) -> Result<()> {
        let (run, snapshot) = &self.held;
        match call {
            Call::Trigger => {
                self.client.execute(statement, &[&self.place]).await?;
            }
            Call::Heartbeat => {
                self.client.execute(statement, &[run, snapshot]).await?;
            }
            Call::Turn => {
                let end = json!([{"run_id": run, "snapshot_id": snapshot, "ok": true}]);
                self.take_turn(statement, &end).await?;
            }
        }
        Ok(())
    }

    async fn take_turn(&mut self, statement: &Statement, ends: &Value) -> Result<()> {
        let rows = self
            .client
            .query(statement, &[&Json(ends), &self.place])
            .await?;
        let row = rows.last().context("nothing is queued")?;
        ensure!(row.get::<_, &str>("kind") == "started", "nothing started");
        self.held = (row.get("run_id"), row.get("snapshot_id"));
        Ok(())
    }

    fn cpu_time(&self) -> Result<Duration> {
        session_cpu_time(self.process).context("the session has ended")
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let mut outcomes = Vec::new();
    for call in Call::ALL {
        let mut trials: Vec<(&str, Vec<Trial>)> = Vec::new();
        for _ in 0..bench.arguments.repeat(3) {
            let stock = Stock::empty(&bench.cluster).await?;
            for (name, trial) in trial(&stock, call).await? {
                match trials.iter_mut().find(|(of, _)| *of == name) {
                    Some((_, trials)) => trials.push(trial),
                    None => trials.push((name, vec![trial])),
                }
            }
            stock.remove().await?;
        }
        outcomes.extend(trials.into_iter().map(|(variant, trials)| Outcome {
            conditions: call.name().to_owned(),
            variant: variant.to_owned(),
            trials,
        }));
    }
    Ok(Chapter::new("right", ABOUT, outcomes))
}

/// The figures of each caller, from turns that they take one after the other.
async fn trial(stock: &Stock<'_>, call: Call) -> Result<Vec<(&'static str, Trial)>> {
    let mut parties = [
        Party::begin(stock, "the owner", "bench_owner", None).await?,
        Party::begin(stock, "granted everywhere", "bench_all", Some("*")).await?,
        Party::begin(stock, "granted here", "bench_one", Some("bench_one")).await?,
    ];
    let mut statements = Vec::new();
    for party in &parties {
        statements.push(party.client.prepare(call.sql()).await?);
    }
    let mut costs = vec![Vec::new(); parties.len()];
    for turn in 0..TURNS {
        // Plans that were made for empty tables read all that is in them later.
        if [TURNS / 8, TURNS / 4].contains(&turn) {
            stock.observer().await?.batch_execute("analyze").await?;
            costs.iter_mut().for_each(Vec::clear);
        }
        for ((party, statement), costs) in parties.iter_mut().zip(&statements).zip(&mut costs) {
            costs.push(party.calls(call, statement).await?);
        }
    }
    let owner = costs[0].clone();
    let figures = |(party, costs): (&Party, Vec<f64>)| {
        let more = costs.iter().zip(&owner).map(|(cost, owner)| cost - owner);
        let trial = Trial {
            figures: vec![(CPU, median(costs.clone())), (MORE, median(more.collect()))],
            ..Trial::default()
        };
        (party.name, trial)
    };
    Ok(parties.iter().zip(costs).map(figures).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}
