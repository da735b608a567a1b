//! The invariants, checked in the database of every test when the test is over.

use std::fmt::{self, Display};

use anyhow::{Context, Result, ensure};
use tokio_postgres::Client;

use crate::{Server, Session, database};

/// The comment on a database whose tables a test breaks.
const BROKEN_ON_PURPOSE: &str = "broken on purpose";

/// A row of `engine_check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Name of the invariant.
    pub kind: String,
    /// The run that violates it, if there is one.
    pub run_id: Option<String>,
    /// The violation, in words.
    pub detail: String,
}

impl Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.run_id {
            Some(run_id) => write!(f, "{} of run {run_id}: {}", self.kind, self.detail),
            None => write!(f, "{}: {}", self.kind, self.detail),
        }
    }
}

async fn violations(client: &Client) -> Result<Vec<Violation>> {
    let sql = "select kind, run_id, detail from engine_check() order by kind, run_id, detail";
    let rows = client.query(sql, &[]).await?;
    let violation = |row: &tokio_postgres::Row| Violation {
        kind: row.get(0),
        run_id: row.get(1),
        detail: row.get(2),
    };
    Ok(rows.iter().map(violation).collect())
}

impl Session {
    /// The result of `engine_check`.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn violations(&self) -> Result<Vec<Violation>> {
        violations(&self.client).await
    }

    /// Requires that `engine_check` finds nothing. Databases of the shared server are checked when their test is over;
    /// a test with a server of its own calls this.
    ///
    /// # Errors
    /// If it finds something; the error lists it.
    pub async fn check(&self) -> Result<()> {
        let found: Vec<String> = self
            .violations()
            .await?
            .iter()
            .map(Violation::to_string)
            .collect();
        ensure!(
            found.is_empty(),
            "engine_check finds:\n{}",
            found.join("\n")
        );
        Ok(())
    }

    /// Exempts this database from the check at the end of its test, for a test that breaks tables.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn broken_on_purpose(&self) -> Result<()> {
        let sql = "select format('comment on database %I is %L', current_database(), $1::text)";
        let comment: String = self
            .client
            .query_one(sql, &[&BROKEN_ON_PURPOSE])
            .await?
            .get(0);
        Ok(self.client.batch_execute(&comment).await?)
    }

    /// Every row of the engine's tables, in a fixed order: two results are equal if and only if nothing has changed in
    /// between.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn contents(&self) -> Result<Vec<String>> {
        let tables = "select format('select %L || '' '' || to_jsonb(t)::text from engine.%I as t', relname, relname) \
                      from pg_class where relnamespace = 'engine'::regnamespace and relkind = 'r' order by relname";
        let reads = self.client.query(tables, &[]).await?;
        let reads: Vec<String> = reads.iter().map(|row| row.get(0)).collect();
        let sql = format!("{} order by 1", reads.join(" union all "));
        let rows = self.client.query(&sql, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

/// The findings of `engine_check` in the databases of tests that are over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Number of databases checked.
    pub checked: u64,
    /// Number of databases skipped because a test breaks them.
    pub broken_on_purpose: u64,
    /// The findings: a database and its violations, or the reason why it could not be checked.
    pub found: Vec<(String, Vec<String>)>,
}

impl Sweep {
    /// Checks all databases but templates and `postgres`.
    ///
    /// # Errors
    /// If the server does not run.
    pub async fn of(server: &Server) -> Result<Self> {
        let maintenance = server.connect("postgres").await?;
        Self::below(server, &maintenance, "").await
    }

    /// Checks the databases that the process `pid` created and left behind, and drops them.
    ///
    /// # Errors
    /// If the server does not run.
    pub async fn of_process(server: &Server, pid: u32) -> Result<Self> {
        let maintenance = server.connect("postgres").await?;
        let prefix = database::prefix(pid);
        let sweep = Self::below(server, &maintenance, &prefix).await?;
        for name in databases(&maintenance, &prefix).await? {
            // What the test was doing when it ended may go on for a while.
            let drop = format!("drop database \"{}\" with (force)", name.0);
            maintenance.batch_execute(&drop).await?;
        }
        Ok(sweep)
    }

    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        self.checked += other.checked;
        self.broken_on_purpose += other.broken_on_purpose;
        self.found.extend(other.found);
    }

    /// Checks the databases whose names begin with `prefix`.
    async fn below(server: &Server, maintenance: &Client, prefix: &str) -> Result<Self> {
        let mut sweep = Self::default();
        for (database, is_broken) in databases(maintenance, prefix).await? {
            if is_broken {
                sweep.broken_on_purpose += 1;
                continue;
            }
            sweep.checked += 1;
            let found = match check(server, &database).await {
                Ok(violations) => violations.iter().map(Violation::to_string).collect(),
                Err(error) => vec![format!("{error:#}")],
            };
            if !found.is_empty() {
                sweep.found.push((database, found));
            }
        }
        Ok(sweep)
    }
}

/// Databases of tests, and whether they are broken on purpose.
async fn databases(maintenance: &Client, prefix: &str) -> Result<Vec<(String, bool)>> {
    let sql = "select d.datname, coalesce(shobj_description(d.oid, 'pg_database') = $1, false) \
               from pg_database as d \
               where d.datallowconn and not d.datistemplate and d.datname <> 'postgres' and starts_with(d.datname, $2) \
               order by d.datname";
    let rows = maintenance
        .query(sql, &[&BROKEN_ON_PURPOSE, &prefix])
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn check(server: &Server, database: &str) -> Result<Vec<Violation>> {
    let client = server.connect(database).await?;
    violations(&client).await.context("cannot be checked")
}
