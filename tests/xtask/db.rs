//! `cargo xtask db`: a private server that keeps running.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use engine_harness::{Options, PgConfig, Prefix, Profile, Resident, Workspace, prepare, progress};

const DATABASE: &str = "engine";
const PURPOSE: &str = "db";

#[derive(Args)]
pub struct Arguments {
    /// Stop the server; its data stays.
    #[arg(long, conflicts_with = "reset")]
    stop: bool,

    /// Begin again with empty data.
    #[arg(long)]
    reset: bool,

    /// Build the extension optimised, for figures that mean something. The server and its data are the same.
    #[arg(long, conflicts_with = "stop")]
    release: bool,
}

pub async fn run(pg_config: Option<&Path>, arguments: Arguments) -> Result<()> {
    if arguments.stop {
        return stop(pg_config);
    }
    let profile = if arguments.release {
        Profile::Release
    } else {
        Profile::Dev
    };
    let prepared = prepare::prefix(pg_config, PURPOSE, profile)?;
    let mut resident = Resident::open(prepared.prefix.clone())?;
    if arguments.reset {
        progress::say("removing the old data");
        resident.remove()?;
    } else if resident.is_running() && resident.is_outdated()? {
        progress::say("restarting the server with the new library");
        resident.stop()?;
    }
    if !resident.is_running() {
        progress::say(format!(
            "starting the server in {}",
            resident.directory().display()
        ));
        resident.start(&Options::default())?;
    }
    create_database(&resident, &prepared.extension.script).await?;
    println!("{}", resident.server().connection_string(DATABASE));
    Ok(())
}

fn stop(pg_config: Option<&Path>) -> Result<()> {
    let pg = PgConfig::find_or_install(pg_config)?;
    let mut resident = Resident::open(Prefix::lay(&Workspace::find()?, &pg, PURPOSE)?)?;
    let was_running = resident.is_running();
    resident.stop()?;
    progress::say(if was_running {
        "the server has stopped"
    } else {
        "no server runs"
    });
    Ok(())
}

/// Creates the database where it is missing; where it is older than the build, says so.
async fn create_database(resident: &Resident, script: &Path) -> Result<()> {
    let server = resident.server();
    let used_script = resident.directory().join("data/engine.sql");
    let current = fs::read_to_string(script)?;
    let maintenance = server.connect("postgres").await?;
    let sql = "select from pg_database d where d.datname = $1";
    if maintenance.query_opt(sql, &[&DATABASE]).await?.is_none() {
        maintenance
            .batch_execute(&format!("create database {DATABASE}"))
            .await?;
    }
    let client = server.connect(DATABASE).await?;
    let sql = "select from pg_extension e where e.extname = 'engine'";
    if client.query_opt(sql, &[]).await?.is_none() {
        client
            .batch_execute("create extension engine")
            .await
            .context("CREATE EXTENSION failed")?;
        fs::write(used_script, current)?;
    } else if fs::read_to_string(used_script).ok().as_ref() != Some(&current) {
        progress::say(
            "the database was made by another install script: `cargo xtask db --reset` begins \
             again with this one and loses the data",
        );
    }
    Ok(())
}
