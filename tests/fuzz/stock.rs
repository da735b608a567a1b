//! What exists while the fuzzer runs: ids in every state, for meaningful calls.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use tokio_postgres::Client;

/// Ids, read from the tables from time to time.
#[derive(Default)]
pub struct Stock(Mutex<Shelves>);

#[derive(Default)]
struct Shelves {
    /// Runs with their latest snapshot and an older one, by state.
    runs: Vec<Vec<Run>>,
    waitpoints: Vec<String>,
    batches: Vec<String>,
    schedules: Vec<String>,
    bulk_actions: Vec<String>,
}

/// A run.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: String,
    pub snapshot_id: String,
    pub older_snapshot_id: String,
}

impl Stock {
    /// Reads what exists now: a few of each state, the newest ones.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn fill(&self, client: &Client) -> Result<()> {
        let sql = "select array_agg(run_id), array_agg(snapshot_id), array_agg(coalesce(older, snapshot_id)) from ( \
                       select s.run_id, s.snapshot_id, s.execution_status, s.is_dead_lettered, p.previous_snapshot_id as older, \
                              row_number() over (partition by s.execution_status, s.is_dead_lettered order by s.updated_at desc) as place \
                       from engine.run_state as s \
                       join engine.history as p on p.shard = s.shard and p.run_id = s.run_id and p.ordinal = s.snapshot_ordinal) as r \
                   where place <= 16 group by execution_status, is_dead_lettered";
        let mut runs = Vec::new();
        for row in client.query(sql, &[]).await? {
            let [ids, latest, older]: [Vec<String>; 3] = [row.get(0), row.get(1), row.get(2)];
            let rows = ids.into_iter().zip(latest).zip(older);
            let run = |((id, snapshot_id), older_snapshot_id)| Run {
                id,
                snapshot_id,
                older_snapshot_id,
            };
            runs.push(rows.map(run).collect());
        }
        let newest = async |table: &str| -> Result<Vec<String>> {
            let sql = format!("select id from engine.{table} order by created_at desc limit 32");
            let rows = client.query(&sql, &[]).await?;
            Ok(rows.iter().map(|row| row.get(0)).collect())
        };
        let shelves = Shelves {
            runs,
            waitpoints: newest("waitpoint").await?,
            batches: newest("batch").await?,
            schedules: newest("schedule").await?,
            bulk_actions: newest("bulk_action").await?,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = shelves;
        Ok(())
    }

    /// A run, of any state with equal chances.
    pub fn run(&self, random: &mut StdRng) -> Run {
        self.choose(random, |shelves, random| {
            shelves.runs.choose(random)?.choose(random).cloned()
        })
        .unwrap_or_else(|| Run {
            id: "run_nope".to_owned(),
            snapshot_id: "snapshot_nope".to_owned(),
            older_snapshot_id: "snapshot_nope".to_owned(),
        })
    }

    pub fn waitpoint(&self, random: &mut StdRng) -> String {
        self.choose(random, |shelves, random| {
            shelves.waitpoints.choose(random).cloned()
        })
        .unwrap_or_else(|| "waitpoint_nope".to_owned())
    }

    pub fn batch(&self, random: &mut StdRng) -> String {
        self.choose(random, |shelves, random| {
            shelves.batches.choose(random).cloned()
        })
        .unwrap_or_else(|| "batch_nope".to_owned())
    }

    pub fn schedule(&self, random: &mut StdRng) -> String {
        let known = self.choose(random, |shelves, random| {
            shelves.schedules.choose(random).cloned()
        });
        known.unwrap_or_else(|| format!("schedule-{}", random.random_range(0..3)))
    }

    pub fn bulk_action(&self, random: &mut StdRng) -> String {
        self.choose(random, |shelves, random| {
            shelves.bulk_actions.choose(random).cloned()
        })
        .unwrap_or_else(|| "bulk_nope".to_owned())
    }

    fn choose<T>(
        &self,
        random: &mut StdRng,
        from: impl Fn(&Shelves, &mut StdRng) -> Option<T>,
    ) -> Option<T> {
        from(
            &self.0.lock().unwrap_or_else(PoisonError::into_inner),
            random,
        )
    }
}

impl Run {
    /// The snapshot that its holder names: mostly the latest.
    pub fn held_snapshot(&self, random: &mut StdRng) -> String {
        let is_latest = random.random_bool(0.9);
        let id = if is_latest {
            &self.snapshot_id
        } else {
            &self.older_snapshot_id
        };
        id.clone()
    }
}
