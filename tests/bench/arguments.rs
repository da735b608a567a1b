//! The arguments of the benchmark. A test of the documentation parses pages with them, without building the rest.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};

/// Measures the engine beside what a client would do without it.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
pub struct Arguments {
    /// What to measure; everything if nothing is named.
    #[arg(value_enum, value_name = "SUITE")]
    pub suites: Vec<Suite>,

    /// Measure other queues in Postgres as well; alone if no suite is named. Installs them from their registries.
    #[arg(long)]
    pub peers: bool,

    /// Measure ratios of CPU in a minute, and compare them with the recorded ones; fails if one is more than 20 % worse.
    #[arg(long, conflicts_with_all = ["suites", "peers"])]
    pub guard: bool,

    /// Record the ratios instead.
    #[arg(long, requires = "guard")]
    pub record: bool,

    /// Start the server without the library preloaded.
    #[arg(long, conflicts_with_all = ["guard", "peers"])]
    pub without_preloading: bool,

    /// Seconds that a trial takes; each suite has its own default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: Option<u64>,

    /// How many sessions work at a time; each number is measured.
    #[arg(long, value_name = "N", num_args = 1.., value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub clients: Vec<usize>,

    /// How often each variant is measured; each suite has its own default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub repeat: Option<u64>,

    /// Repeats the order of an earlier command.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// The most runs that the suites `growth`, `retention` and `page` fill in, for a quick look.
    #[arg(long, value_name = "N", env = "ENGINE_BENCH_ROWS_LIMIT")]
    pub rows_limit: Option<u64>,

    /// The pg_config of the PostgreSQL to build for and to run.
    #[arg(long, env = "PG_CONFIG", value_name = "PATH")]
    pub pg_config: Option<PathBuf>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// The dequeue alone, beside what a client would do without the engine.
    Dequeue,
    /// Runs from trigger to completion.
    Lifecycle,
    /// Dequeues while the queue and the history grow.
    Growth,
    /// Dequeues behind queues that are at their limits.
    Blocked,
    /// Steady load while a transaction stays open.
    Horizon,
    /// Idle workers: how fast they wake, and what they cost.
    Wake,
    /// Dequeues while very many delays end.
    Delay,
    /// Runs that wait and resume, beside many others that wait.
    Wait,
    /// Retry, requeue, checkpoint and cancel, beside what a client would do without the engine.
    Flow,
    /// Transitions by the form of the tables.
    Storage,
    /// The removal of ended runs, and work beside those that are kept.
    Retention,
    /// What it costs a call to find out whether its caller may make it.
    Right,
    /// What idle shards add to ticks and dequeues.
    Shard,
    /// Pages of the dashboard, and lists.
    Page,
    /// The way of a call to its node, through the driver and a pooler, and what very many environments take.
    Nodes,
}
