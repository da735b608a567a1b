//! How far a list reads, and with which run to continue where it has not read all.

use std::process::ExitCode;

use clap::Args;
use engine_client::RunId;
use serde_json::json;

use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::table::{Column, Row};

#[derive(Args)]
pub struct Reach {
    /// Most runs to read, the newest first
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(i64).range(1..))]
    pub budget: i64,

    /// Only runs older than this one: where the last list ended
    #[arg(long, value_name = "RUN")]
    pub before: Option<RunId>,
}

impl Reach {
    /// Prints what was found; on standard error it says with which run to continue, if not all were read.
    pub fn print(
        &self,
        output: Output,
        mut rows: Vec<Row>,
        columns: &[Column],
        nothing: &str,
    ) -> Result<ExitCode, Failure> {
        let end = take_end(&mut rows);
        output.rows(rows, columns, nothing)?;
        if let Some(end) = end {
            let budget = form::count(&json!(self.budget));
            let end = form::plain(&end);
            eprintln!("read {budget} runs, the newest ones: continue with --before {end}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Takes the last row away if it says with which run to continue; returns that.
pub fn take_end(rows: &mut Vec<Row>) -> Option<String> {
    let end = rows.last()?.get("continue_before")?.as_str()?.to_owned();
    rows.pop();
    Some(end)
}
