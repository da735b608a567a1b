//! The runs of an action, and the confirmation of its user.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use engine_client::RunId;

use super::bulk::{Action, runs_of};
use super::filter::{Filter, Page};
use crate::conditions::NAMES as CONDITIONS;
use crate::failure::Failure;
use crate::session::Session;

/// The runs to act on.
#[derive(Args)]
pub struct Selection {
    /// The runs
    #[arg(required_unless_present_any = CONDITIONS.iter().chain(&["all"]))]
    #[arg(conflicts_with_all = CONDITIONS.iter().chain(&["all", "limit"]))]
    runs: Vec<RunId>,

    #[command(flatten)]
    filter: Filter,

    /// All runs
    #[arg(long, conflicts_with_all = CONDITIONS)]
    all: bool,

    /// Most matching runs, newest first
    #[arg(long, short, value_parser = clap::value_parser!(i64).range(1..))]
    limit: Option<i64>,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Selection {
    /// The runs, oldest first, once the user has confirmed them.
    pub async fn resolve(&self, session: &Session, action: &Action) -> Result<Vec<RunId>, Failure> {
        if self.filter.is_empty() && !self.all {
            return Ok(self.runs.clone());
        }
        let page = Page {
            is_finished: Some(action.is_finished),
            limit: self.limit,
            ..Page::default()
        };
        let found = self.filter.find(session, &page).await?;
        let ids = found.iter().rev().filter_map(|row| row["run_id"].as_str());
        let runs: Vec<RunId> = ids.map(RunId::new).collect();
        if !self.yes && !runs.is_empty() {
            confirm(action.verb, runs.len())?;
        }
        Ok(runs)
    }
}

/// Asks on the terminal whether to act on this many runs.
pub fn confirm(verb: &str, count: usize) -> Result<(), Failure> {
    let question = format!("{verb} {}", runs_of(count));
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        let hint = "Repeat the command with --yes.";
        return Err(Failure::usage(format!("it would {question}"), hint));
    }
    eprint!("{question}? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::refused(
        "nothing was done",
        "Answer \"y\" to continue.",
    ))
}
