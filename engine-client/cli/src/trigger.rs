//! `engine trigger`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value, json};
use tokio_postgres::types::{Json, Type};

use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::session::Session;
use crate::statement;

#[derive(Args)]
pub struct Arguments {
    /// The task
    task: String,

    /// What the run works on, as JSON
    #[arg(default_value = "null", value_parser = document)]
    payload: Value,

    /// Its queue; without it, that of the task
    #[arg(long, short)]
    queue: Option<String>,

    /// Its environment
    #[arg(long, short)]
    environment: Option<String>,

    /// A tag; may be given several times
    #[arg(long)]
    tag: Vec<String>,

    /// A key by which a second trigger finds the run of the first one
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,

    /// When it is due, as 2030-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

impl Arguments {
    /// The options of the run, with the names of the parameters of `engine_trigger`.
    fn options(&self) -> Map<String, Value> {
        let text = |value: &Option<String>| value.as_ref().map(|value| json!(value));
        let options = [
            ("task", Some(json!(self.task))),
            ("payload", Some(self.payload.clone())),
            ("queue", text(&self.queue)),
            ("environment_id", text(&self.environment)),
            ("tags", (!self.tag.is_empty()).then(|| json!(self.tag))),
            ("idempotency_key", text(&self.idempotency_key)),
            ("delay_until", text(&self.at)),
        ];
        let given = options.into_iter();
        given
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect()
    }
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let parameters = [(&Json(arguments.options()) as _, Type::JSONB)];
    let row = session
        .act_once(statement::RUN_TRIGGER, &parameters)
        .await?;
    output.answer(row, |row| {
        let was = if row["is_cached"] == true {
            "was there"
        } else {
            "triggered"
        };
        format!("{} {was}", form::text(&row["run_id"]))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn document(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}
