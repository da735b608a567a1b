//! `engine tail`: events, in order, as they happen.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use console::{Style, style};
use engine_client::RunId;
use serde_json::Value;
use tokio::time::sleep;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::Row;

/// Events per call.
const PAGE: i32 = 500;

/// Pause between two reads without events.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Args)]
pub struct Arguments {
    /// Begin after this position: 0 for all events [default: only future events]
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,

    /// Stop when no more events exist
    #[arg(long)]
    no_follow: bool,

    /// Only events of this name, such as runFailed; may be given several times
    #[arg(long, short, value_name = "EVENT")]
    name: Vec<String>,

    /// Only events of this run
    #[arg(long, short)]
    run: Option<RunId>,

    /// Only events of this shard; needed once a shard has come from another database
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..=1295))]
    shard: Option<i32>,
}

impl Arguments {
    fn wants(&self, event: &Row) -> bool {
        let is_named = self.name.is_empty() || self.name.iter().any(|name| event["name"] == **name);
        let run = self.run.as_ref();
        is_named && run.is_none_or(|run| event["run_id"] == *run.friendly())
    }
}

pub async fn run(
    mut session: Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let mut position = match arguments.after {
        Some(position) => position,
        None => position_of(&session.row(statement::EVENT_END, &[]).await?),
    };
    loop {
        let page = [
            (&position as _, Type::INT8),
            (&PAGE as _, Type::INT4),
            (&arguments.shard as _, Type::INT4),
        ];
        let events = match session.rows(statement::EVENT_READ, &page).await {
            Ok(events) => events,
            Err(failure) if failure.is_passing() => {
                eprintln!("connection lost, trying again");
                session.recover(failure).await?;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let last = events.last().map(position_of);
        for event in events {
            if !arguments.wants(&event) {
                continue;
            }
            if output.is_json() {
                output.entry(&Value::Object(event))?;
            } else {
                output.line(&line(&event))?;
            }
        }
        match last {
            Some(last) => position = last,
            None if arguments.no_follow => return Ok(ExitCode::SUCCESS),
            None => sleep(PAUSE).await,
        }
    }
}

fn position_of(row: &Row) -> i64 {
    row.get("position").and_then(Value::as_i64).unwrap_or(0)
}

/// An event on one line: time, name, run, and what its body says about it.
fn line(event: &Row) -> String {
    let name = form::text(&event["name"]);
    let colour = match name.as_str() {
        "runSucceeded" => Style::new().green(),
        "runFailed" | "runAttemptFailed" => Style::new().red(),
        "runCancelled" | "runExpired" | "runRetryScheduled" => Style::new().yellow(),
        "executionSnapshotCreated" | "workerNotification" => Style::new().dim(),
        _ => Style::new(),
    };
    format!(
        "{}  {}  {}  {}",
        style(form::moment(&event["time"])).dim(),
        colour.apply_to(format!("{name:<24}")),
        form::text(&event["run_id"]),
        facts(&event["body"]).join("  ")
    )
    .trim_end()
    .to_owned()
}

fn facts(body: &Value) -> Vec<String> {
    let (run, snapshot) = (&body["run"], &body["snapshot"]);
    let mut facts = Vec::new();
    for status in [&run["status"], &snapshot["executionStatus"]] {
        if !status.is_null() {
            facts.push(form::coloured_status(status));
        }
    }
    for attempt in [&run["attemptNumber"], &snapshot["attemptNumber"]] {
        if !attempt.is_null() {
            facts.push(format!("attempt {}", form::count(attempt)));
        }
    }
    if !body["retryAt"].is_null() {
        facts.push(format!("again at {}", form::moment(&body["retryAt"])));
    }
    let error = &run["error"];
    let message = [&error["message"], &error["raw"], &snapshot["description"]];
    if let Some(message) = message.into_iter().find(|message| !message.is_null()) {
        facts.push(form::text(message));
    }
    facts
}
