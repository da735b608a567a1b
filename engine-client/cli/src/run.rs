//! `engine runs …`.

mod bulk;
mod cancel;
mod filter;
mod list;
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
    /// Show everything about a run, with its history
    Show(show::Arguments),
    /// Cancel runs: those that are named, or all that match and have not ended
    Cancel(cancel::Arguments),
    /// Do the work of runs again, as new runs: of those that are named, or of all that match and have ended
    Replay(replay::Arguments),
    /// Move the due time of a delayed run
    Reschedule(reschedule::Arguments),
}

pub async fn run(session: &Session, output: Output, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List(list) => list::run(session, output, &list).await,
        Command::Show(show) => show::run(session, output, &show).await,
        Command::Cancel(cancel) => cancel::run(session, output, &cancel).await,
        Command::Replay(replay) => replay::run(session, output, &replay).await,
        Command::Reschedule(reschedule) => reschedule::run(session, output, &reschedule).await,
    }
}
