//! `engine shard add`: another database becomes a node.

use std::process::ExitCode;

use clap::Args;
use engine_client::Database;
use serde_json::Value;
use tokio_postgres::types::{Json, Type};

use super::right::Rights;
use super::version::same_version;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::Row;

/// Grants in every environment.
const EVERYWHERE: &str = "*";

#[derive(Args)]
pub struct Arguments {
    /// The database that is to be a node: key=value pairs or a postgres:// URL
    #[arg(long, value_name = "CONNECTION")]
    to: String,

    /// What clients call this database
    #[arg(long, value_name = "NAME")]
    here: String,
}

/// Sets all shards AWAY in the other database, which serves nothing from then on, and grants there what is granted here in every
/// environment.
pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let to: Database = arguments.to.parse().map_err(Failure::connection_string)?;
    let node = Session::open(to).await?;
    same_version(session, &node).await?;
    let busy = node.rows(statement::SHARD_LOAD, &[]).await?;
    if let Some(shard) = busy.first() {
        return Err(Failure::refused(
            format!(
                "the other database has environments on shard {}",
                shard["shard"]
            ),
            "Add one that is empty, and move shards there.",
        ));
    }
    let rights = Rights::of(session, &[EVERYWHERE.to_owned()]).await?;
    rights.check_roles(&node).await?;
    let here = [(&arguments.here as _, Type::TEXT)];
    let mut row = session.row(statement::SHARD_PLACE, &here).await?;
    let places: Value = row.remove("places").unwrap_or_default();
    node.begin().await?;
    let parameters = [(&Json(&places) as _, Type::JSONB)];
    node.row(statement::SHARD_PLACE_ADD, &parameters).await?;
    rights.grant(&node).await?;
    node.batch("commit").await?;
    let told = |row: &Row| {
        format!(
            "it is a node that serves nothing yet: {} shards are on record at {}",
            row["served"], arguments.here
        )
    };
    output.answer(row, told)?;
    Ok(ExitCode::SUCCESS)
}
