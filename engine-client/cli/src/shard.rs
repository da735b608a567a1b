//! `engine shard`: what the database does with shards.

mod add;
mod list;
mod moving;
mod right;
mod split;
mod version;

use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

#[derive(Subcommand)]
pub enum Command {
    /// List shards that have environments here, or that are not served
    List(list::Arguments),
    /// Make an empty database a node, to which shards can be moved
    Add(add::Arguments),
    /// Propose which shards to move to other nodes, so that all have about the same to do
    Split(split::Arguments),
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
        Command::Add(add) => add::run(&session, output, &add).await,
        Command::Split(split) => split::run(&session, output, &split).await,
        Command::Move(arguments) => moving::run(session, connection, output, &arguments).await,
    }
}
