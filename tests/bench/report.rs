//! What one command measured, on one machine: the JSON file, the HTML page, the heading.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use engine_harness::{Cluster, Workspace};
use serde_json::{Map, Value, json};

use super::html;
use super::machine::Machine;
use super::trial::Outcome;

/// All results of one command. Results of another one, perhaps of another machine, never come into it.
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) command: String,
    pub(super) started_at: String,
    pub(super) seed: u64,
    pub(super) chapters: Vec<Chapter>,
}

/// The results of a suite.
pub(super) struct Chapter {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) notes: Vec<String>,
    pub(super) tables: Vec<Table>,
}

/// Variants under the same conditions.
pub(super) struct Table {
    pub(super) conditions: String,
    /// The variant that the others are compared with.
    pub(super) base: Option<&'static str>,
    pub(super) outcomes: Vec<Outcome>,
}

impl Chapter {
    pub(super) fn new(name: &'static str, about: &'static str, outcomes: Vec<Outcome>) -> Self {
        let mut tables: Vec<Table> = Vec::new();
        for outcome in outcomes {
            let conditions = outcome.conditions.clone();
            match tables
                .iter_mut()
                .find(|table| table.conditions == conditions)
            {
                Some(table) => table.outcomes.push(outcome),
                None => tables.push(Table {
                    conditions,
                    base: None,
                    outcomes: vec![outcome],
                }),
            }
        }
        Self {
            name,
            about,
            notes: Vec::new(),
            tables,
        }
    }

    pub(super) fn noting(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }

    pub(super) fn compared_with(mut self, variant: &'static str) -> Self {
        for table in &mut self.tables {
            table.base = Some(variant);
        }
        self
    }
}

impl Report {
    pub(super) async fn begin(cluster: &Cluster, workspace: &Workspace, seed: u64) -> Result<Self> {
        let session = cluster.connect().await?;
        let sql = r#"select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24-MI-SS"Z"')"#;
        let arguments: Vec<String> = env::args().skip(1).collect();
        Ok(Self {
            machine: Machine::read(cluster, workspace).await?,
            command: format!("cargo xtask bench {}", arguments.join(" ")),
            started_at: session.query_one(sql, &[]).await?.get(0),
            seed,
            chapters: Vec::new(),
        })
    }

    /// The facts that every figure belongs to.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let machine = &self.machine;
        let settings = |is_default: bool| {
            let mut chosen: Vec<String> = Vec::new();
            for setting in &machine.settings {
                if setting.is_default == is_default {
                    chosen.push(format!("{} = {}", setting.name, setting.value));
                }
            }
            chosen.join(", ")
        };
        vec![
            ("command", self.command.clone()),
            ("order", format!("--seed {}", self.seed)),
            ("begun", self.started_at.clone()),
            ("engine", machine.revision.clone()),
            ("server", machine.postgres.clone()),
            (
                "machine",
                format!(
                    "{}, {} cores, {} MB, Linux {}, fdatasync of 8 kB {:.3} ms",
                    machine.cpu,
                    machine.cores,
                    machine.memory_mb,
                    machine.kernel,
                    machine.fdatasync_ms
                ),
            ),
            ("settings that were changed", settings(false)),
            ("settings as Postgres has them", settings(true)),
        ]
    }

    pub(super) fn heading(&self) -> String {
        let mut text = String::from("# Benchmark\n");
        for (name, fact) in self.facts() {
            text.push_str(&format!("\n- {name}: {fact}"));
        }
        text
    }

    /// Writes the files of this report, named by its beginning.
    pub(super) fn write(&self, directory: &Path) -> Result<[PathBuf; 2]> {
        fs::create_dir_all(directory)?;
        let path = |extension| directory.join(format!("{}.{extension}", self.started_at));
        let (json, html) = (path("json"), path("html"));
        fs::write(&json, serde_json::to_string_pretty(&self.json())?)
            .with_context(|| format!("cannot write {}", json.display()))?;
        fs::write(&html, html::page(self)?)
            .with_context(|| format!("cannot write {}", html.display()))?;
        Ok([json, html])
    }

    fn json(&self) -> Value {
        json!({
            "command": self.command,
            "seed": self.seed,
            "started_at": self.started_at,
            "machine": self.machine,
            "suites": self.chapters.iter().map(chapter_json).collect::<Vec<_>>(),
        })
    }
}

fn chapter_json(chapter: &Chapter) -> Value {
    let table = |table: &Table| {
        json!({
            "conditions": table.conditions,
            "variants": table.outcomes.iter().map(outcome_json).collect::<Vec<_>>(),
        })
    };
    json!({
        "suite": chapter.name,
        "about": chapter.about,
        "notes": chapter.notes,
        "tables": chapter.tables.iter().map(table).collect::<Vec<_>>(),
    })
}

fn outcome_json(outcome: &Outcome) -> Value {
    let mut figures = Map::new();
    for figure in outcome.figures() {
        let figures_of_trials = json!({
            "spread": outcome.spread(figure),
            "trials": outcome.values(figure),
        });
        figures.insert(figure.name.to_owned(), figures_of_trials);
    }
    let invalid: Vec<&String> = outcome.invalid().collect();
    let series: Vec<_> = outcome.valid().map(|trial| &trial.series).collect();
    json!({
        "variant": outcome.variant,
        "trials": outcome.trials.len(),
        "invalid": invalid,
        "figures": figures,
        "waits": outcome.waits(),
        "series": series,
    })
}
