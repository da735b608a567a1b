//! `engine router`: the map of shards for a pooler in front of several databases, or for a database in front of them.

mod plproxy;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::output::Output;
use crate::placement::{Placement, named};
use crate::session::Session;

#[derive(Args)]
#[group(id = "source", required = true, multiple = false)]
pub struct Source {
    /// A file with lines such as "0-31 host=node-a dbname=app"; "-" for the standard input
    placement: Option<PathBuf>,

    /// The connection of every shard, with its number for {shard}
    #[arg(long, value_name = "CONNECTION")]
    template: Option<String>,
}

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    source: Source,

    /// How many shards a template is for
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1296))]
    shards: u16,

    /// Print the script of a database that leads to the shards by PL/Proxy, with the functions of --database
    #[arg(long)]
    plproxy: bool,

    /// What clients call the database of a shard
    #[arg(long, default_value = "engine_{shard}", value_name = "NAME")]
    name: String,
}

impl Arguments {
    /// Whether what is printed depends on a database.
    pub fn reads_database(&self) -> bool {
        self.plproxy
    }

    fn placement(&self) -> Result<Placement, Failure> {
        match &self.source {
            Source {
                template: Some(template),
                ..
            } => Placement::of_template(template, self.shards),
            Source {
                placement: Some(path),
                ..
            } => Placement::read(&text_of(path)?),
            Source { .. } => unreachable!("one of them is required"),
        }
    }
}

/// Prints the script of a database that leads to the shards.
pub async fn run_with(
    session: &Session,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    plproxy::run(session, output, &arguments.placement()?).await
}

/// Prints the section `[databases]` of PgBouncer's settings.
pub fn run(output: Output, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let name = |shard| named(&arguments.name, shard);
    if name(0) == name(1) {
        return Err(Failure::usage(
            "the name of a database does not name its shard",
            "Pass a name with {shard}, such as engine_{shard}.",
        ));
    }
    let placement = arguments.placement()?;
    if output.is_json() {
        let databases: Map<String, Value> = placement
            .iter()
            .map(|(shard, connection)| (name(shard), Value::from(connection)))
            .collect();
        output.document(&Value::Object(databases))?;
        return Ok(ExitCode::SUCCESS);
    }
    output.line("[databases]")?;
    for (shard, connection) in placement.iter() {
        output.line(&format!("{} = {connection}", name(shard)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    text.map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        Failure::refused(
            message,
            "Pass a file with lines such as \"0-31 host=node-a dbname=app\".",
        )
    })
}
