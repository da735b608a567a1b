//! `engine runs cancel`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tokio_postgres::types::Type;

use super::bulk::{self, Action, runs_of};
use super::selection::Selection;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::{Parameter, Session};
use crate::statement;
use crate::table::Row;

const CANCEL: Action = Action {
    verb: "cancel",
    is_finished: false,
};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    selection: Selection,

    /// Why: it becomes the error of the runs
    #[arg(long)]
    reason: Option<String>,

    /// End runs at once that a worker holds, instead of asking the worker to end them
    #[arg(long)]
    finalize: bool,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let runs = arguments.selection.resolve(session, &CANCEL).await?;
    let action_id = format!("cli_{:016x}", rand::random::<u64>());
    let call = async |runs: Vec<String>| {
        let parameters: [Parameter<'_>; 4] = [
            (&runs, Type::TEXT_ARRAY),
            (&arguments.reason, Type::TEXT),
            (&arguments.finalize, Type::BOOL),
            (&action_id, Type::TEXT),
        ];
        session.act(statement::RUN_CANCEL, &parameters).await
    };
    let outcome = bulk::each(runs, &CANCEL, call).await;
    let summary = summary(&outcome.rows);
    let facts = Row::from_iter([("bulk_action_id".to_owned(), json!(action_id))]);
    outcome.report(output, &summary, facts)
}

/// "cancelled 3 runs, asked the worker of 1 run, 2 runs had ended already"
fn summary(rows: &[Row]) -> String {
    let ended = rows.iter().filter(|row| row["already_finished"] == true);
    let asked = |row: &&Row| row["execution_status"] == "PENDING_CANCEL";
    let (ended, asked) = (ended.count(), rows.iter().filter(asked).count());
    let mut summary = format!("cancelled {}", runs_of(rows.len() - ended - asked));
    if asked > 0 {
        summary.push_str(&format!(", asked the workers of {}", runs_of(asked)));
    }
    if ended > 0 {
        summary.push_str(&format!(", {} had ended already", runs_of(ended)));
    }
    summary
}
