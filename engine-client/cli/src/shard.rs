//! `engine shard`: what the database does with shards.

mod list;
mod moving;

use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

#[derive(Subcommand)]
pub enum Command {
    /// List shards that have environments here, or that are not served
    List(list::Arguments),
    /// Move a shard to another database, while work goes on; go on with a move that was interrupted, or give it up
    Move(Box<moving::Arguments>),
}

/// `connection` is the string by which the session has connected.
pub async fn run(
    session: Session,
    connection: &str,
    output: Output,
    command: Command,
) -> Result<ExitCode, Failure> {
    match command {
        Command::List(list) => list::run(&session, output, &list).await,
        Command::Move(arguments) => moving::run(session, connection, output, &arguments).await,
    }
}
