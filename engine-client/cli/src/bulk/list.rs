//! `engine bulk list` and `show`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form, Row};

const COLUMNS: &[Column] = &[
    Column::new("bulk action", "bulk_id", Form::Text),
    Column::new("action", "action", Form::Text),
    Column::new("state", "state", Form::Text),
    Column::new("total", "total", Form::Count),
    Column::new("done", "done", Form::Count),
    Column::new("skipped", "skipped", Form::Count),
    Column::new("refused", "refused", Form::Count),
    Column::new("by", "created_by", Form::Text),
    Column::new("started", "created_at", Form::Moment),
    Column::new("reason", "reason", Form::Text),
];

#[derive(Args)]
pub struct Arguments {
    /// Most bulk actions to list
    #[arg(long, short, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let every = None::<&str>;
    let parameters = [
        (&every as _, Type::TEXT),
        (&arguments.limit as _, Type::INT8),
    ];
    let rows = session.rows(statement::BULK_LIST, &parameters).await?;
    output.rows(rows, COLUMNS, "no bulk actions")?;
    Ok(ExitCode::SUCCESS)
}

/// A bulk action.
pub async fn find(session: &Session, bulk: &str) -> Result<Row, Failure> {
    let parameters = [(&bulk as _, Type::TEXT), (&1_i64 as _, Type::INT8)];
    let row = session.row(statement::BULK_LIST, &parameters).await?;
    if row.is_empty() {
        let message = format!("bulk action \"{bulk}\" does not exist");
        return Err(Failure::refused(
            message,
            "List them with engine bulk list.",
        ));
    }
    Ok(row)
}

/// Prints a bulk action: on one line, and what it is about.
pub fn print(output: Output, found: Row) -> std::io::Result<()> {
    if output.is_json() {
        return output.document(&Value::Object(found));
    }
    let details = ["filter", "options", "refused_by"]
        .map(|key| (key, found[key].clone()))
        .into_iter()
        .filter(|(_, value)| *value != json!({}));
    let details: Vec<String> = details
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    output.rows(vec![found], COLUMNS, "")?;
    details
        .iter()
        .try_for_each(|line| output.line(&crate::form::plain(line)))
}
