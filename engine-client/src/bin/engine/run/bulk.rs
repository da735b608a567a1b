//! Actions on many runs: which ones, whether really, and how it went.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use engine_client::{Error, RunId};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::filter::{Filter, Page};
use crate::failure::{Complaint, Failure};
use crate::form;
use crate::output::Output;
use crate::session::{Row, Session};

/// Runs per statement, and so per commit: what holds up nobody for long, and has the disk wait for less.
const TOGETHER: usize = 50;

/// The runs to act on.
#[derive(Args)]
pub struct Selection {
    /// The runs
    #[arg(required_unless_present_any = ["status", "task", "queue", "environment", "tag", "all"])]
    #[arg(conflicts_with_all = ["status", "task", "queue", "environment", "tag", "all", "limit"])]
    runs: Vec<RunId>,

    #[command(flatten)]
    filter: Filter,

    /// All runs
    #[arg(long, conflicts_with_all = ["status", "task", "queue", "environment", "tag"])]
    all: bool,

    /// At most so many of those that match, newest first
    #[arg(long, short, value_parser = clap::value_parser!(i64).range(1..))]
    limit: Option<i64>,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// What is done to each run.
pub struct Action {
    /// As in "cancel 3 runs".
    pub verb: &'static str,
    /// Whether it is for runs that have ended, or for those that have not.
    pub is_finished: bool,
}

impl Selection {
    /// The runs, oldest first, once it is certain that they are meant.
    pub async fn resolve(&self, session: &Session, action: &Action) -> Result<Vec<RunId>, Failure> {
        if self.filter.is_empty() && !self.all {
            return Ok(self.runs.clone());
        }
        let page = Page {
            is_finished: Some(action.is_finished),
            limit: self.limit,
            ..Page::default()
        };
        let found = self.filter.find(session, &page).await?;
        let ids = found.iter().rev().filter_map(|row| row["run_id"].as_str());
        let runs: Vec<RunId> = ids.map(RunId::new).collect();
        if !self.yes && !runs.is_empty() {
            confirm(action.verb, runs.len())?;
        }
        Ok(runs)
    }
}

/// Asks on the terminal whether so many runs are meant.
fn confirm(verb: &str, count: usize) -> Result<(), Failure> {
    let question = format!("{verb} {}", runs_of(count));
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        let hint = "Repeat the command with --yes.";
        return Err(Failure::usage(format!("it would {question}"), hint));
    }
    eprint!("{question}? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::refused(
        "nothing was done",
        "Answer \"y\" to go on.",
    ))
}

/// Three runs, or one.
pub fn runs_of(count: usize) -> String {
    let number = form::count(&json!(count));
    let plural = if count == 1 { "" } else { "s" };
    format!("{number} run{plural}")
}

/// How an action on many runs went.
#[derive(Default)]
pub struct Outcome {
    /// What the calls returned.
    pub rows: Vec<Row>,
    failed: Vec<(RunId, Complaint)>,
}

/// Does `call` for all runs, some at a time, in the order of their ids, which is the order of locks. Where the server refuses it
/// for one of them, they are tried one by one: a refusal does not keep it from the others. Any other error ends it.
pub async fn each<Call>(
    mut runs: Vec<RunId>,
    action: &Action,
    call: impl Fn(Vec<String>) -> Call,
) -> Result<Outcome, Failure>
where
    Call: Future<Output = Result<Vec<Row>, Failure>>,
{
    runs.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    runs.dedup();
    let bar = progress(runs.len(), action.verb);
    let mut outcome = Outcome::default();
    for together in runs.chunks(TOGETHER) {
        let ids = together.iter().map(RunId::friendly).collect();
        match call(ids).await {
            Ok(rows) => outcome.rows.extend(rows),
            Err(Failure::Engine(error)) if is_about_a_run(&error) => {
                for run in together {
                    match call(vec![run.friendly()]).await {
                        Ok(rows) => outcome.rows.extend(rows),
                        Err(Failure::Engine(error)) if is_about_a_run(&error) => {
                            outcome.failed.push((run.clone(), Complaint::of(&error)));
                        }
                        Err(failure) => return Err(failure),
                    }
                }
            }
            Err(failure) => return Err(failure),
        }
        bar.inc(together.len() as u64);
    }
    bar.finish_and_clear();
    Ok(outcome)
}

/// Whether the other runs may fare better: the engine's own conditions, and a payload that is over the limit of today.
fn is_about_a_run(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        let code = code.code();
        code.starts_with("RE") || code == "54000"
    })
}

/// A bar on standard error; where that is no terminal, nothing is drawn.
fn progress(count: usize, verb: &'static str) -> ProgressBar {
    if count <= TOGETHER {
        return ProgressBar::hidden();
    }
    let template = "{msg} {wide_bar} {human_pos}/{human_len}  {eta}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(count as u64)
        .with_style(style)
        .with_message(verb)
}

impl Outcome {
    /// Prints how it went: `summary` in words, or all of it as JSON with what `facts` add. It failed if it did for a run.
    pub fn report(
        self,
        output: Output,
        summary: &str,
        mut facts: Row,
    ) -> Result<ExitCode, Failure> {
        let is_success = self.failed.is_empty();
        if output.is_json() {
            let failed = self.failed.iter();
            let failed = failed.map(
                |(run, complaint)| json!({"run_id": run.friendly(), "error": complaint.to_json()}),
            );
            facts.insert("failed".to_owned(), failed.collect());
            let rows = self.rows.into_iter().map(Value::Object).collect();
            facts.insert("runs".to_owned(), rows);
            output.document(&Value::Object(facts))?;
        } else {
            for (run, complaint) in &self.failed {
                complaint.print(&format!("{}:", form::plain(&run.friendly())));
            }
            output.line(summary)?;
            if !is_success {
                eprintln!("failed for {}", runs_of(self.failed.len()));
            }
        }
        Ok(if is_success {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
