//! `engine retention`.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form};

const COLUMNS: &[Column] = &[
    Column::new("environment", "environment_id", Form::Text),
    Column::new("task", "task", Form::Text),
    Column::new("queue", "queue", Form::Text),
    Column::new("outcome", "outcome", Form::Text),
    Column::new("keep", "keep_ms", Form::Span),
    Column::new("built in", "is_built_in", Form::Flag),
    Column::new("ended runs", "ended_runs", Form::Count),
    Column::new("next removal", "next_removal_at", Form::Moment),
];

pub async fn run(session: &Session, output: Output) -> Result<ExitCode, Failure> {
    let policies = session.rows(statement::RETENTION, &[]).await?;
    output.rows(policies, COLUMNS, "no policies, and no run has ended")?;
    Ok(ExitCode::SUCCESS)
}
