//! The table of the sweep.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::audit::Found;

/// What was killed so far, by point.
#[derive(Default)]
pub struct Tally {
    points: BTreeMap<String, Row>,
    /// Runs of all rounds.
    pub runs: i64,
    /// Tokens that handlers have written.
    pub effects: i64,
}

#[derive(Clone, Copy, Default)]
struct Row {
    kills: u64,
    /// Runs that had not ended when it was killed.
    runs: i64,
    found: [u64; 3],
}

impl Row {
    fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.runs += other.runs;
        for (sum, found) in self.found.iter_mut().zip(other.found) {
            *sum += found;
        }
    }
}

impl Tally {
    /// Adds a kill, with the runs that were in flight.
    pub fn killed(&mut self, point: &str, runs: i64) {
        let row = self.points.entry(point.to_owned()).or_default();
        row.add(Row {
            kills: 1,
            runs,
            ..Row::default()
        });
    }

    /// Adds what was found after it.
    pub fn found(&mut self, point: &str, found: &Found) {
        let row = self.points.entry(point.to_owned()).or_default();
        let counts = [&found.lost, &found.doubled, &found.violations];
        row.add(Row {
            found: counts.map(|found| found.len() as u64),
            ..Row::default()
        });
    }

    pub fn kills(&self) -> u64 {
        self.points.values().map(|row| row.kills).sum()
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sums: BTreeMap<&str, Row> = BTreeMap::new();
        let mut all = Row::default();
        for (point, row) in &self.points {
            // A point of a call is `call: point`.
            let kind = point
                .split_once(": ")
                .map_or(point.as_str(), |(_, kind)| kind);
            sums.entry(kind).or_default().add(*row);
            all.add(*row);
        }
        writeln!(
            f,
            "| point | kills | runs in flight | lost | doubled | violations |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for (point, row) in &self.points {
            if point.contains(": ") {
                write_row(f, point, *row)?;
            }
        }
        for (kind, row) in sums {
            write_row(f, kind, row)?;
        }
        write_row(f, "all", all)?;
        writeln!(f, "{} runs, {} tokens of handlers", self.runs, self.effects)
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, name: &str, row: Row) -> fmt::Result {
    let [lost, doubled, violations] = row.found;
    let (kills, runs) = (row.kills, row.runs);
    writeln!(
        f,
        "| {name} | {kills} | {runs} | {lost} | {doubled} | {violations} |"
    )
}
