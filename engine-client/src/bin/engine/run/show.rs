//! `engine runs show`.

use std::process::ExitCode;

use clap::Args;
use console::style;
use engine_client::RunId;
use serde_json::Value;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::session::{Row, Session};
use crate::statement;
use crate::table::{self, Column, Form};

/// What is shown of the run itself, in this order; what is empty is left out.
const FACTS: &[(&str, &str, Form)] = &[
    ("task", "task", Form::Text),
    ("status", "run_status", Form::Status),
    ("execution", "execution_status", Form::Status),
    ("queue", "queue", Form::Text),
    ("concurrency key", "concurrency_key", Form::Text),
    ("worker queue", "worker_queue", Form::Text),
    ("environment", "environment_id", Form::Text),
    ("attempt", "attempt_number", Form::Count),
    ("of", "max_attempts", Form::Count),
    ("lost workers", "queue_attempts", Form::Count),
    ("parent", "parent_run_id", Form::Text),
    ("replay of", "replayed_from", Form::Text),
    ("batch", "batch_id", Form::Text),
    ("created", "created_at", Form::Moment),
    ("available", "available_at", Form::Moment),
    ("heartbeat until", "heartbeat_deadline_at", Form::Moment),
    ("completed", "completed_at", Form::Moment),
    ("used", "usage_duration_ms", Form::Span),
    ("payload", "payload", Form::Text),
    ("output", "output", Form::Text),
    ("error", "error", Form::Text),
];

const WAITS: &[Column] = &[
    Column::new("waits for", "waitpoint_id", Form::Text),
    Column::new("type", "type", Form::Text),
    Column::new("status", "status", Form::Text),
    Column::new("due", "due_at", Form::Moment),
    Column::new("run", "run_id", Form::Text),
    Column::new("batch", "batch_id", Form::Text),
];

const HISTORY: &[Column] = &[
    Column::new("after", "after_ms", Form::Span),
    Column::new("transition", "transition", Form::Text),
    Column::new("execution", "execution_status", Form::Status),
    Column::new("status", "run_status", Form::Status),
    Column::new("attempt", "attempt_number", Form::Count),
    Column::new("worker", "worker_id", Form::Text),
    Column::new("description", "description", Form::Text),
    Column::new("error", "error", Form::Text),
];

#[derive(Args)]
pub struct Arguments {
    /// The run
    run: RunId,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let id = arguments.run.as_str();
    let rows = session
        .rows(statement::RUN_SHOW, &[(&id, Type::TEXT)])
        .await?;
    let Some(run) = rows.into_iter().next() else {
        let message = format!("run \"{id}\" does not exist");
        return Err(Failure::refused(message, "Check the id and the database."));
    };
    if output.is_json() {
        output.document(&Value::Object(run))?;
    } else {
        print(output, &run)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(output: Output, run: &Row) -> Result<(), Failure> {
    output.line(&style(form::text(&run["run_id"])).bold().to_string())?;
    for (name, key, form) in FACTS {
        let text = match (&run[*key], form) {
            (Value::Null, _) => continue,
            (value, Form::Count) => form::count(value),
            (value, Form::Span) => form::span(value),
            (value, Form::Moment) => form::moment(value),
            (value, Form::Status) => form::coloured_status(value),
            (value, Form::Text | Form::Flag) => form::text(value),
        };
        let name = style(format!("{name:<15}")).dim();
        output.line(&format!("  {name}  {text}"))?;
    }
    for (key, columns) in [("waits_for", WAITS), ("history", HISTORY)] {
        let rows = objects(&run[key]);
        if !rows.is_empty() {
            output.line("")?;
            for line in table::lines(&rows, columns) {
                output.line(&line)?;
            }
        }
    }
    Ok(())
}

fn objects(array: &Value) -> Vec<Row> {
    let elements = array.as_array().into_iter().flatten();
    elements.filter_map(Value::as_object).cloned().collect()
}
