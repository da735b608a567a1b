//! A session that calls everything, in an order that its seed gives.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;

use crate::journal::Journal;
use crate::line::{Line, Row};

/// How many of the ids that it has seen a session remembers.
const REMEMBERED: usize = 40;

pub struct Caller {
    pub line: Line,
    pub name: String,
    pub rng: StdRng,
    pub journal: Arc<Journal>,
    /// Runs that it has triggered.
    pub runs: Vec<String>,
    /// The ends that its next turn reports, and the number of that turn.
    pub ends: Vec<String>,
    pub turn: u32,
}

impl Caller {
    pub fn new(database: &str, name: String, seed: u64, journal: &Arc<Journal>) -> Self {
        Self {
            line: Line::new(database, &name, journal),
            name,
            rng: StdRng::seed_from_u64(seed),
            journal: Arc::clone(journal),
            runs: Vec::new(),
            ends: Vec::new(),
            turn: 0,
        }
    }

    pub async fn run(mut self) {
        loop {
            if self.journal.is_draining() {
                self.finish().await;
            } else {
                self.step().await;
            }
            let pause = self.rng.random_range(0..25);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..8 => self.trigger().await,
            8..10 => self.trigger_many().await,
            10..14 => self.batch().await,
            14..18 => self.waitpoint().await,
            18..26 => self.complete_waitpoint().await,
            26..48 => self.attempt().await,
            48..68 => self.take_turn().await,
            68..78 => self.work_many().await,
            78..84 => self.cancel().await,
            84..88 => self.tick().await,
            _ => self.operate().await,
        }
    }

    /// Does what brings every run to its end.
    async fn finish(&mut self) {
        match self.rng.random_range(0..10) {
            0..3 => self.attempt().await,
            3..7 => self.take_turn().await,
            7 => self.work_many().await,
            8 => self.complete_waitpoint().await,
            _ => self.tick().await,
        }
    }

    pub fn one_in(&mut self, times: u32) -> bool {
        self.rng.random_ratio(1, times)
    }

    pub fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.rng.random_range(0..choices.len())]
    }

    /// A run that this client has triggered.
    pub fn known_run(&mut self) -> Option<String> {
        if self.runs.is_empty() {
            return None;
        }
        let index = self.rng.random_range(0..self.runs.len());
        Some(self.runs[index].clone())
    }

    /// Notes runs that the server has acknowledged; `brief` are those that retention removes soon.
    pub fn acknowledge(&mut self, rows: &[Row], is_brief: bool) {
        let word = if is_brief { "brief" } else { "run" };
        for row in rows {
            let Some(run) = row.get("run_id") else {
                continue;
            };
            // What a key or a debounce has found may have been made with another promise.
            if row.get("is_cached").is_none_or(|cached| cached == "f") {
                self.journal.note(&format!("{word} {run}"));
            }
            if self.runs.len() == REMEMBERED {
                self.runs.remove(0);
            }
            self.runs.push(run.clone());
        }
    }

    /// The ids by which an answer that was lost is asked for again.
    pub fn identity(&self) -> String {
        format!("worker_id => '{}', runner_id => 'r'", self.name)
    }
}
