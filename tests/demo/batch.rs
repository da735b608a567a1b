//! The runs, one per file, as stored in the database.

use std::ops::AddAssign;
use std::time::Duration;

use anyhow::{Result, ensure};
use engine_client::{Engine, RunId, Trigger};
use tokio_postgres::Client;

use super::listing::{JsonPath, Listing};

/// The task of every run.
pub const TASK: &str = "digest";

/// Most runs of one call of `engine_trigger_many`.
const MOST_AT_ONCE: usize = 1000;

/// How soon a silent worker is noticed: short, so that a recovery can be watched.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// The workers that execute a run, each with the number of runs that it holds, including those not started yet.
const HELD: &str = "\
    select n.worker_id as name, count(*) as runs \
    from engine.heartbeat as h \
    join engine.history as n on n.shard = h.shard and n.run_id = h.run_id and n.id = h.snapshot_id \
    where n.worker_id is not null \
    group by n.worker_id \
    having bool_or(n.execution_status = 'EXECUTING')";

/// Applies the settings that the first worker of the database `name` needs.
pub async fn set_heartbeats(client: &Client, name: &str) -> Result<()> {
    let ms = HEARTBEAT.as_millis();
    for setting in ["heartbeat_pending_executing_ms", "heartbeat_executing_ms"] {
        client
            .batch_execute(&format!(
                r#"alter database "{name}" set engine.{setting} = '{ms}'"#
            ))
            .await?;
    }
    Ok(())
}

/// Triggers a run for each file, and returns the runs in the order of the files.
pub async fn trigger(client: &Client, listing: &Listing) -> Result<Vec<RunId>> {
    let engine = Engine::new(client);
    let mut runs = Vec::with_capacity(listing.files.len());
    for files in listing.files.chunks(MOST_AT_ONCE) {
        let triggers = files
            .iter()
            .map(|file| {
                Trigger::new(TASK)
                    .max_attempts(3)
                    .payload(&JsonPath::of(&file.path))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let triggered = engine.trigger_many(&triggers).await?;
        ensure!(
            triggered.len() == files.len(),
            "{} runs for {} files",
            triggered.len(),
            files.len()
        );
        runs.extend(triggered.into_iter().map(|run| run.run_id));
    }
    Ok(runs)
}

/// Progress of the runs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    pub finished: usize,
    /// Dequeued and not finished.
    pub held: usize,
    /// Attempts that were started.
    pub attempts: usize,
    /// How often a run was requeued because its worker was silent.
    pub recovered: usize,
}

impl AddAssign for Standing {
    fn add_assign(&mut self, other: Self) {
        self.finished += other.finished;
        self.held += other.held;
        self.attempts += other.attempts;
        self.recovered += other.recovered;
    }
}

/// Of a shard that another database serves, what is left here does not count.
pub async fn standing(client: &Client) -> Result<Standing> {
    let sql = "with away as (select shard from engine.shard_state where state = 'AWAY') \
               select count(*) filter (where s.execution_status = 'FINISHED'), \
                      (select count(*) from engine.heartbeat as h where h.shard not in (table away)), \
                      coalesce(sum(s.attempt_number), 0)::bigint, \
                      coalesce(sum(s.queue_attempts), 0)::bigint \
               from engine.run_state as s where s.shard not in (table away)";
    let row = client.query_one(sql, &[]).await?;
    let count = |column| usize::try_from(row.get::<_, i64>(column));
    Ok(Standing {
        finished: count(0)?,
        held: count(1)?,
        attempts: count(2)?,
        recovered: count(3)?,
    })
}

/// The worker that holds the most runs, if any run is executed.
pub async fn busiest_worker(client: &Client) -> Result<Option<String>> {
    let sql = format!("select w.name from ({HELD}) as w order by w.runs desc, w.name limit 1");
    let row = client.query_opt(&sql, &[]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Number of runs that this worker holds; 0 also if it executes none of them.
pub async fn runs_held_by(client: &Client, worker: &str) -> Result<i64> {
    let sql = format!("select w.runs from ({HELD}) as w where w.name = $1");
    let row = client.query_opt(&sql, &[&worker]).await?;
    Ok(row.map_or(0, |row| row.get(0)))
}

/// Whether the server has nothing left to do for this worker.
pub async fn is_served(client: &Client, worker: &str) -> Result<bool> {
    let sql = "select not exists (select from pg_stat_activity as a \
               where a.application_name = $1 and a.state <> 'idle')";
    Ok(client.query_one(sql, &[&worker]).await?.get(0))
}
