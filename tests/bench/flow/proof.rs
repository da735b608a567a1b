//! Proves that both variants of a flow leave the same state.

use anyhow::{Result, ensure};
use engine_harness::Cluster;

use super::kind::Flow;
use super::{Variant, callers, fill};
use crate::load::{Limit, drive};
use crate::stock::Stock;

/// How many runs there are, and how many of them go through the flow.
const RUNS: u64 = 30;
const CALLS: u64 = 20;

/// Takes some runs through either variant of `flow`: `engine_check` must find nothing, and the rows must be the same.
pub(super) async fn prove(cluster: &Cluster, flow: Flow) -> Result<()> {
    let name = flow.name();
    let before = rows(cluster, flow, Variant::Before).await?;
    let after = rows(cluster, flow, Variant::After).await?;
    ensure!(
        before == after,
        "{name}: the client leaves\n{}\nthe engine\n{}",
        before.join("\n"),
        after.join("\n")
    );
    Ok(())
}

async fn rows(cluster: &Cluster, flow: Flow, variant: Variant) -> Result<Vec<String>> {
    let stock = Stock::empty(cluster).await?;
    fill(&stock, flow, RUNS).await?;
    let limit = Limit {
        calls: CALLS,
        ..Limit::drain()
    };
    drive(callers(&stock, flow, variant, 1).await?, limit).await?;
    let session = stock.observer().await?;
    let rows = session
        .query(include_str!("../sql/flow/rows.sql"), &[])
        .await?;
    let sql = "select kind || ': ' || detail from engine_check()";
    let violations = session.query(sql, &[]).await?;
    let violations: Vec<&str> = violations.iter().map(|row| row.get(0)).collect();
    ensure!(
        violations.is_empty() && !rows.is_empty(),
        "{}, {}: engine_check finds\n{}",
        flow.name(),
        variant.name(),
        violations.join("\n")
    );
    stock.remove().await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
