//! `engine router --plproxy`: a database in front of the others, whose functions call those of the nodes.

use std::process::ExitCode;

use serde_json::Value;

use crate::failure::Failure;
use crate::output::Output;
use crate::placement::Placement;
use crate::session::Session;
use crate::statement;
use crate::table::Row;

/// What does not depend on the placement.
const HEAD: &str = include_str!("plproxy.sql");

/// Prints the script of such a database. The functions are those of the database of the session.
pub async fn run(
    session: &Session,
    output: Output,
    placement: &Placement,
) -> Result<ExitCode, Failure> {
    let functions = session.rows(statement::ROUTER_FUNCTION, &[]).await?;
    let script = script(placement, &functions);
    if output.is_json() {
        output.document(&Value::from(script))?;
    } else {
        output.line(script.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn script(placement: &Placement, functions: &[Row]) -> String {
    let places = placement.iter().map(|(shard, connection)| {
        let connection = connection.replace('\'', "''");
        format!("    ({shard}, '{connection}')")
    });
    let places = places.collect::<Vec<_>>().join(",\n");
    let functions = functions.iter().map(function).collect::<String>();
    format!("{HEAD}\ninsert into engine_proxy.place values\n{places};\n{functions}")
}

fn function(row: &Row) -> String {
    let text = |key: &str| row[key].as_str().unwrap_or_default();
    format!(
        "\ncreate function {}({})\nreturns {} language plproxy as $$ connect engine_proxy.{}; $$;\n",
        text("name"),
        text("arguments"),
        text("result"),
        text("place"),
    )
}
