//! Cases, their trials, and the order in which they come.

use std::fmt::Display;

use anyhow::Result;
use engine_harness::progress;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::Serialize;

use super::figure::{Figure, Spread};

/// One measurement.
#[derive(Clone, Debug, Default)]
pub(super) struct Trial {
    pub(super) figures: Vec<(Figure, f64)>,
    /// The activity of the load's sessions: shares of all observations.
    pub(super) waits: Vec<(String, f64)>,
    pub(super) series: Vec<Series>,
    /// Why it must not be counted.
    pub(super) invalid: Option<String>,
}

/// A figure in the course of one trial.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Series {
    pub(super) name: String,
    /// Seconds since the start, and the value.
    pub(super) points: Vec<(f64, f64)>,
}

impl Series {
    pub(super) fn new(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points,
        }
    }
}

/// How many sessions, in words.
pub(super) fn clients(count: usize) -> String {
    match count {
        1 => "1 client".to_owned(),
        count => format!("{count} clients"),
    }
}

/// A variant under certain conditions: it is compared with other variants under the same conditions.
pub(super) trait Case: Clone {
    fn conditions(&self) -> String;
    fn variant(&self) -> String;
}

/// All trials of one case.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) conditions: String,
    pub(super) variant: String,
    pub(super) trials: Vec<Trial>,
}

impl Outcome {
    pub(super) fn valid(&self) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(|trial| trial.invalid.is_none())
    }

    /// Why trials do not count.
    pub(super) fn invalid(&self) -> impl Iterator<Item = &String> {
        self.trials
            .iter()
            .filter_map(|trial| trial.invalid.as_ref())
    }

    /// The measured figures, in the order of the report.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let first = self.valid().next();
        let figures = first.map(|trial| trial.figures.iter().map(|(figure, _)| *figure));
        figures.into_iter().flatten().collect()
    }

    /// A figure of each valid trial.
    pub(super) fn values(&self, figure: Figure) -> Vec<f64> {
        let of_trial = |trial: &Trial| {
            let mut figures = trial.figures.iter();
            figures
                .find(|(found, _)| *found == figure)
                .map(|(_, value)| *value)
        };
        self.valid().filter_map(of_trial).collect()
    }

    pub(super) fn spread(&self, figure: Figure) -> Option<Spread> {
        Spread::of(self.values(figure))
    }

    /// Mean shares over the valid trials, largest first.
    pub(super) fn waits(&self) -> Vec<(String, f64)> {
        let mut sums: Vec<(String, f64)> = Vec::new();
        let trials = self.valid().count().max(1) as f64;
        for (name, share) in self.valid().flat_map(|trial| &trial.waits) {
            match sums.iter_mut().find(|(found, _)| found == name) {
                Some((_, sum)) => *sum += share / trials,
                None => sums.push((name.clone(), share / trials)),
            }
        }
        sums.sort_by(|a, b| b.1.total_cmp(&a.1));
        sums
    }
}

/// Runs a trial of every case, in a random order, and all of that `repeat` times.
pub(super) async fn interleave<C: Case>(
    cases: &[C],
    repeat: u64,
    order: &mut StdRng,
    mut trial: impl AsyncFnMut(&C) -> Result<Trial>,
) -> Result<Vec<Outcome>> {
    let outcome = |case: &C| Outcome {
        conditions: case.conditions(),
        variant: case.variant(),
        trials: Vec::new(),
    };
    let mut outcomes: Vec<Outcome> = cases.iter().map(outcome).collect();
    let total = cases.len() as u64 * repeat;
    let mut count = 0;
    for _ in 0..repeat {
        let mut indexes: Vec<usize> = (0..cases.len()).collect();
        indexes.shuffle(order);
        for index in indexes {
            let trial = trial(&cases[index]).await?;
            count += 1;
            let outcome = &mut outcomes[index];
            say(count, total, outcome, &trial);
            outcome.trials.push(trial);
        }
    }
    Ok(outcomes)
}

fn say(count: impl Display, total: impl Display, outcome: &Outcome, trial: &Trial) {
    let first = match (&trial.invalid, trial.figures.first()) {
        (Some(why), _) => format!("INVALID: {why}"),
        (None, Some((figure, value))) => format!("{}: {}", figure.name, figure.format(*value)),
        (None, None) => String::new(),
    };
    let (conditions, variant) = (&outcome.conditions, &outcome.variant);
    progress::say(format!("{count}/{total} {variant}, {conditions}: {first}"));
}
