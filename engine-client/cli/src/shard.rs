//! `engine shard`: what the database does with shards.

use std::process::ExitCode;

use clap::{Args, Subcommand};
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

#[derive(Subcommand)]
pub enum Command {
    /// List shards that have environments here, or that are not served
    List(ListArguments),
}

#[derive(Args)]
pub struct ListArguments {
    /// The others that are served as well
    #[arg(long)]
    all: bool,
}

pub async fn run(session: &Session, output: Output, command: Command) -> Result<ExitCode, Failure> {
    let Command::List(list) = command;
    let parameters = [(&list.all as _, Type::BOOL)];
    let rows = session.rows(statement::SHARD_LIST, &parameters).await?;
    output.rows(rows, COLUMNS, "no shards")?;
    Ok(ExitCode::SUCCESS)
}
