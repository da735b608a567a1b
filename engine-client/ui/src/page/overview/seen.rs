//! What the overview reads, all of it in one transaction.

use crate::fault::Fault;
use crate::query::doctor::{self, Finding};
use crate::query::failure::{self, Kind, Scope};
use crate::query::history::{Latency, Outcomes};
use crate::query::queue::{self, Asked, Counts, Environment, Queue};
use crate::query::session::Facts;
use crate::query::tick::Tick;
use crate::query::wait::{self, Retrying, Waiting};
use crate::request::Context;

/// Queues, kinds of failures and causes that the overview shows.
pub(super) const SHOWN: usize = 8;

/// Queues among which it looks for what holds runs back.
const LOOKED_AT: i64 = 100;

/// Everything that it shows.
pub(super) struct Seen {
    pub(super) facts: Facts,
    /// Those that wait longest.
    pub(super) queues: Vec<Queue>,
    pub(super) counts: Counts,
    pub(super) environments: Vec<Environment>,
    pub(super) outcomes: Outcomes,
    pub(super) latency: Latency,
    pub(super) kinds: Vec<Kind>,
    pub(super) findings: Vec<Finding>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) retrying: Retrying,
    pub(super) tick: Tick,
}

impl Seen {
    pub(super) async fn read(context: &Context) -> Result<Self, Fault> {
        let environment = context.environment();
        context
            .read(async |reader| {
                let facts = Facts::read(reader).await?;
                let asked = Asked {
                    environment,
                    most: LOOKED_AT,
                    ..Asked::default()
                };
                let (queues, environments) = queue::queues(reader, asked).await?;
                Ok(Self {
                    queues,
                    counts: Counts::read(reader, environment, None).await?,
                    environments,
                    outcomes: Outcomes::read(reader, facts.now, environment).await?,
                    latency: Latency::read(reader, facts.now, environment).await?,
                    kinds: failure::kinds(reader, &Scope::hour(environment)).await?,
                    findings: doctor::findings(reader).await?,
                    waiting: wait::counts(reader, environment).await?,
                    retrying: wait::retrying(reader, environment).await?,
                    tick: Tick::read(reader).await?,
                    facts,
                })
            })
            .await
    }
}
