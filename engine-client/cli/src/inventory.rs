//! `engine schedules`, `engine workers`: what is there.

use std::process::ExitCode;

use clap::Args;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form};

const SCHEDULE_COLUMNS: &[Column] = &[
    Column::new("schedule", "id", Form::Text),
    Column::new("task", "task", Form::Text),
    Column::new("environment", "environment_id", Form::Text),
    Column::new("cron", "cron", Form::Text),
    Column::new("zone", "timezone", Form::Text),
    Column::new("next", "next_at", Form::Moment),
    Column::new("last run", "last_run_id", Form::Text),
    Column::new("paused", "is_paused", Form::Flag),
    Column::new("last error", "last_error", Form::Text),
];

const WORKER_COLUMNS: &[Column] = &[
    Column::new("environment", "environment_id", Form::Text),
    Column::new("version", "version", Form::Text),
    Column::new("current", "is_current", Form::Flag),
    Column::new("tasks", "tasks", Form::Count),
    Column::new("queues", "queues", Form::Count),
    Column::new("running", "running", Form::Count),
    Column::new("overdue", "overdue", Form::Count),
    Column::new("registered", "registered_at", Form::Moment),
];

#[derive(Args)]
pub struct Arguments {
    /// Only this environment
    #[arg(long, short)]
    environment: Option<String>,
}

pub async fn schedules(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let parameters = [(&arguments.environment as _, Type::TEXT)];
    let rows = session.rows(statement::SCHEDULE_LIST, &parameters).await?;
    output.rows(rows, SCHEDULE_COLUMNS, "no schedules")?;
    Ok(ExitCode::SUCCESS)
}

pub async fn workers(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let parameters = [(&arguments.environment as _, Type::TEXT)];
    let rows = session.rows(statement::WORKER_LIST, &parameters).await?;
    output.rows(rows, WORKER_COLUMNS, "no workers")?;
    Ok(ExitCode::SUCCESS)
}
