//! `engine runs list`.

use std::process::ExitCode;

use clap::Args;
use engine_client::RunId;
use serde_json::json;

use super::filter::{Filter, Page, take_end};
use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::session::Session;
use crate::table::{Column, Form};

const COLUMNS: &[Column] = &[
    Column::new("run", "run_id", Form::Text),
    Column::new("task", "task", Form::Text),
    Column::new("queue", "queue", Form::Text),
    Column::new("status", "run_status", Form::Status),
    Column::new("execution", "execution_status", Form::Status),
    Column::new("attempt", "attempt_number", Form::Count),
    Column::new("age", "age_ms", Form::Span),
    Column::new("created", "created_at", Form::Moment),
    Column::new("error", "error", Form::Text),
];

#[derive(Args)]
#[command(after_help = "\
Statuses: DELAYED, PENDING, PENDING_VERSION, WAITING_FOR_DEPLOY, DEQUEUED, EXECUTING, WAITING_TO_RESUME,
RETRYING_AFTER_FAILURE, PAUSED; and of runs that have ended CANCELED, INTERRUPTED, COMPLETED_SUCCESSFULLY,
COMPLETED_WITH_ERRORS, SYSTEM_FAILURE, CRASHED, EXPIRED, TIMED_OUT.")]
pub struct Arguments {
    #[command(flatten)]
    filter: Filter,

    /// Most runs to list
    #[arg(long, short, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,

    /// Most runs to read
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(i64).range(1..))]
    budget: i64,

    /// Only runs older than this one: the next page
    #[arg(long, value_name = "RUN")]
    before: Option<RunId>,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let page = Page {
        before: arguments.before.as_ref(),
        limit: Some(arguments.limit),
        budget: Some(arguments.budget),
        ..Page::default()
    };
    let mut rows = arguments.filter.find(session, &page).await?;
    let end = take_end(&mut rows);
    output.rows(rows, COLUMNS, "no runs")?;
    tell_end(end, arguments.budget);
    Ok(ExitCode::SUCCESS)
}

/// Says on standard error with which run to continue, if not all were read.
pub fn tell_end(end: Option<String>, budget: i64) {
    if let Some(end) = end {
        let budget = form::count(&json!(budget));
        let end = form::plain(&end);
        eprintln!("read {budget} runs, the newest ones: continue with --before {end}");
    }
}
