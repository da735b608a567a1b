//! `engine doctor`.

use std::process::ExitCode;

use clap::Args;
use console::style;
use serde_json::{Value, json};
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::Row;

#[derive(Args)]
pub struct Arguments {
    /// Leave out what has lasted for less time, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    patience: u32,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let version = session.version().await?;
    let patience_ms = i64::from(arguments.patience) * 1000;
    let parameters = [(&patience_ms as _, Type::INT8)];
    let findings = session.rows(statement::ADVICE, &parameters).await?;
    let problems = findings
        .iter()
        .filter(|finding| is_problem(finding))
        .count();
    if output.is_json() {
        output.document(&json!({"version": version, "findings": findings}))?;
    } else {
        for finding in &findings {
            print(output, finding)?;
        }
        let advice = findings.len() - problems;
        output.line(&format!(
            "engine {version}: problems {problems}, advice {advice}"
        ))?;
    }
    Ok(if problems == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn is_problem(finding: &Row) -> bool {
    finding["is_problem"] == Value::Bool(true)
}

fn print(output: Output, finding: &Row) -> Result<(), Failure> {
    let label = if is_problem(finding) {
        style("problem").red().bold()
    } else {
        style("advice ").yellow()
    };
    let since = match &finding["age_ms"] {
        Value::Null => String::new(),
        age => format!(" For {}.", form::span(age)),
    };
    let [kind, detail, hint] = ["kind", "detail", "hint"].map(|key| form::text(&finding[key]));
    output.line(&format!("{label}  {kind}: {detail}{since}"))?;
    output.line(&format!("         {}", style(hint).dim()))?;
    Ok(())
}
