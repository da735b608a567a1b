//! `engine check`.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form};

const COLUMNS: &[Column] = &[
    Column::new("invariant", "kind", Form::Text),
    Column::new("run", "run_id", Form::Text),
    Column::new("violation", "detail", Form::Text),
];

pub async fn run(session: &Session, output: Output) -> Result<ExitCode, Failure> {
    let violations = session.rows(statement::CHECK, &[]).await?;
    let is_well = violations.is_empty();
    output.rows(violations, COLUMNS, "no violations")?;
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
