//! `engine audit`: what people did.

use std::process::ExitCode;

use clap::Args;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form};

const COLUMNS: &[Column] = &[
    Column::new("when", "acted_at", Form::Moment),
    Column::new("who", "actor", Form::Text),
    Column::new("role", "role", Form::Text),
    Column::new("action", "action", Form::Text),
    Column::new("about", "about", Form::Text),
];

/// This command names the user of the system for it, or ENGINE_ACTOR.
#[derive(Args)]
pub struct Arguments {
    /// Most actions to list
    #[arg(long, short, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let parameters = [(&arguments.limit as _, Type::INT8)];
    let rows = session.rows(statement::AUDIT_LIST, &parameters).await?;
    output.rows(rows, COLUMNS, "nothing was done yet")?;
    Ok(ExitCode::SUCCESS)
}
