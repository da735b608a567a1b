//! `engine runs reschedule`.

use std::process::ExitCode;

use clap::Args;
use engine_client::RunId;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::form;
use crate::output::Output;
use crate::session::Session;
use crate::statement;

#[derive(Args)]
pub struct Arguments {
    /// The run
    run: RunId,

    /// When it is due, in Postgres's format: "2026-01-01 10:00+00"
    #[arg(long, value_name = "TIME", required_unless_present = "after")]
    at: Option<String>,

    /// Time until it is due, in Postgres's format: "90s", "2h 30m", "1 day"
    #[arg(long = "in", value_name = "INTERVAL", conflicts_with = "at")]
    after: Option<String>,
}

pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let row = session
        .act_once(
            statement::RUN_RESCHEDULE,
            &[
                (&arguments.run.as_str(), Type::TEXT),
                (&arguments.at, Type::TEXT),
                (&arguments.after, Type::TEXT),
            ],
        )
        .await?;
    output.answer(row, |row| {
        let at = form::moment(&row["delay_until"]);
        format!("{} is due at {at}", form::text(&row["run_id"]))
    })?;
    Ok(ExitCode::SUCCESS)
}
