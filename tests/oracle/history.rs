//! Plays a history on the real engine and on the oracle, and compares them after every call.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::Result;
use engine_core::{Settings, Timestamp, Transition};
use serde_json::Value;

use crate::answer::{self, Answer};
use crate::call::{Call, LAPSED_AT, WORKER};
use crate::command::{By, Step};
use crate::life::{Context, Minted};
use crate::oracle::Oracle;
use crate::perform::perform;
use crate::read;
use crate::resolve::Scene;
use crate::row::{self, RunRows};
use crate::server::{self, Server};

/// How many histories share the tables before they are emptied: the check reads every run.
const HISTORIES_PER_CLEARING: u64 = 20;

/// Where histories are played, one after the other, each with a worker queue of its own.
pub struct Stage {
    pub server: Server,
    /// The oracle's settings; the time is that of each call.
    pub settings: Settings,
    /// What has been played so far.
    pub played: Played,
    /// Whether the last history ended cleanly. A failed one leaves rows that later ticks would process.
    pub is_clean: bool,
}

/// A summary.
#[derive(Default)]
pub struct Played {
    pub histories: u64,
    pub calls: u64,
    pub refused: u64,
    /// The causes of snapshots.
    pub transitions: BTreeSet<Transition>,
}

/// One history under way.
struct History {
    worker_queue: String,
    oracle: Oracle,
    /// Calls of workers that may be made again, the last one last.
    made: Vec<(By, Call)>,
    /// The calls, for the reader of a failure.
    trace: String,
}

impl Stage {
    /// Plays a history.
    ///
    /// # Errors
    /// The first difference, with all calls up to it.
    pub async fn play(&mut self, steps: &[Step]) -> Result<()> {
        if !self.is_clean || self.played.histories.is_multiple_of(HISTORIES_PER_CLEARING) {
            self.server.clear().await?;
        }
        self.is_clean = false;
        let mut history = History {
            worker_queue: format!("queue-{}", self.played.histories),
            oracle: Oracle::default(),
            made: Vec::new(),
            trace: String::new(),
        };
        self.played.histories += 1;
        if let Err(difference) = self.play_on(&mut history, steps).await {
            anyhow::bail!("{difference:#}, after\n{}", history.trace);
        }
        let lives = history.oracle.lives.values();
        let snapshots = lives.flat_map(|life| &life.rows.snapshots);
        let transitions = snapshots.map(|snapshot| snapshot.transition);
        self.played.transitions.extend(transitions);
        self.is_clean = true;
        Ok(())
    }

    async fn play_on(&mut self, history: &mut History, steps: &[Step]) -> Result<()> {
        for (number, step) in (0..).zip(steps) {
            let Some((by, call)) = history.call(number, step) else {
                continue;
            };
            let _ = self.call(history, by, &call).await?;
            if matches!(step, Step::New(..)) && call.may_be_made_again() {
                history.made.push((by, call));
            }
        }
        // Otherwise the ticks of the next history would find what is due.
        while self
            .call(history, By::Unnamed, &Call::Tick)
            .await?
            .is_ok_and(|rows| has_worked(&rows))
        {}
        let sql = "select to_jsonb(a) from engine_check() as a";
        match self.server.call(sql, &[]).await? {
            Ok(violations) if violations.is_empty() => Ok(()),
            violations => anyhow::bail!("engine_check finds {violations:?}"),
        }
    }

    /// One call, on both sides.
    async fn call(&mut self, history: &mut History, by: By, call: &Call) -> Result<Answer> {
        writeln!(history.trace, "{by:?}: {call:?}")?;
        let before = server::now();
        let worker_queue = &history.worker_queue;
        let answer = perform(&self.server, worker_queue, by.runner(), call).await?;
        let after = server::now();
        let rows = read::rows(&self.server, &history.worker_queue).await?;
        let now = time_of(&history.oracle, &rows, before);
        anyhow::ensure!(
            before <= now && now <= after,
            "the server's time is {now:?}, and the call lasted from {before:?} to {after:?}"
        );
        self.settings.now = now;
        let context = Context {
            settings: &self.settings,
            minted: &minted(&rows),
            worker_id: call.names_worker().then_some(WORKER),
            runner_id: by.runner().filter(|_| call.names_worker()),
        };
        let expected = history.oracle.answer(call, &run_ids(&answer), &context);
        answer::compare(&answer, &expected).map_err(anyhow::Error::msg)?;
        let ours: Vec<&RunRows> = history
            .oracle
            .lives
            .values()
            .map(|life| &life.rows)
            .collect();
        row::compare(&rows, &ours).map_err(anyhow::Error::msg)?;
        self.played.calls += 1;
        self.played.refused += u64::from(answer.is_err());
        Ok(answer)
    }
}

impl History {
    /// The call of a step, and which process makes it; `None` if there is no such call.
    fn call(&self, number: i64, step: &Step) -> Option<(By, Call)> {
        match step {
            Step::New(by, command) => {
                let scene = Scene {
                    oracle: &self.oracle,
                    worker_queue: &self.worker_queue,
                    step: number,
                };
                Some((*by, scene.call(command)?))
            }
            Step::Again(place, by) => {
                let place = usize::from(*place).checked_rem(self.made.len())?;
                let (first, call) = &self.made[self.made.len() - 1 - place];
                Some((by.unwrap_or(*first), call.clone()))
            }
        }
    }
}

/// The time that the server read in a call, from what it wrote; `otherwise` if that is unknown, and then it has changed
/// nothing that depends on it.
fn time_of(oracle: &Oracle, rows: &[RunRows], otherwise: Timestamp) -> Timestamp {
    let written = rows.iter().find_map(|run| {
        let known = oracle.lives.get(&run.run_id).map(|life| &life.rows);
        let count = known.map_or(0, |known| known.snapshots.len());
        let snapshot = run.snapshots.get(count);
        let beat = run.deadline.as_ref().filter(|deadline| {
            let known = known.and_then(|known| known.deadline.as_ref());
            let is_moved = known.is_some_and(|known| known.deadline_at != deadline.deadline_at);
            is_moved && deadline.deadline_at != LAPSED_AT
        });
        let beat_at = beat.map(|deadline| deadline.deadline_at.plus_ms(-deadline.interval_ms));
        snapshot.map(|snapshot| snapshot.created_at).or(beat_at)
    });
    written.unwrap_or(otherwise)
}

fn minted(rows: &[RunRows]) -> Minted {
    let mut minted = Minted::new();
    for run in rows {
        for (ordinal, snapshot) in (1..).zip(&run.snapshots) {
            minted.insert((run.run_id.clone(), ordinal), snapshot.id.clone());
        }
    }
    minted
}

fn run_ids(answer: &Answer) -> Vec<String> {
    let rows = answer.as_deref().unwrap_or_default();
    let run_id = |row: &Value| row["run_id"].as_str().map(str::to_owned);
    rows.iter().filter_map(run_id).collect()
}

fn has_worked(rows: &[Value]) -> bool {
    rows.iter().any(|row| row["processed"] != 0)
}
