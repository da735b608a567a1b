//! `engine schedules`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form};

const COLUMNS: &[Column] = &[
    Column::new("schedule", "id", Form::Text),
    Column::new("task", "task", Form::Text),
    Column::new("environment", "environment_id", Form::Text),
    Column::new("cron", "cron", Form::Text),
    Column::new("zone", "timezone", Form::Text),
    Column::new("next", "next_at", Form::Moment),
    Column::new("last run", "last_run_id", Form::Text),
    Column::new("paused", "is_paused", Form::Flag),
    Column::new("last error", "last_error", Form::Text),
];

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// Only this environment
    #[arg(long, short)]
    environment: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Trigger a run now, beside those of its ticks
    Run(Chosen),
    /// Make no more runs until it is resumed
    Pause(Chosen),
    /// Make runs again, from the next tick on
    Resume(Chosen),
}

#[derive(Args)]
struct Chosen {
    /// The schedule
    schedule: String,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    match &arguments.command {
        None => list(session, output, arguments.environment.as_deref()).await,
        Some(Command::Run(chosen)) => run_now(session, output, chosen).await,
        Some(Command::Pause(chosen)) => set(session, output, chosen, false).await,
        Some(Command::Resume(chosen)) => set(session, output, chosen, true).await,
    }
}

async fn list(
    session: &Session,
    output: Output,
    environment: Option<&str>,
) -> Result<ExitCode, Failure> {
    let parameters = [(&environment as _, Type::TEXT)];
    let rows = session.rows(statement::SCHEDULE_LIST, &parameters).await?;
    output.rows(rows, COLUMNS, "no schedules")?;
    Ok(ExitCode::SUCCESS)
}

async fn run_now(session: &Session, output: Output, chosen: &Chosen) -> Result<ExitCode, Failure> {
    let parameters = [(&chosen.schedule as _, Type::TEXT)];
    let row = session
        .act_once(statement::SCHEDULE_RUN, &parameters)
        .await?;
    output.answer(row, |row| form::text(&row["run_id"]))?;
    Ok(ExitCode::SUCCESS)
}

async fn set(
    session: &Session,
    output: Output,
    chosen: &Chosen,
    is_active: bool,
) -> Result<ExitCode, Failure> {
    let parameters = [
        (&chosen.schedule as _, Type::TEXT),
        (&is_active as _, Type::BOOL),
    ];
    let row = session
        .act_once(statement::SCHEDULE_SET, &parameters)
        .await?;
    let verb = if is_active { "resumed" } else { "paused" };
    let name = &chosen.schedule;
    output.answer(row, |_| form::plain(&format!("{verb} schedule \"{name}\"")))?;
    Ok(ExitCode::SUCCESS)
}
