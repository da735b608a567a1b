//! Actions on many runs: which ones, whether really, and how it went.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use engine_client::{Error, RunId};
use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::filter::{Filter, Page};
use crate::failure::{Complaint, Failure};
use crate::form;
use crate::output::Output;
use crate::session::{Row, Session};

/// Calls under way at once, on one connection: the server does them one after the other, and the round trips overlap.
const UNDER_WAY: usize = 64;

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
    /// What the calls returned, in the order of the runs.
    pub rows: Vec<Row>,
    failed: Vec<(RunId, Complaint)>,
}

/// Does `call` for each run, each in a transaction of its own. A run for which the server refuses it does not keep it from
/// the others; a connection that is lost ends it.
pub async fn each<Call>(
    runs: &[RunId],
    action: &Action,
    call: impl Fn(RunId) -> Call,
) -> Result<Outcome, Failure>
where
    Call: Future<Output = Result<Row, Failure>>,
{
    let bar = progress(runs.len(), action.verb);
    let mut outcome = Outcome::default();
    let mut results = stream::iter(runs)
        .map(|run| {
            let call = call(run.clone());
            async move { (run, call.await) }
        })
        .buffered(UNDER_WAY);
    while let Some((run, result)) = results.next().await {
        match result {
            Ok(row) => outcome.rows.push(row),
            Err(Failure::Engine(error)) if is_about_the_run(&error) => {
                outcome.failed.push((run.clone(), Complaint::of(&error)));
            }
            Err(failure) => {
                bar.abandon();
                return Err(failure);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(outcome)
}

/// Whether the next run may fare better.
fn is_about_the_run(error: &Error) -> bool {
    error
        .code()
        .is_some_and(|code| code.code().starts_with("RE"))
}

/// A bar on standard error; where that is no terminal, nothing is drawn.
fn progress(count: usize, verb: &'static str) -> ProgressBar {
    if count < 2 {
        return ProgressBar::hidden();
    }
    let template = "{msg} {wide_bar} {human_pos}/{human_len}  {per_sec}  {eta}";
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
