//! The task runner, `cargo xtask`.

#[path = "../bench/mod.rs"]
mod bench;
mod db;
#[path = "../demo/mod.rs"]
mod demo;
mod install;
mod lint;
mod pgspot;
mod prepare;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use nix::sys::stat::{Mode, umask};

/// Builds, runs, tests and installs the engine.
///
/// A PostgreSQL server with headers is installed from Debian's packages where none is found.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// The pg_config of the PostgreSQL to build for and to run.
    #[arg(long, global = true, env = "PG_CONFIG", value_name = "PATH")]
    pg_config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Show real work on real input, with a worker killed half-way.
    Demo(demo::Arguments),
    /// One worker process of the demo.
    #[command(hide = true)]
    DemoWorker(demo::worker::Arguments),
    /// Run all tests against a private server.
    Test(test::Arguments),
    /// Measure the engine beside what a client would do without it.
    Bench(bench::Arguments),
    /// Start or reuse a private server with the current build, and print its connection string.
    Db(db::Arguments),
    /// Install a release build into a PostgreSQL server.
    Install,
    /// Check formatting, run clippy with warnings denied, and pgspot on the SQL scripts.
    Lint,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    // The server's account, which is another one when we are root, must read what we write.
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let pg_config = arguments.pg_config.as_deref();
    match arguments.command {
        Command::Test(test) => return test::run(pg_config, test).await,
        Command::Demo(demo) => demo::run(pg_config, demo).await?,
        Command::DemoWorker(worker) => demo::worker::run(worker).await?,
        Command::Bench(bench) => bench::run(pg_config, bench).await?,
        Command::Db(db) => db::run(pg_config, db).await?,
        Command::Install => install::run(pg_config)?,
        Command::Lint => lint::run(pg_config)?,
    }
    Ok(ExitCode::SUCCESS)
}
