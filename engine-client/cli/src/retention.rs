//! `engine retention`.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;
use tokio_postgres::types::Type;

use crate::conditions;
use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form};

const COLUMNS: &[Column] = &[
    Column::new("environment", "environment_id", Form::Text),
    Column::new("task", "task", Form::Text),
    Column::new("queue", "queue", Form::Text),
    Column::new("outcome", "outcome", Form::Text),
    Column::new("keep", "keep_ms", Form::Span),
    Column::new("built in", "is_built_in", Form::Flag),
    Column::new("ended runs", "ended_runs", Form::Count),
    Column::new("next removal", "next_removal_at", Form::Moment),
];

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Set how long runs are kept after they have ended, those that have ended before as well
    Set(SetArguments),
    /// Delete what was set: the next policy that holds for these runs follows, or what is built in
    Delete(Runs),
}

#[derive(Args)]
struct SetArguments {
    #[command(flatten)]
    runs: Runs,

    /// How long: 90s, 15m, 12h, 30d
    #[arg(long, value_name = "TIME", value_parser = conditions::duration)]
    #[arg(required_unless_present = "forever", conflicts_with = "forever")]
    keep: Option<Duration>,

    /// Never remove them
    #[arg(long)]
    forever: bool,
}

/// The runs of a policy: all, unless some are named.
#[derive(Args)]
struct Runs {
    /// Only runs of this environment
    #[arg(long, short)]
    environment: Option<String>,

    /// Only runs of this task
    #[arg(long, short, conflicts_with = "queue")]
    task: Option<String>,

    /// Only runs of this queue
    #[arg(long, short)]
    queue: Option<String>,

    /// Only runs that ended so: completed, canceled, expired, failed, or dead-letter
    #[arg(long, short, value_parser = outcome)]
    outcome: Option<String>,
}

impl Runs {
    /// The runs in words.
    fn describe(&self) -> String {
        let named = |of: &str, name: &Option<String>| {
            let name = name.as_ref()?;
            Some(format!(" of {of} \"{name}\""))
        };
        let outcome = self.outcome.as_ref();
        let parts = [
            Some(match outcome {
                Some(outcome) => format!("{outcome} runs"),
                None => "runs".to_owned(),
            }),
            named("task", &self.task),
            named("queue", &self.queue),
            named("environment", &self.environment),
        ];
        form::plain(&parts.into_iter().flatten().collect::<String>())
    }
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    match &arguments.command {
        None => list(session, output).await,
        Some(Command::Set(policy)) => set(session, output, policy).await,
        Some(Command::Delete(runs)) => delete(session, output, runs).await,
    }
}

async fn list(session: &Session, output: Output) -> Result<ExitCode, Failure> {
    let policies = session.rows(statement::RETENTION, &[]).await?;
    output.rows(policies, COLUMNS, "no policies, and no run has ended")?;
    Ok(ExitCode::SUCCESS)
}

async fn set(
    session: &Session,
    output: Output,
    policy: &SetArguments,
) -> Result<ExitCode, Failure> {
    let runs = &policy.runs;
    let keep_ms = policy.keep.map(|keep| keep.as_millis());
    let keep_ms = keep_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
    let parameters = [
        (&runs.environment as _, Type::TEXT),
        (&runs.task as _, Type::TEXT),
        (&runs.queue as _, Type::TEXT),
        (&runs.outcome as _, Type::TEXT),
        (&keep_ms as _, Type::INT8),
    ];
    let row = session
        .act_once(statement::RETENTION_SET, &parameters)
        .await?;
    output.answer(row, |row| {
        let how_long = match &row["keep_ms"] {
            Value::Null => "for ever".to_owned(),
            keep_ms => form::span(keep_ms),
        };
        let what = runs.describe();
        form::plain(&format!("kept after the end: {what}, {how_long}"))
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn delete(session: &Session, output: Output, runs: &Runs) -> Result<ExitCode, Failure> {
    let parameters = [
        (&runs.environment as _, Type::TEXT),
        (&runs.task as _, Type::TEXT),
        (&runs.queue as _, Type::TEXT),
        (&runs.outcome as _, Type::TEXT),
    ];
    let row = session
        .act_once(statement::RETENTION_DELETE, &parameters)
        .await?;
    output.answer(row, |row| {
        let told = if row["existed"] == true {
            "deleted the policy"
        } else {
            "there was no policy"
        };
        form::plain(&format!("{told} of {}", runs.describe()))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// An outcome in either case, with hyphens or underscores.
fn outcome(text: &str) -> Result<String, String> {
    let name = text.to_uppercase().replace('-', "_");
    match name.as_str() {
        "COMPLETED" | "CANCELED" | "EXPIRED" | "FAILED" | "DEAD_LETTER" => Ok(name),
        _ => Err("not completed, canceled, expired, failed or dead-letter".to_owned()),
    }
}
