//! Actions on many runs, and their outcomes.

use std::process::ExitCode;

use engine_client::{Error, RunId};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::failure::{Complaint, Failure};
use crate::form;
use crate::output::Output;
use crate::table::Row;

/// Runs per statement, and so per commit: few enough not to block other sessions for long, enough to share
/// flushes.
const TOGETHER: usize = 50;

/// What is done to each run.
pub struct Action {
    /// As in "cancel 3 runs".
    pub verb: &'static str,
    /// Whether it is for runs that have ended, or for the others.
    pub is_finished: bool,
}

/// Formats a number of runs.
pub fn runs_of(count: usize) -> String {
    let number = form::count(&json!(count));
    let plural = if count == 1 { "" } else { "s" };
    format!("{number} run{plural}")
}

/// The outcome of an action on many runs.
#[derive(Default)]
pub struct Outcome {
    /// What the calls returned.
    pub rows: Vec<Row>,
    failed: Vec<(RunId, Complaint)>,
    /// The failure that ended it early.
    end: Option<Failure>,
}

/// Does `call` for all runs, some at a time, in the order of their ids, which is the order of locks. If the server
/// refuses it for one of them, they are tried one by one: the others are not affected. Any other error ends it.
pub async fn each<Call>(
    mut runs: Vec<RunId>,
    action: &Action,
    call: impl Fn(Vec<String>) -> Call,
) -> Outcome
where
    Call: Future<Output = Result<Vec<Row>, Failure>>,
{
    runs.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    runs.dedup();
    let bar = progress(runs.len(), action.verb);
    let mut outcome = Outcome::default();
    for together in runs.chunks(TOGETHER) {
        if let Err(failure) = outcome.add(together, &call).await {
            outcome.end = Some(failure);
            break;
        }
        bar.inc(together.len() as u64);
    }
    bar.finish_and_clear();
    outcome
}

/// Whether the other runs may succeed: the engine's own conditions, a payload over the present limit, and a
/// deadlock, after which nothing was changed.
fn is_about_a_run(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        let code = code.code();
        code.starts_with("RE") || code == "54000" || code == "40P01"
    })
}

/// A bar on standard error; without a terminal, nothing is drawn.
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
    async fn add<Call>(
        &mut self,
        runs: &[RunId],
        call: &impl Fn(Vec<String>) -> Call,
    ) -> Result<(), Failure>
    where
        Call: Future<Output = Result<Vec<Row>, Failure>>,
    {
        match call(runs.iter().map(RunId::friendly).collect()).await {
            Ok(rows) => self.rows.extend(rows),
            Err(Failure::Engine(error)) if is_about_a_run(&error) => {
                for run in runs {
                    match call(vec![run.friendly()]).await {
                        Ok(rows) => self.rows.extend(rows),
                        Err(Failure::Engine(error)) if is_about_a_run(&error) => {
                            self.failed.push((run.clone(), Complaint::of(&error)));
                        }
                        Err(failure) => return Err(failure),
                    }
                }
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// Prints the outcome: `summary` in words, or everything as JSON with the additional `facts`. It failed if it
    /// failed for a run, or if a failure ended it early.
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
        if let Some(failure) = self.end {
            return Err(failure);
        }
        Ok(if is_success {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
