//! The history as one table, and as a ring of list partitions: plain SQL on tables of the same columns.

use anyhow::Result;
use engine_harness::Cluster;
use tokio_postgres::Client;

use super::super::stock::Stock;
use super::super::trial::Trial;
use super::{SWEPT, metered};

const TABLES: &str = include_str!("../sql/retention/tables.sql");
const INSERT_PLAIN: &str = include_str!("../sql/retention/insert_plain.sql");
const INSERT_RING: &str = include_str!("../sql/retention/insert_ring.sql");
const DELETE_PLAIN: &str = include_str!("../sql/retention/delete_plain.sql");

/// Runs of one call: of an insert, and of a delete.
const INSERTED: usize = 100;
const DELETED: usize = 1000;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    InsertPlain,
    InsertRing,
    DeletePlain,
    VacuumPlain,
    TruncateRing,
}

impl Step {
    pub(super) const ALL: [Self; 5] = [
        Self::InsertPlain,
        Self::InsertRing,
        Self::DeletePlain,
        Self::VacuumPlain,
        Self::TruncateRing,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InsertPlain => "one table: insert",
            Self::InsertRing => "ring: insert",
            Self::DeletePlain => "one table: delete",
            Self::VacuumPlain => "one table: vacuum after it",
            Self::TruncateRing => "ring: truncate",
        }
    }
}

pub(super) async fn trial(cluster: &Cluster, step: Step) -> Result<Trial> {
    let stock = Stock::empty(cluster).await?;
    let session = stock.session(cluster.server()).await?;
    session.batch_execute(TABLES).await?;
    let off = "alter table public.plain set (autovacuum_enabled = off)";
    session.batch_execute(off).await?;
    let insert = |sql| each(&session, sql, INSERTED);
    let trial = match step {
        Step::InsertPlain => metered(&stock, SWEPT, &session, insert(INSERT_PLAIN)).await?,
        Step::InsertRing => metered(&stock, SWEPT, &session, insert(INSERT_RING)).await?,
        Step::DeletePlain => {
            insert(INSERT_PLAIN).await?;
            session.batch_execute("vacuum analyze public.plain").await?;
            let delete = each(&session, DELETE_PLAIN, DELETED);
            metered(&stock, SWEPT, &session, delete).await?
        }
        Step::VacuumPlain => {
            insert(INSERT_PLAIN).await?;
            session.batch_execute("vacuum analyze public.plain").await?;
            each(&session, DELETE_PLAIN, DELETED).await?;
            let vacuum = async { Ok(session.batch_execute("vacuum public.plain").await?) };
            metered(&stock, SWEPT, &session, vacuum).await?
        }
        Step::TruncateRing => {
            insert(INSERT_RING).await?;
            metered(&stock, SWEPT, &session, truncate(&session)).await?
        }
    };
    stock.remove().await?;
    Ok(trial)
}

/// Executes `sql` for all runs, so many with each call.
async fn each(session: &Client, sql: &str, runs: usize) -> Result<()> {
    let statement = session.prepare(sql).await?;
    for first in (0..SWEPT).step_by(runs) {
        session
            .execute(&statement, &[&i64::try_from(first)?])
            .await?;
    }
    Ok(())
}

async fn truncate(session: &Client) -> Result<()> {
    for slot in 0..16 {
        let sql = format!("truncate public.ring_{slot}");
        session.batch_execute(&sql).await?;
    }
    Ok(())
}
