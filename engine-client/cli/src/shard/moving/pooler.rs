//! PgBouncer in front of the databases: it holds calls back while a shard changes hands.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use engine_client::{Connection, Database};
use tokio::process::Command;
use tokio::time::timeout;
use tokio_postgres::SimpleQueryMessage;

use crate::failure::Failure;
use crate::placement::named;

/// How long calls are waited for that are under way at a pooler.
const LONGEST_CALL: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(super) struct Options {
    /// The console of a PgBouncer, whose database of the shard is paused while it changes hands; may be repeated
    #[arg(long, value_name = "CONNECTION")]
    pooler: Vec<String>,

    /// What its clients call the database of a shard
    #[arg(long, default_value = "engine_{shard}", value_name = "NAME")]
    pooled: String,

    /// A shell command that writes where the shard is now into its settings, which it reads again then
    #[arg(long, value_name = "COMMAND", requires = "pooler")]
    reroute: Option<String>,
}

/// The poolers that lead to a shard.
pub(super) struct Poolers {
    consoles: Vec<Console>,
    /// What their clients call its database.
    database: String,
    reroute: Option<String>,
}

/// The console of a pooler. A pause occupies its session until the last call has ended; another one looks.
struct Console {
    commands: Arc<Connection>,
    looks: Connection,
}

impl Poolers {
    pub(super) async fn open(options: &Options, shard: u16) -> Result<Self, Failure> {
        let mut consoles = Vec::new();
        for pooler in &options.pooler {
            let console: Database = pooler.parse().map_err(Failure::connection_string)?;
            consoles.push(Console {
                commands: Arc::new(console.connect().await?),
                looks: console.connect().await?,
            });
        }
        let poolers = Self {
            consoles,
            database: named(&options.pooled, shard),
            reroute: options.reroute.clone(),
        };
        for console in &poolers.consoles {
            console.is_paused(&poolers.database).await?;
        }
        Ok(poolers)
    }

    /// Has new calls wait, and lets those that are under way end. Those that wait for runs only end when the shard is MOVING.
    pub(super) async fn hold(&self) -> Result<(), Failure> {
        for console in &self.consoles {
            if console.is_paused(&self.database).await? {
                continue;
            }
            let commands = Arc::clone(&console.commands);
            let pause_it = format!("pause {}", quoted(&self.database));
            // It is answered once no call is under way.
            let paused =
                tokio::spawn(async move { commands.client().batch_execute(&pause_it).await });
            let ended = timeout(LONGEST_CALL, paused).await;
            if let Ok(Ok(Err(error))) = ended {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Leads calls to where the shard is now.
    pub(super) async fn reroute(&self, place: &str) -> Result<(), Failure> {
        let rerouted = match &self.reroute {
            Some(command) => rerouted(command, place).await,
            None => Ok(()),
        };
        for console in &self.consoles {
            console.command("reload").await?;
        }
        // Calls that the pooler leads astray are refused, and do not hang.
        self.release().await?;
        rerouted
    }

    /// Has calls go on.
    pub(super) async fn release(&self) -> Result<(), Failure> {
        for console in &self.consoles {
            if console.is_paused(&self.database).await? {
                let resume = format!("resume {}", quoted(&self.database));
                console.command(&resume).await?;
            }
        }
        Ok(())
    }
}

impl Console {
    async fn command(&self, command: &str) -> Result<(), Failure> {
        Ok(self.looks.client().batch_execute(command).await?)
    }

    async fn is_paused(&self, database: &str) -> Result<bool, Failure> {
        let messages = self.looks.client().simple_query("show databases").await?;
        for message in messages {
            if let SimpleQueryMessage::Row(row) = message
                && row.get("name") == Some(database)
            {
                return Ok(row.get("paused") == Some("1"));
            }
        }
        Err(Failure::refused(
            format!("the pooler has no database {database}"),
            "Pass --pooled with the name that its clients use, such as engine_{shard}.",
        ))
    }
}

/// Runs the command that writes the pooler's settings.
async fn rerouted(command: &str, place: &str) -> Result<(), Failure> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).env("ENGINE_PLACE", place);
    let output = shell.output().await?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(Failure::refused(
        format!(
            "the shard has moved, and the command of --reroute failed ({}): {}",
            output.status,
            complaint.trim()
        ),
        "Write the pooler's settings yourself, and have it read them: reload.",
    ))
}

/// A name as the console reads it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
