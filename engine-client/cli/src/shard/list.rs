//! `engine shard list`.

use std::process::ExitCode;

use clap::Args;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form};

const COLUMNS: &[Column] = &[
    Column::new("shard", "shard", Form::Count),
    Column::new("state", "state", Form::Text),
    Column::new("environments", "environments", Form::Count),
    Column::new("place", "place", Form::Text),
];

#[derive(Args)]
pub struct Arguments {
    /// The others that are served as well
    #[arg(long)]
    all: bool,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let parameters = [(&arguments.all as _, Type::BOOL)];
    let rows = session.rows(statement::SHARD_LIST, &parameters).await?;
    output.rows(rows, COLUMNS, "no shards")?;
    Ok(ExitCode::SUCCESS)
}
