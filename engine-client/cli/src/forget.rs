//! `engine forget`.

use std::process::ExitCode;

use clap::Args;
use engine_client::RunId;
use serde_json::{Map, Value, json};
use tokio_postgres::types::{Json, Type};

use crate::failure::Failure;
use crate::output::Output;
use crate::run::{confirm, runs_of};
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form, Row};

const COLUMNS: &[Column] = &[
    Column::new("run", "run_id", Form::Text),
    Column::new("task", "task", Form::Text),
    Column::new("environment", "environment_id", Form::Text),
    Column::new("status", "run_status", Form::Status),
    Column::new("ended", "completed_at", Form::Moment),
    Column::new("snapshots", "snapshot_count", Form::Count),
    Column::new("outcome", "outcome", Form::Text),
];

const CONDITIONS: [&str; 6] = [
    "environment",
    "task",
    "queue",
    "tag",
    "created_after",
    "created_before",
];

#[derive(Args)]
pub struct Arguments {
    /// The runs
    #[arg(required_unless_present_any = CONDITIONS, conflicts_with_all = CONDITIONS)]
    runs: Vec<RunId>,

    /// Only runs of this environment
    #[arg(long, short)]
    environment: Option<String>,

    /// Only runs of this task
    #[arg(long, short)]
    task: Option<String>,

    /// Only runs of this queue
    #[arg(long, short)]
    queue: Option<String>,

    /// Only runs with this tag
    #[arg(long)]
    tag: Option<String>,

    /// Only runs that were triggered after this time, such as 2030-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    created_after: Option<String>,

    /// Only runs that were triggered before this time
    #[arg(long, value_name = "TIME")]
    created_before: Option<String>,

    /// Most runs
    #[arg(long, short, default_value_t = 1000, value_parser = clap::value_parser!(i32).range(1..))]
    limit: i32,

    /// Only show what would become of them
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Arguments {
    /// The conditions that are given, with the names of the function's.
    fn filter(&self) -> Option<Value> {
        let conditions = [
            ("environment_id", &self.environment),
            ("task", &self.task),
            ("queue", &self.queue),
            ("tag", &self.tag),
            ("created_after", &self.created_after),
            ("created_before", &self.created_before),
        ];
        let given = conditions
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?))));
        let filter: Map<String, Value> = given.collect();
        (!filter.is_empty()).then_some(Value::Object(filter))
    }

    async fn call(&self, session: &Session, is_dry: bool) -> Result<Vec<Row>, Failure> {
        if let Some(filter) = self.filter() {
            return self.one_call(session, None, Some(filter), is_dry).await;
        }
        let mut rows = Vec::new();
        for run in &self.runs {
            rows.extend(
                self.one_call(session, Some(run.as_str()), None, is_dry)
                    .await?,
            );
        }
        Ok(rows)
    }

    async fn one_call(
        &self,
        session: &Session,
        run_id: Option<&str>,
        filter: Option<Value>,
        is_dry: bool,
    ) -> Result<Vec<Row>, Failure> {
        session
            .act(
                statement::FORGET,
                &[
                    (&run_id, Type::TEXT),
                    (&filter.map(Json), Type::JSONB),
                    (&is_dry, Type::BOOL),
                    (&self.limit, Type::INT4),
                ],
            )
            .await
    }
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    if arguments.dry_run {
        let rows = arguments.call(session, true).await?;
        output.rows(rows, COLUMNS, "no runs")?;
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.yes {
        let rows = arguments.call(session, true).await?;
        confirm("forget", having(&rows, "removable"))?;
    }
    let rows = arguments.call(session, false).await?;
    let forgotten = having(&rows, "forgotten");
    let left = rows.len() - forgotten;
    if output.is_json() {
        let runs: Value = rows.into_iter().map(Value::Object).collect();
        output.document(&json!({"forgotten": forgotten, "left": left, "runs": runs}))?;
    } else {
        let stays: Vec<Row> = rows
            .into_iter()
            .filter(|row| row["outcome"] != "forgotten")
            .collect();
        if !stays.is_empty() {
            output.rows(stays, COLUMNS, "")?;
        }
        let left = match left {
            0 => String::new(),
            left => format!(", left {}", runs_of(left)),
        };
        output.line(&format!("forgot {}{left}", runs_of(forgotten)))?;
    }
    Ok(if left == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn having(rows: &[Row], outcome: &str) -> usize {
    rows.iter().filter(|row| row["outcome"] == outcome).count()
}
