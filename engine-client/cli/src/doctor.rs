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
    let findings = session.rows(statement::DOCTOR, &parameters).await?;
    let problems = findings
        .iter()
        .filter(|finding| is_problem(finding))
        .count();
    let kept = session.row(statement::KEPT, &[]).await?;
    if output.is_json() {
        output.document(&json!({"version": version, "findings": findings, "kept": kept}))?;
    } else {
        for finding in &findings {
            print(output, finding)?;
        }
        output.line(&describe(&kept))?;
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

/// How many runs are kept, since when, and whether the sweep keeps up.
fn describe(kept: &Row) -> String {
    let count = form::count(&kept["run_count"]);
    let since = match &kept["oldest_at"] {
        Value::Null => String::new(),
        oldest => format!(", the oldest of {}", form::moment(oldest)),
    };
    let sweep = match (&kept["is_swept"], &kept["due_since"]) {
        (Value::Bool(false), _) => "none is ever removed".to_owned(),
        (_, Value::Null) => "the sweep keeps up".to_owned(),
        (_, due) => format!("the sweep is due since {}", form::moment(due)),
    };
    format!("kept: about {count} runs{since}; {sweep}")
}

fn is_problem(finding: &Row) -> bool {
    finding["weight"] == "problem"
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
    let command = form::text(&finding["command"]);
    if !command.is_empty() {
        output.line(&format!("         {command};"))?;
    }
    Ok(())
}
