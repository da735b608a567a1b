//! `engine queues`, `engine pause` and `engine resume`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form, Row};

/// The environment that exists without being set.
const DEFAULT: &str = "default";

pub const COLUMNS: &[Column] = &[
    Column::new("queue", "queue", Form::Text),
    Column::new("environment", "environment_id", Form::Text),
    Column::new("queued", "queued", Form::Count),
    Column::new("due", "due", Form::Count),
    Column::new("running", "running", Form::Count),
    Column::new("limit", "concurrency_limit", Form::Count),
    Column::new("keys", "waiting_keys", Form::Count),
    Column::new("oldest", "oldest_age_ms", Form::Span),
    Column::new("paused", "is_paused", Form::Flag),
    Column::new("environment paused", "is_environment_paused", Form::Flag),
    Column::new("since", "paused_at", Form::Moment),
    Column::new("by", "paused_by", Form::Text),
    Column::new("reason", "pause_reason", Form::Text),
];

#[derive(Args)]
pub struct ListArguments {
    /// Only queues of this environment
    #[arg(long, short)]
    environment: Option<String>,
}

#[derive(Args)]
pub struct PauseArguments {
    #[command(flatten)]
    target: Target,

    /// Why, for those who ask: shown with your role and the time until it is resumed
    #[arg(long, short, value_name = "TEXT")]
    reason: Option<String>,
}

/// What is paused or resumed.
#[derive(Args)]
pub struct Target {
    /// The queue; none for the whole environment
    #[arg(required_unless_present = "environment")]
    queue: Option<String>,

    /// The environment [default: default]
    #[arg(long, short)]
    environment: Option<String>,
}

#[derive(Args)]
pub struct LimitArguments {
    /// The queue
    queue: String,

    /// How many of its runs, or of the runs of each of its concurrency keys, may run at once: in place of its own limit
    #[arg(required_unless_present = "reset", conflicts_with = "reset")]
    limit: Option<u32>,

    /// Take such a limit back: its own one holds again
    #[arg(long)]
    reset: bool,

    /// The environment
    #[arg(long, short, default_value = DEFAULT)]
    environment: String,
}

/// The queues of an environment, or of all, those with most work first.
pub async fn find(session: &Session, environment: Option<&str>) -> Result<Vec<Row>, Failure> {
    let parameters = [(&environment as _, Type::TEXT)];
    session.rows(statement::QUEUE_LIST, &parameters).await
}

pub async fn list(
    session: &Session,
    output: Output,
    arguments: &ListArguments,
) -> Result<ExitCode, Failure> {
    let rows = find(session, arguments.environment.as_deref()).await?;
    output.rows(rows, COLUMNS, "no queues")?;
    Ok(ExitCode::SUCCESS)
}

pub async fn pause(
    session: &Session,
    output: Output,
    arguments: &PauseArguments,
) -> Result<ExitCode, Failure> {
    let reason = arguments.reason.as_deref();
    set(session, output, &arguments.target, true, reason).await
}

pub async fn resume(
    session: &Session,
    output: Output,
    target: &Target,
) -> Result<ExitCode, Failure> {
    set(session, output, target, false, None).await
}

async fn set(
    session: &Session,
    output: Output,
    target: &Target,
    is_paused: bool,
    reason: Option<&str>,
) -> Result<ExitCode, Failure> {
    let environment = target.environment.as_deref().unwrap_or(DEFAULT);
    require(session, environment).await?;
    let paused = if is_paused { "paused" } else { "resumed" };
    let queue = target.queue.as_deref();
    let of_environment = [
        (&environment as _, Type::TEXT),
        (&is_paused as _, Type::BOOL),
        (&reason as _, Type::TEXT),
    ];
    let (row, what) = match queue {
        Some(queue) => {
            let [environment_id, paused, reason] = of_environment;
            let parameters = [(&queue as _, Type::TEXT), environment_id, paused, reason];
            let row = session
                .act_once(statement::QUEUE_PAUSE, &parameters)
                .await?;
            (
                row,
                format!("queue \"{queue}\" of environment \"{environment}\""),
            )
        }
        None => {
            let row = session
                .act_once(statement::ENVIRONMENT_PAUSE, &of_environment)
                .await?;
            (row, format!("environment \"{environment}\""))
        }
    };
    output.answer(row, |_| form::plain(&format!("{paused} {what}")))?;
    Ok(ExitCode::SUCCESS)
}

pub async fn limit(
    session: &Session,
    output: Output,
    arguments: &LimitArguments,
) -> Result<ExitCode, Failure> {
    let LimitArguments {
        queue, environment, ..
    } = arguments;
    require(session, environment).await?;
    let limit = arguments.limit.map(i64::from);
    let parameters = [
        (queue as _, Type::TEXT),
        (environment as _, Type::TEXT),
        (&limit as _, Type::INT8),
    ];
    let row = session
        .act_once(statement::QUEUE_LIMIT, &parameters)
        .await?;
    output.answer(row, |row| {
        let holds = match &row["limit"] {
            Value::Null => "none of its own".to_owned(),
            limit => form::count(limit),
        };
        let what = format!("queue \"{queue}\" of environment \"{environment}\"");
        form::plain(&format!("limit of {what}: {holds}"))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Setting an environment would create it: a typo must not do that.
async fn require(session: &Session, environment: &str) -> Result<(), Failure> {
    let parameters = [(&environment as _, Type::TEXT)];
    let row = session
        .row(statement::ENVIRONMENT_EXISTS, &parameters)
        .await?;
    if row["exists"] == json!(true) {
        return Ok(());
    }
    let message = format!("environment \"{environment}\" does not exist");
    let hint = "Create it with engine_set_environment.";
    Err(Failure::refused(message, hint))
}
