//! A trial of callers: warm up, checkpoint, read, load, read.

use anyhow::Result;
use tokio_postgres::Client;

use super::figure::{Figure, P50, P99, RATE, quantile};
use super::load::{Caller, Limit, Served, drive};
use super::meter::{Meter, settle};
use super::sampler::Sampler;
use super::stock::Stock;
use super::trial::Trial;

/// Lets `callers` work on `stock` until `limit`.
pub(super) async fn measure<C: Caller>(
    stock: &Stock<'_>,
    callers: Vec<C>,
    limit: Limit,
) -> Result<Trial> {
    let observer = stock.observer().await?;
    let (callers, _) = drive(callers, Limit::warm_up()).await?;
    let (served, trial) = load(stock, &observer, callers, limit).await?;
    Ok(Trial {
        invalid: match served.empty_calls {
            0 => None,
            calls => Some(format!("the queue ran dry: {calls} calls found nothing")),
        },
        ..trial
    })
}

/// Lets `callers` process the `runs` runs that `stock` has queued, without a warm-up.
pub(super) async fn drain<C: Caller>(
    stock: &Stock<'_>,
    callers: Vec<C>,
    runs: u64,
) -> Result<Trial> {
    let observer = stock.observer().await?;
    let (served, trial) = load(stock, &observer, callers, Limit::drain()).await?;
    let found = served.runs;
    Ok(Trial {
        invalid: (found != runs).then(|| format!("{found} of {runs} runs were found")),
        ..trial
    })
}

async fn load<C: Caller>(
    stock: &Stock<'_>,
    observer: &Client,
    callers: Vec<C>,
    limit: Limit,
) -> Result<(Served, Trial)> {
    let sampler_session = stock.observer().await?;
    observer.batch_execute("checkpoint").await?;
    settle(callers.iter().map(Caller::client)).await?;
    let meter = Meter::start(stock.cluster(), observer).await?;
    let sampler = Sampler::start(sampler_session).await?;
    let (callers, served) = drive(callers, limit).await?;
    let waits = sampler.stop().await?;
    let usage = meter
        .stop(settle(callers.iter().map(Caller::client)))
        .await?;
    let mut figures = rates(&served);
    figures.extend(usage.per_run(served.runs));
    let trial = Trial {
        figures,
        waits,
        ..Trial::default()
    };
    Ok((served, trial))
}

fn rates(served: &Served) -> Vec<(Figure, f64)> {
    vec![
        (
            RATE,
            served.runs as f64 / served.time.as_secs_f64().max(1e-9),
        ),
        (P50, quantile(&served.latencies_ms, 0.5)),
        (P99, quantile(&served.latencies_ms, 0.99)),
    ]
}
