//! `engine runs …`.

mod bulk;
mod cancel;
pub mod errors;
mod filter;
mod list;
mod reach;
mod redrive;
mod replay;
mod reschedule;
mod selection;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

pub use bulk::runs_of;
pub use selection::confirm;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

#[derive(Subcommand)]
pub enum Command {
    /// List runs, newest first
    List(list::Arguments),
    /// List failures by task and error, the most frequent first
    Errors(errors::Arguments),
    /// Show everything about a run, with its history
    Show(show::Arguments),
    /// Cancel runs: those that are named, or all that match and have not ended
    Cancel(cancel::Arguments),
    /// Do the work of runs again, as new runs: of those that are named, or of all that match and have ended
    Replay(replay::Arguments),
    /// Put runs back into their queues that neither their handler nor a cancel ended
    Redrive(redrive::Arguments),
    /// Move the due time of a delayed run
    Reschedule(reschedule::Arguments),
}

pub async fn run(session: &Session, output: Output, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List(list) => list::run(session, output, &list).await,
        Command::Errors(errors) => errors::run(session, output, &errors).await,
        Command::Show(show) => show::run(session, output, &show).await,
        Command::Cancel(cancel) => cancel::run(session, output, &cancel).await,
        Command::Replay(replay) => replay::run(session, output, &replay).await,
        Command::Redrive(redrive) => redrive::run(session, output, &redrive).await,
        Command::Reschedule(reschedule) => reschedule::run(session, output, &reschedule).await,
    }
}
