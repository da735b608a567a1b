//! `engine shard split`: which shards to move, so that nodes have about the same to do.

use std::collections::HashSet;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::statement;
use crate::table::{Column, Form, Row};

const COLUMNS: &[Column] = &[
    Column::new("shard", "shard", Form::Count),
    Column::new("environments", "environments", Form::Count),
    Column::new("runs in 3 h", "runs", Form::Count),
    Column::new("place", "place", Form::Text),
];

#[derive(Args)]
pub struct Arguments {
    /// What clients call this database
    #[arg(long, value_name = "NAME")]
    here: String,

    /// What they call the nodes that are to take a part
    #[arg(required = true, value_name = "NODE")]
    nodes: Vec<String>,
}

/// Proposes a place for each shard that has environments and is served here; changes nothing.
pub async fn run(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let places: Vec<&str> = std::iter::once(&arguments.here)
        .chain(&arguments.nodes)
        .map(String::as_str)
        .collect();
    if places.iter().collect::<HashSet<_>>().len() < places.len() {
        let hint = "Name each node once, and this one with --here.";
        return Err(Failure::usage("a node is named twice", hint));
    }
    let mut rows = session.rows(statement::SHARD_LOAD, &[]).await?;
    let weights: Vec<u64> = rows.iter().map(weight).collect();
    for (row, place) in rows.iter_mut().zip(spread(&weights, places.len())) {
        row.insert("place".to_owned(), Value::from(places[place]));
    }
    output.rows(
        rows,
        COLUMNS,
        "no shard can be moved: none but 0 has environments",
    )?;
    Ok(ExitCode::SUCCESS)
}

/// What a shard has to do. One that has nothing now still has environments.
fn weight(row: &Row) -> u64 {
    let count = |key: &str| row[key].as_u64().unwrap_or_default();
    count("runs") + count("environments")
}

/// The place of each weight, of which the greatest come first: where there is least by then. Of equal places it is the first, so
/// that no more moves than has to.
fn spread(weights: &[u64], places: usize) -> Vec<usize> {
    let mut sums = vec![0; places];
    let place = |weight: &u64| {
        let least = (0..places).min_by_key(|place| sums[*place]);
        let least = least.unwrap_or_default();
        sums[least] += weight;
        least
    };
    weights.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_gets_about_the_same() {
        assert_eq!(spread(&[9, 5, 4, 3, 1], 3), [0, 1, 2, 2, 1]);
        assert_eq!(spread(&[1, 1, 1], 2), [0, 1, 0]);
        assert_eq!(spread(&[], 2), [0; 0]);
    }
}
