//! The arguments of the demo.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::worker;

/// Shows real work on real input, with a worker killed half-way.
#[derive(Parser)]
#[command(
    name = "cargo xtask demo",
    bin_name = "cargo xtask demo",
    args_conflicts_with_subcommands = true
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Every file below this directory becomes a run [default: the checkout, without .git and
    /// target].
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,

    /// Spread the runs over so many servers; a shard moves, and one of them is killed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(3..=6))]
    pub nodes: Option<u16>,

    /// Leave the server running, to look around in it.
    #[arg(long, conflicts_with = "nodes")]
    pub keep: bool,

    /// Stop the server that an earlier --keep left running, and remove its data.
    #[arg(long, conflicts_with_all = ["directory", "nodes", "keep"])]
    pub stop: bool,

    /// The pg_config of the PostgreSQL to build for and to run.
    #[arg(long, env = "PG_CONFIG", value_name = "PATH")]
    pub pg_config: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Command {
    /// One worker process, which the demo starts.
    #[command(hide = true)]
    Work(worker::Arguments),
}
