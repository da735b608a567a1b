//! `engine bulk start`.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use tokio::time::sleep;
use tokio_postgres::types::{Json, Type};

use super::list;
use crate::conditions::{Conditions, moment};
use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::run::confirm;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form, Row};

const SAMPLE_COLUMNS: &[Column] = &[
    Column::new("run", "run_id", Form::Text),
    Column::new("task", "task", Form::Text),
    Column::new("queue", "queue", Form::Text),
    Column::new("status", "run_status", Form::Status),
    Column::new("created", "created_at", Form::Moment),
    Column::new("error", "error", Form::Text),
];

/// Pause between two looks at its progress.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, ValueEnum)]
enum Action {
    /// Cancel runs that have not ended
    Cancel,
    /// Do the work of runs again, as new runs
    Replay,
    /// Requeue runs that neither their handler nor a cancel ended
    Redrive,
    /// Take runs from their workers, back into their queues
    Release,
    /// Move the due time of delayed runs; needs --at
    Reschedule,
    /// Move waiting runs to another queue; needs --to
    Move,
    /// Set by how much waiting runs are ahead in their queues; needs --priority
    SetPriority,
    /// Delete runs that have ended, with all that belongs to them
    Forget,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Replay => "replay",
            Self::Redrive => "redrive",
            Self::Release => "release",
            Self::Reschedule => "reschedule",
            Self::Move => "move",
            Self::SetPriority => "set_priority",
            Self::Forget => "forget",
        }
    }
}

#[derive(Args)]
pub struct Arguments {
    /// What is done to each run
    action: Action,

    #[command(flatten)]
    conditions: Conditions,

    /// All runs
    #[arg(long)]
    all: bool,

    /// Why: it is recorded, and becomes the error of runs that are cancelled
    #[arg(long)]
    reason: Option<String>,

    /// The new queue
    #[arg(long, value_name = "QUEUE")]
    to: Option<String>,

    /// The new due time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<String>,

    /// Milliseconds by which they are ahead in their queues
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    priority: Option<i64>,

    /// Begin with the results of the other runs' steps and waits, instead of doing them again
    #[arg(long)]
    keep_steps: bool,

    /// Only show how many runs match, and some of them
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,

    /// Return once it has ended
    #[arg(long)]
    wait: bool,
}

impl Arguments {
    fn filter(&self) -> Map<String, Value> {
        let mut filter = self.conditions.filter();
        if self.all {
            filter.insert("all".to_owned(), json!(true));
        }
        filter
    }

    fn options(&self) -> Option<Value> {
        let options = [
            ("queue", self.to.as_ref().map(|queue| json!(queue))),
            ("time", self.at.as_ref().map(|time| json!(time))),
            ("priority", self.priority.map(|priority| json!(priority))),
            ("keep_steps", self.keep_steps.then_some(json!(true))),
        ];
        let given = options.into_iter();
        let options: Map<String, Value> = given
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect();
        (!options.is_empty()).then_some(Value::Object(options))
    }

    async fn call(
        &self,
        session: &Session,
        is_dry: bool,
        expected: Option<i64>,
    ) -> Result<Row, Failure> {
        let parameters = [
            (&self.action.name() as _, Type::TEXT),
            (&Json(self.filter()) as _, Type::JSONB),
            (&is_dry as _, Type::BOOL),
            (&self.reason as _, Type::TEXT),
            (&self.options().map(Json) as _, Type::JSONB),
            (&expected as _, Type::INT8),
        ];
        session.act_once(statement::BULK_START, &parameters).await
    }
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    if arguments.yes {
        let begun = arguments.call(session, false, None).await?;
        return begin(session, output, arguments, begun).await;
    }
    let seen = arguments.call(session, true, None).await?;
    if arguments.dry_run {
        return look(output, seen);
    }
    let count = seen["count"].as_i64().unwrap_or_default();
    if count == 0 {
        output.line("no runs")?;
        return Ok(ExitCode::SUCCESS);
    }
    confirm(arguments.action.name(), usize::try_from(count).unwrap_or(0))?;
    let begun = arguments.call(session, false, Some(count)).await?;
    begin(session, output, arguments, begun).await
}

/// Shows what would happen.
fn look(output: Output, mut seen: Row) -> Result<ExitCode, Failure> {
    if output.is_json() {
        output.document(&Value::Object(seen))?;
        return Ok(ExitCode::SUCCESS);
    }
    let samples = seen.remove("samples").unwrap_or_default();
    let samples: Vec<Row> = serde_json::from_value(samples).unwrap_or_default();
    let least = if seen["is_exact"] == true {
        ""
    } else {
        "at least "
    };
    let mut line = format!("{least}{} runs", form::count(&seen["count"]));
    if let Some(statuses) = seen["statuses"].as_object() {
        for (status, count) in statuses {
            line.push_str(&format!(", {} {}", form::count(count), form::plain(status)));
        }
    }
    output.line(&line)?;
    output.rows(samples, SAMPLE_COLUMNS, "")?;
    Ok(ExitCode::SUCCESS)
}

async fn begin(
    session: &Session,
    output: Output,
    arguments: &Arguments,
    begun: Row,
) -> Result<ExitCode, Failure> {
    let id = form::text(&begun["bulk_id"]);
    if !arguments.wait {
        if output.is_json() {
            output.document(&Value::Object(begun))?;
        } else {
            output.line(&format!(
                "{id} has begun: {} runs",
                form::count(&begun["count"])
            ))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let found = loop {
        let found = list::find(session, &id).await?;
        if found["state"] != "RUNNING" {
            break found;
        }
        sleep(PAUSE).await;
    };
    let is_clean = found["state"] == "COMPLETED" && found["refused"] == json!(0);
    list::print(output, found)?;
    Ok(if is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
