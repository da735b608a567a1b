//! The command line `engine`: shows the run engine of a database, and acts on its runs and queues.
//!
//! It has the rights of its role, like any other client. Exit codes: 0 done, 1 failed or found something, 2 wrong
//! usage.

mod audit;
mod bulk;
mod check;
mod conditions;
mod doctor;
mod failure;
mod forget;
mod form;
mod inventory;
mod manual;
mod metrics;
mod output;
mod placement;
mod queue;
mod retention;
mod router;
mod run;
mod schedule;
mod session;
mod shard;
mod statement;
mod table;
mod tail;
mod top;
mod trigger;
#[cfg(feature = "ui")]
mod ui;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use engine_client::Database;

use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// Operates the run engine of a Postgres database.
#[derive(Parser)]
#[command(name = "engine", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// The database: key=value pairs or a postgres:// URL
    #[arg(
        long,
        short,
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "CONNECTION"
    )]
    database: Option<String>,

    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Show queues, rates and stalled runs, and keep them up to date
    Top(top::Arguments),
    /// List, show, cancel, replay and reschedule runs
    #[command(subcommand)]
    Runs(Box<run::Command>),
    /// List queues: how much is queued, due and running
    Queues(queue::ListArguments),
    /// Pause a queue, or an environment: nothing is dequeued from it until it is resumed
    Pause(queue::PauseArguments),
    /// Resume a paused queue or environment
    Resume(queue::Target),
    /// Limit how many runs of a queue may run at once
    Limit(queue::LimitArguments),
    /// List schedules, with their next runs; run one now, pause or resume it
    Schedules(schedule::Arguments),
    /// List versions of workers, or those that hold runs now
    Workers(inventory::Arguments),
    /// List what this database does with shards, and move one to another database
    #[command(subcommand)]
    Shard(shard::Command),
    /// Print the databases of a PgBouncer that leads to the shards of several databases, or the script of a PL/Proxy that does
    Router(router::Arguments),
    /// Trigger a run
    Trigger(trigger::Arguments),
    /// Act on all runs that match, and follow that: cancel, replay, redrive, move, …
    #[command(subcommand)]
    Bulk(bulk::Command),
    /// List what people did, on the dashboard and by this command
    Audit(audit::Arguments),
    /// Delete runs that have ended, with all that belongs to them
    Forget(forget::Arguments),
    /// Print events as they happen
    Tail(tail::Arguments),
    /// List how long runs are kept after they have ended, and what is removed next, which reads all runs; set how long
    Retention(retention::Arguments),
    /// Look for problems that keep the engine from working well
    Doctor(doctor::Arguments),
    /// Serve figures to a monitoring system, as OpenMetrics over HTTP
    Metrics(metrics::Arguments),
    /// Look for runs whose tables contradict each other; reads all runs
    Check,
    /// Print the script by which a shell completes commands and options
    Completions(manual::CompletionArguments),
    /// Print the manual page, or write those of all commands
    Man(manual::ManArguments),
    /// Serve the dashboard over HTTP
    #[cfg(feature = "ui")]
    Ui(ui::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    match execute(arguments, output).await {
        Ok(code) => code,
        Err(failure) => failure.report(output.is_json()),
    }
}

async fn execute(arguments: Arguments, output: Output) -> Result<ExitCode, Failure> {
    match &arguments.command {
        Command::Completions(shell) => {
            return manual::completions(Arguments::command(), shell);
        }
        Command::Man(man) => return manual::man(Arguments::command(), man),
        Command::Router(router) if !router.reads_database() => {
            return router::run(output, router);
        }
        _ => (),
    }
    let Some(connection) = arguments.database else {
        return Err(Failure::usage(
            "no database was given",
            "Pass --database, or set DATABASE_URL: \"host=/run/postgresql user=app dbname=app\".",
        ));
    };
    let database: Database = connection.parse().map_err(Failure::connection_string)?;
    #[cfg(feature = "ui")]
    if let Command::Ui(ui) = arguments.command {
        return ui::run(database, output, ui).await;
    }
    let session = Session::open(database).await?;
    match arguments.command {
        Command::Top(top) => top::run(session, output, &top).await,
        Command::Runs(command) => run::run(&session, output, *command).await,
        Command::Queues(list) => queue::list(&session, output, &list).await,
        Command::Pause(pause) => queue::pause(&session, output, &pause).await,
        Command::Resume(target) => queue::resume(&session, output, &target).await,
        Command::Limit(limit) => queue::limit(&session, output, &limit).await,
        Command::Schedules(schedules) => schedule::run(&session, output, &schedules).await,
        Command::Workers(list) => inventory::workers(&session, output, &list).await,
        Command::Shard(command) => shard::run(session, &connection, output, command).await,
        Command::Trigger(trigger) => trigger::run(&session, output, &trigger).await,
        Command::Bulk(command) => bulk::run(&session, output, command).await,
        Command::Audit(audit) => audit::run(&session, output, &audit).await,
        Command::Forget(forget) => forget::run(&session, output, &forget).await,
        Command::Tail(tail) => tail::run(session, output, &tail).await,
        Command::Retention(retention) => retention::run(&session, output, &retention).await,
        Command::Doctor(doctor) => doctor::run(&session, output, &doctor).await,
        Command::Metrics(metrics) => metrics::run(session, output, &metrics).await,
        Command::Check => check::run(&session, output).await,
        Command::Router(router) => router::run_with(&session, output, &router).await,
        // Done above: they need no session, or have their own.
        Command::Completions(_) | Command::Man(_) => Ok(ExitCode::SUCCESS),
        #[cfg(feature = "ui")]
        Command::Ui(_) => Ok(ExitCode::SUCCESS),
    }
}
