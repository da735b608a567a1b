//! `engine runs errors`.

use std::process::ExitCode;

use clap::Args;
use engine_client::RunId;
use tokio_postgres::types::{Json, Type};

use super::reach::{Reach, take_end};
use crate::conditions::{Conditions, moment};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form, Row};

/// Failures by task and error.
pub const COLUMNS: &[Column] = &[
    Column::new("failures", "count", Form::Count),
    Column::new("task", "task", Form::Text),
    Column::new("status", "run_status", Form::Status),
    Column::new("code", "error_code", Form::Text),
    Column::new("error", "error", Form::Text),
    Column::new("last", "last_at", Form::Moment),
    Column::new("last run", "last_run_id", Form::Text),
];

/// Failures that are read for a view that is refreshed.
const RECENT: i64 = 2_000;

#[derive(Args)]
pub struct Arguments {
    /// Only runs of this task
    #[arg(long, short)]
    task: Vec<String>,

    /// Only runs of this queue
    #[arg(long, short)]
    queue: Vec<String>,

    /// Only runs of this environment
    #[arg(long, short)]
    environment: Vec<String>,

    /// Only runs that ended since then: a time, or an age such as 90s, 15m, 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = crate::conditions::moment)]
    since: Option<String>,

    /// Most errors to list
    #[arg(long, short, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,

    #[command(flatten)]
    reach: Reach,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let conditions = Conditions::of_failures(
        &arguments.task,
        &arguments.queue,
        &arguments.environment,
        arguments.since.as_deref(),
    );
    let before = arguments.reach.before.as_ref().map(RunId::as_str);
    let (budget, limit) = (arguments.reach.budget, arguments.limit);
    let rows = find(session, &conditions, before, budget, limit).await?;
    arguments.reach.print(output, rows, COLUMNS, "no failures")
}

/// Failures of the last hour, of the newest that a view that is refreshed may read.
pub async fn recent(
    session: &Session,
    environment: Option<&str>,
    limit: i64,
) -> Result<Vec<Row>, Failure> {
    let environment = environment.map(str::to_owned);
    let since = moment("1h").map_err(|error| Failure::usage(error, ""))?;
    let conditions = Conditions::of_failures(&[], &[], environment.as_slice(), Some(&since));
    let mut rows = find(session, &conditions, None, RECENT, limit).await?;
    take_end(&mut rows);
    Ok(rows)
}

async fn find(
    session: &Session,
    conditions: &Conditions,
    before: Option<&str>,
    budget: i64,
    limit: i64,
) -> Result<Vec<Row>, Failure> {
    let parameters = [
        (&Json(conditions.filter()) as _, Type::JSONB),
        (&before as _, Type::TEXT),
        (&budget as _, Type::INT8),
        (&limit as _, Type::INT8),
    ];
    session.rows(statement::RUN_ERRORS, &parameters).await
}
