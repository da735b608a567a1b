//! The sweep alone.

use anyhow::{Result, ensure};
use engine_harness::Cluster;

use super::super::stock::Stock;
use super::super::trial::Trial;
use super::{SWEPT, metered};

/// Runs of one transaction of the sweep.
const STEP: i32 = 10_000;

/// Removes finished runs; with `is_vacuum`, the cost of the vacuum afterwards.
pub(super) async fn trial(cluster: &Cluster, is_vacuum: bool) -> Result<Trial> {
    let stock = Stock::empty(cluster).await?;
    stock.add_finished(SWEPT).await?;
    let session = stock.session(cluster.server()).await?;
    for table in ["run", "run_state", "snapshot"] {
        let sql = format!("alter table engine.{table} set (autovacuum_enabled = off)");
        session.batch_execute(&sql).await?;
    }
    stock.tidy().await?;
    stock.prewarm().await?;
    session
        .execute("select engine_set_retention(keep => '0')", &[])
        .await?;
    let sweep = async {
        let mut removed = 0;
        loop {
            let sql = "select engine_sweep($1)";
            let step: i32 = session.query_one(sql, &[&STEP]).await?.get(0);
            if step == 0 {
                break;
            }
            removed += u64::try_from(step)?;
        }
        ensure!(removed == SWEPT, "{removed} of {SWEPT} runs were removed");
        Ok(())
    };
    let trial = if is_vacuum {
        sweep.await?;
        let vacuum = async { Ok(session.batch_execute("vacuum").await?) };
        metered(&stock, SWEPT, &session, vacuum).await?
    } else {
        metered(&stock, SWEPT, &session, sweep).await?
    };
    stock.remove().await?;
    Ok(trial)
}
