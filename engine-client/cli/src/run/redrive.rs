//! `engine runs redrive`.

use std::process::ExitCode;

use clap::Args;
use tokio_postgres::types::Type;

use super::bulk::{self, Action, runs_of};
use super::selection::Selection;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::{Parameter, Session};
use crate::statement;
use crate::table::Row;

const REDRIVE: Action = Action {
    verb: "redrive",
    is_finished: true,
};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    selection: Selection,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let runs = arguments.selection.resolve(session, &REDRIVE).await?;
    let call = async |runs: Vec<String>| {
        let parameters: [Parameter<'_>; 1] = [(&runs, Type::TEXT_ARRAY)];
        session.act(statement::RUN_REDRIVE, &parameters).await
    };
    let outcome = bulk::each(runs, &REDRIVE, call).await;
    let summary = format!("redrove {}", runs_of(outcome.rows.len()));
    outcome.report(output, &summary, Row::new())
}
