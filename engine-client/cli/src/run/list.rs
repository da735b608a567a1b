//! `engine runs list`.

use std::process::ExitCode;

use clap::Args;

use super::filter::{Filter, Page};
use super::reach::Reach;
use crate::failure::Failure;
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

    #[command(flatten)]
    reach: Reach,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let page = Page {
        before: arguments.reach.before.as_ref(),
        limit: Some(arguments.limit),
        budget: Some(arguments.reach.budget),
        ..Page::default()
    };
    let rows = arguments.filter.find(session, &page).await?;
    arguments.reach.print(output, rows, COLUMNS, "no runs")
}
