//! `engine runs replay`.

use std::process::ExitCode;

use clap::Args;
use tokio_postgres::types::Type;

use super::bulk::{self, Action, runs_of};
use super::selection::Selection;
use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::session::{Parameter, Session};
use crate::statement;
use crate::table::Row;

/// Most new runs that are printed one by one.
const NAMED: usize = 20;

const REPLAY: Action = Action {
    verb: "replay",
    is_finished: true,
};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    selection: Selection,

    /// Begin with the results of the other runs' steps and waits, instead of doing them again
    #[arg(long)]
    keep_steps: bool,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let runs = arguments.selection.resolve(session, &REPLAY).await?;
    let call = async |runs: Vec<String>| {
        let parameters: [Parameter<'_>; 2] = [
            (&runs, Type::TEXT_ARRAY),
            (&arguments.keep_steps, Type::BOOL),
        ];
        session.act(statement::RUN_REPLAY, &parameters).await
    };
    let outcome = bulk::each(runs, &REPLAY, call).await;
    if !output.is_json() && outcome.rows.len() <= NAMED {
        for row in &outcome.rows {
            let [old, new] = ["replayed_from", "run_id"].map(|key| form::text(&row[key]));
            output.line(&format!("{new} does the work of {old} again"))?;
        }
    }
    let summary = format!("replayed {}", runs_of(outcome.rows.len()));
    outcome.report(output, &summary, Row::new())
}
