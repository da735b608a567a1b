//! `engine workers`: which versions are there, and who works.

use std::process::ExitCode;

use clap::Args;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form, Row};

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

/// Workers that hold runs, or are ready to.
pub const HELD_COLUMNS: &[Column] = &[
    Column::new("worker", "worker", Form::Text),
    Column::new("runs", "runs", Form::Count),
    Column::new("of", "capacity", Form::Count),
    Column::new("late", "late", Form::Count),
    Column::new("last beat", "beat_age_ms", Form::Span),
    Column::new("longest", "longest_ms", Form::Span),
];

/// Most workers to list.
const MOST: i64 = 500;

#[derive(Args)]
pub struct Arguments {
    /// Only this environment
    #[arg(long, short)]
    environment: Option<String>,

    /// List the workers that are there now, with the runs that each holds, how many it can hold, and its last beat
    #[arg(long)]
    busy: bool,
}

pub async fn workers(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let environment = arguments.environment.as_deref();
    if arguments.busy {
        let rows = held(session, environment, MOST).await?;
        output.rows(rows, HELD_COLUMNS, "no worker is there")?;
        return Ok(ExitCode::SUCCESS);
    }
    let parameters = [(&environment as _, Type::TEXT)];
    let rows = session.rows(statement::WORKER_LIST, &parameters).await?;
    output.rows(rows, WORKER_COLUMNS, "no workers")?;
    Ok(ExitCode::SUCCESS)
}

/// The workers that hold runs, or are ready to, those that are late first.
pub async fn held(
    session: &Session,
    environment: Option<&str>,
    limit: i64,
) -> Result<Vec<Row>, Failure> {
    let parameters = [(&environment as _, Type::TEXT), (&limit as _, Type::INT8)];
    session.rows(statement::WORKER_HELD, &parameters).await
}
