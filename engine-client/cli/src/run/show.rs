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
use crate::session::Session;
use crate::statement;
use crate::table::{self, Column, Form, Row};

/// The facts of a run, in this order; empty ones are omitted.
const FACTS: &[Column] = &[
    Column::new("task", "task", Form::Text),
    Column::new("status", "run_status", Form::Status),
    Column::new("execution", "execution_status", Form::Status),
    Column::new("queue", "queue", Form::Text),
    Column::new("concurrency key", "concurrency_key", Form::Text),
    Column::new("worker queue", "worker_queue", Form::Text),
    Column::new("environment", "environment_id", Form::Text),
    Column::new("version", "version", Form::Text),
    Column::new("attempt", "attempt_number", Form::Count),
    Column::new("of", "max_attempts", Form::Count),
    Column::new("lost workers", "queue_attempts", Form::Count),
    Column::new("parent", "parent_run_id", Form::Text),
    Column::new("replay of", "replayed_from", Form::Text),
    Column::new("batch", "batch_id", Form::Text),
    Column::new("created", "created_at", Form::Moment),
    Column::new("delayed until", "delay_until", Form::Moment),
    Column::new("available", "available_at", Form::Moment),
    Column::new("time to live", "ttl", Form::Text),
    Column::new("heartbeat until", "heartbeat_deadline_at", Form::Moment),
    Column::new("completed", "completed_at", Form::Moment),
    Column::new("used", "usage_duration_ms", Form::Span),
    Column::new("payload", "payload", Form::Text),
    Column::new("output", "output", Form::Text),
    Column::new("error", "error", Form::Text),
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
    for fact in FACTS {
        let text = fact.cell(run);
        if !text.is_empty() {
            let name = style(format!("{:<15}", fact.header())).dim();
            let text = fact.style(&text).apply_to(&text);
            output.line(&format!("  {name}  {text}"))?;
        }
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
