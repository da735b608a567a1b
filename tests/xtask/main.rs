//! The task runner, `cargo xtask`.

mod db;
mod install;
mod lint;
mod package;
mod pgspot;
mod program;
mod test;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::builder::RangedI64ValueParser;
use clap::{Parser, Subcommand};
use engine_harness::{MAJORS, Profile, Size, Workspace, major, prepare};

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

    /// The major of PostgreSQL to build for and to run, instead: fetched once where it is not installed.
    #[arg(long, global = true, value_name = "MAJOR", value_parser = majors())]
    pg: Option<u32>,
}

fn majors() -> RangedI64ValueParser<u32> {
    let (first, last) = (i64::from(*MAJORS.start()), i64::from(*MAJORS.end()));
    clap::value_parser!(u32).range(first..=last)
}

#[derive(Subcommand)]
enum Command {
    /// Show real work on real input, with a worker killed half-way.
    #[command(disable_help_flag = true)]
    Demo(PassedOn),
    /// Run all tests against a private server.
    Test(test::Arguments),
    /// Run all tests in their full form: soaks, storms and random histories as long as a release requires.
    Trust(test::Arguments),
    /// Measure the engine beside what a client would do without it.
    #[command(disable_help_flag = true)]
    Bench(PassedOn),
    /// Start or reuse a private server with the current build, and print its connection string.
    Db(db::Arguments),
    /// Install a release build into a PostgreSQL server.
    Install,
    /// Make packages of a release build: for Debian, as RPM, as extension image, as source archive.
    Package(package::Arguments),
    /// Check formatting, run clippy with warnings denied, and pgspot on the SQL scripts.
    Lint,
}

/// The arguments of a separate program, which lists them with --help.
#[derive(clap::Args)]
struct PassedOn {
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    arguments: Vec<OsString>,
}

impl PassedOn {
    /// Optimised: otherwise the load generator would use the CPU that it measures. The guard compares CPU time of sessions, whatever
    /// their client takes, and CI does not build everything twice for it.
    fn profile_of_clients(&self) -> Profile {
        if self.arguments.iter().any(|argument| argument == "--guard") {
            Profile::Dev
        } else {
            Profile::Release
        }
    }
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
    prepare::let_server_read();
    let pg_config = match arguments.pg {
        Some(major) => Some(major::pg_config(&Workspace::find()?, major)?),
        None => arguments.pg_config,
    };
    let pg_config = pg_config.as_deref();
    match arguments.command {
        Command::Test(test) => return test::run(pg_config, test, Size::Short).await,
        Command::Trust(test) => return test::run(pg_config, test, Size::Full).await,
        Command::Demo(demo) => {
            program::become_program("engine-demo", Profile::Dev, pg_config, &demo.arguments)?;
        }
        Command::Bench(bench) => {
            let profile = bench.profile_of_clients();
            program::become_program("engine-bench", profile, pg_config, &bench.arguments)?;
        }
        Command::Db(db) => db::run(pg_config, db).await?,
        Command::Install => install::run(pg_config)?,
        Command::Package(package) => package::run(pg_config, package).await?,
        Command::Lint => lint::run(pg_config)?,
    }
    Ok(ExitCode::SUCCESS)
}
