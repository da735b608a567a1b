//! `engine shard move`: a shard goes from one database to another by logical replication, while work goes on.
//!
//! What an attempt has done is read from both ends, never remembered: a move that was interrupted is gone on with by the same
//! command. At any time one end at most serves the shard.

mod copying;
mod end;
mod goods;
mod handover;
mod pooler;
mod replication;
mod stage;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use engine_client::Database;
use serde_json::json;

use self::end::End;
use self::pooler::Poolers;
use self::stage::Stage;
use crate::failure::Failure;
use crate::output::Output;
use crate::placement::destination;
use crate::session::Session;
use crate::table::Row;

#[derive(Args)]
pub struct Arguments {
    /// The shard, from 1 to 1295; shard 0 holds the environment "default", which every database has
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1295))]
    shard: u16,

    /// The database that is to serve it: key=value pairs or a postgres:// URL
    #[arg(long, value_name = "CONNECTION")]
    to: String,

    /// What clients call that database, for who asks here afterwards [default: its host and name]
    #[arg(long, value_name = "NAME")]
    place: Option<String>,

    /// How the other server connects to this one [default: as this command does]
    #[arg(long, value_name = "CONNECTION")]
    replicate_from: Option<String>,

    /// Seconds for which calls may be refused while the shard changes hands; after that it is served here again
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,

    #[command(flatten)]
    poolers: pooler::Options,

    /// Check both ends, and show what there is to move
    #[arg(long)]
    dry_run: bool,

    /// Give an interrupted move up: the shard stays here, and what was copied is removed
    #[arg(long, conflicts_with = "dry_run")]
    back: bool,
}

/// `connection` is the string by which the session has connected.
pub async fn run(
    session: Session,
    connection: &str,
    output: Output,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let to: Database = arguments.to.parse().map_err(Failure::connection_string)?;
    let moving = Moving {
        source: End::new(session, arguments.shard).await?,
        target: End::new(Session::open(to).await?, arguments.shard).await?,
        poolers: Poolers::open(&arguments.poolers, arguments.shard).await?,
        output,
    };
    let stage = moving.check().await?;
    if arguments.dry_run {
        return moving.tell().await;
    }
    if arguments.back {
        moving.give_up(stage).await?;
        return moving.told("given up", None);
    }
    let place = match &arguments.place {
        Some(place) => place.clone(),
        None => destination(&arguments.to).map_err(unnamed)?,
    };
    let replicate_from = arguments.replicate_from.as_deref().unwrap_or(connection);
    let patience = Duration::from_secs(arguments.patience);
    let held_up = match stage {
        Stage::Done => {
            return Err(Failure::refused(
                format!("shard {} is served there already", arguments.shard),
                "There is nothing to move.",
            ));
        }
        Stage::Served => None,
        Stage::Begun | Stage::Fresh => {
            let goods = moving.copy(stage, replicate_from).await?;
            Some(moving.hand_over(&goods, &place, patience).await?)
        }
    };
    moving.poolers.reroute(&place).await?;
    moving.leave(&place).await?;
    moving.told("moved", held_up)
}

fn unnamed(why: String) -> Failure {
    let hint = "Pass --place with the name by which clients know it.";
    Failure::usage(format!("the other database has no name: {why}"), hint)
}

/// A move between two ends.
struct Moving {
    source: End,
    target: End,
    poolers: Poolers,
    output: Output,
}

impl Moving {
    /// Says what has been done.
    fn say(&self, line: &str) -> Result<(), Failure> {
        if !self.output.is_json() {
            self.output.line(line)?;
        }
        Ok(())
    }

    /// What there is to move.
    async fn tell(&self) -> Result<ExitCode, Failure> {
        let size = self.source.size().await?;
        let told = |size: &Row| {
            format!(
                "both ends are ready: {} runs, {} of them unfinished",
                size["runs"], size["unfinished"]
            )
        };
        self.output.answer(size, told)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Says how it ended.
    fn told(&self, end: &str, held_up: Option<Duration>) -> Result<ExitCode, Failure> {
        let milliseconds = held_up.map(|time| time.as_millis() as u64);
        if self.output.is_json() {
            self.output.document(&json!({
                "shard": self.source.shard(), "end": end, "held_up_ms": milliseconds,
            }))?;
        } else {
            let held_up = milliseconds.map(|time| format!("; calls were held up for {time} ms"));
            let line = format!(
                "shard {} was {end}{}",
                self.source.shard(),
                held_up.unwrap_or_default()
            );
            self.output.line(&line)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
