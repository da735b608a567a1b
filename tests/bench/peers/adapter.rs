//! One peer's adapter: a program that creates the peer's schema, fills its queue, and processes it.

use std::time::Duration;

use anyhow::Result;
use engine_harness::Workspace;
use engine_harness::condition::eventually;

use super::catalog::Peer;
use super::install::{self, Program};
use super::process::{Drained, Order, Process};
use crate::figure::{Figure, P50, P99, RATE, quantile};
use crate::meter::Meter;
use crate::sampler::Sampler;
use crate::stock::Stock;
use crate::trial::Trial;

const END_PATIENCE: Duration = Duration::from_secs(60);

/// An installed peer.
pub(super) struct Adapter {
    pub(super) peer: &'static Peer,
    /// With its version.
    pub(super) name: String,
    program: Program,
}

impl Adapter {
    pub(super) fn install(workspace: &Workspace, peer: &'static Peer) -> Result<Self> {
        let program = install::install(workspace, peer)?;
        let version = install::version(workspace, peer)?;
        Ok(Self {
            peer,
            name: format!("{} {version} ({})", peer.label(), peer.registry.name()),
            program,
        })
    }

    /// Creates the schema and queues the ordered jobs.
    pub(super) async fn fill(&self, order: &Order) -> Result<()> {
        for phase in ["install", "fill"] {
            let process = Process::start(&self.program, phase, order, self.peer)?;
            process.end().await?;
        }
        Ok(())
    }

    /// Lets it process everything that `stock` has queued.
    pub(super) async fn drain(&self, stock: &Stock<'_>, order: &Order) -> Result<Trial> {
        let observer = stock.observer().await?;
        let sampler_session = stock.observer().await?;
        let mut process = Process::start(&self.program, "drain", order, self.peer)?;
        process.ready().await?;
        observer.batch_execute("checkpoint").await?;
        let meter = Meter::start_with(stock.cluster(), &observer, process.id()?).await?;
        let sampler = Sampler::start(sampler_session).await?;
        let drained = process.work().await?;
        let waits = sampler.stop().await?;
        // Its sessions report what they have counted when they end.
        let settled = async {
            process.end().await?;
            all_left(stock).await
        };
        let usage = meter.stop(settled).await?;
        // Some count by a view over many tables, which without statistics took minutes.
        observer.batch_execute("analyze").await?;
        let unfinished: i64 = observer.query_one(self.peer.unfinished, &[]).await?.get(0);
        let mut figures = rates(&drained);
        figures.extend(usage.per_run(drained.jobs));
        Ok(Trial {
            figures,
            waits,
            series: Vec::new(),
            invalid: invalid(&drained, order, unfinished),
        })
    }
}

fn rates(drained: &Drained) -> Vec<(Figure, f64)> {
    let mut figures = vec![(RATE, drained.jobs as f64 / drained.seconds.max(1e-9))];
    let mut cycles = drained.cycles_ms.clone();
    cycles.sort_by(f64::total_cmp);
    if !cycles.is_empty() {
        figures.extend([(P50, 0.5), (P99, 0.99)].map(|(figure, q)| (figure, quantile(&cycles, q))));
    }
    figures
}

fn invalid(drained: &Drained, order: &Order, unfinished: i64) -> Option<String> {
    if drained.jobs == order.runs && unfinished == 0 {
        return None;
    }
    Some(format!(
        "it worked {} of {} jobs, and {unfinished} are left",
        drained.jobs, order.runs
    ))
}

/// Waits until the sessions of a load have ended.
async fn all_left(stock: &Stock<'_>) -> Result<()> {
    let observer = stock.observer().await?;
    eventually(
        "the adapter's sessions have ended",
        END_PATIENCE,
        async || {
            let sql = "select not exists (select from pg_stat_activity as a \
                   where a.datname = current_database() and a.backend_type = 'client backend' \
                   and a.application_name <> 'observer')";
            Ok(observer.query_one(sql, &[]).await?.get(0))
        },
    )
    .await
}
