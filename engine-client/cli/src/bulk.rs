//! `engine bulk …`: one action on all runs that match.

mod list;
mod start;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::session::Session;
use crate::statement;

#[derive(Subcommand)]
pub enum Command {
    /// Start an action on all runs that match, which the tick works through
    Start(Box<start::Arguments>),
    /// List bulk actions, the newest first
    List(list::Arguments),
    /// Show a bulk action
    Show(Named),
    /// Stop a bulk action: what it has done stays done
    Stop(Named),
}

#[derive(Args)]
pub struct Named {
    /// The bulk action
    bulk: String,
}

pub async fn run(session: &Session, output: Output, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Start(start) => start::run(session, output, &start).await,
        Command::List(list) => list::run(session, output, &list).await,
        Command::Show(named) => {
            let found = list::find(session, &named.bulk).await?;
            list::print(output, found)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Stop(named) => stop(session, output, &named.bulk).await,
    }
}

async fn stop(session: &Session, output: Output, bulk: &str) -> Result<ExitCode, Failure> {
    let row = session
        .act_once(statement::BULK_STOP, &[(&bulk, Type::TEXT)])
        .await?;
    if output.is_json() {
        output.document(&Value::Object(row))?;
    } else if row["was_running"] == true {
        let found = list::find(session, bulk).await?;
        let done = form::count(&found["done"]);
        output.line(&format!(
            "stopped after {done} runs, which stay as they are"
        ))?;
    } else {
        output.line("it had ended already")?;
    }
    Ok(ExitCode::SUCCESS)
}
