//! Runs tests beside each other, each in a process of its own.
//!
//! At least as many run as there are cores. Another one begins whenever a core is idle: so tests that sleep run beside
//! tests that compute, and on a busy machine there are no more than that.

use std::collections::VecDeque;
use std::env;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::Result;
use engine_harness::{
    Cluster, OLDER_PREFIXES_VARIABLE, PREFIX_VARIABLE, SERVER_VARIABLE, SIZE_VARIABLE,
    STOCK_VARIABLE, Server, Size, Stock, Sweep, progress,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Arguments;
use super::idle::{Idle, LOOK_EVERY};
use super::program::{Plan, Test};
use super::verdict::Verdict;

/// Most tests per core.
const MOST_PER_CORE: usize = 4;

/// Idle part of a core before another test begins: more than what busy tests leave.
const ROOM: f64 = 0.5;

/// A test that takes longer than this is named.
const LONG: Duration = Duration::from_secs(60);

/// A test that takes longer than this hangs: it is killed, and has failed. The slowest takes a minute on an idle machine.
const LONGEST: Duration = Duration::from_secs(600);

/// The same for tests of full size, which run for as long as they are told to.
const LONGEST_FULL: Duration = Duration::from_secs(4 * 60 * 60);

/// Runs tests.
pub struct Pool {
    environment: Vec<(&'static str, std::ffi::OsString)>,
    server: Server,
    passed_on: Vec<String>,
    longest: Duration,
    cores: usize,
    least: usize,
    most: usize,
}

impl Pool {
    pub fn new(stock: &Stock, cluster: &Cluster, arguments: &Arguments, size: Size) -> Self {
        let cores = available_parallelism().map_or(2, usize::from);
        let jobs = arguments
            .jobs
            .map(|jobs| usize::try_from(jobs).unwrap_or(usize::MAX));
        Self {
            environment: vec![
                (SERVER_VARIABLE, cluster.server().socket().into()),
                (PREFIX_VARIABLE, stock.prefix().base().into()),
                (STOCK_VARIABLE, stock.data().into()),
                (SIZE_VARIABLE, size.name().into()),
            ],
            server: cluster.server().clone(),
            passed_on: arguments.passed_on.clone(),
            longest: match size {
                Size::Short => LONGEST,
                Size::Full => LONGEST_FULL,
            },
            cores,
            least: jobs.unwrap_or(cores),
            most: jobs.unwrap_or(cores * MOST_PER_CORE),
        }
    }

    /// The same for tests that upgrade servers of these prefixes.
    pub fn upgrading_from(mut self, older: &[PathBuf]) -> Result<Self> {
        let variable = (OLDER_PREFIXES_VARIABLE, env::join_paths(older)?);
        self.environment.push(variable);
        Ok(self)
    }

    /// Runs all tests of the plan, and reports each when it ends.
    pub async fn run(&self, plan: &Plan) -> Result<Vec<Verdict>> {
        let mut left: VecDeque<&Test> = plan.tests.iter().collect();
        let mut running = JoinSet::new();
        let mut verdicts = Vec::new();
        let mut idle = Idle::watch();
        loop {
            let has_room = idle.share() * self.cores as f64 > ROOM;
            let one_more = if has_room { running.len() + 1 } else { 0 };
            while running.len() < self.least.max(one_more.min(self.most))
                && let Some(test) = left.pop_front()
            {
                let (command, server) = (self.command(test), self.server.clone());
                running.spawn(run(
                    command,
                    test.clone(),
                    server,
                    self.longest,
                    self.is_shown(),
                ));
            }
            if running.is_empty() {
                return Ok(verdicts);
            }
            if let Ok(Some(ended)) = timeout(LOOK_EVERY, running.join_next()).await {
                let verdict = ended??;
                verdict.tell();
                verdicts.push(verdict);
            }
        }
    }

    /// Whether the tests print by themselves.
    fn is_shown(&self) -> bool {
        let shows = ["--nocapture", "--no-capture", "--show-output"];
        let mut passed_on = self.passed_on.iter();
        passed_on.any(|argument| shows.contains(&argument.as_str()))
    }

    fn command(&self, test: &Test) -> Command {
        let mut command = Command::new(&test.program);
        command
            .args(["--exact", &test.name])
            .args(&self.passed_on)
            .envs(self.environment.iter().cloned())
            .env("CARGO_MANIFEST_DIR", &test.directory)
            .current_dir(&test.directory)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        // With one thread the test would run in the first one, which does not have its name.
        if !self
            .passed_on
            .iter()
            .any(|argument| argument.starts_with("--test-threads"))
        {
            command.arg("--test-threads=2");
        }
        command
    }
}

async fn run(
    mut command: Command,
    test: Test,
    server: Server,
    longest: Duration,
    is_shown: bool,
) -> Result<Verdict> {
    let started_at = Instant::now();
    if !is_shown {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    }
    let process = command.spawn()?;
    let pid = process.id();
    let output = process.wait_with_output();
    tokio::pin!(output);
    let output = loop {
        if let Ok(output) = timeout(LONG, &mut output).await {
            break output?;
        }
        let (name, took) = (test.full_name(), started_at.elapsed());
        let seconds = took.as_secs();
        if took < longest {
            progress::say(format!("{name} has been running for {seconds} s"));
        } else if let Some(pid) = pid {
            progress::say(format!("{name} is killed after {seconds} s"));
            // It may have ended in this moment.
            let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
        }
    };
    let took = started_at.elapsed();
    let sweep = match pid {
        Some(pid) if test.has_server => Sweep::of_process(&server, pid).await?,
        _ => Sweep::default(),
    };
    Ok(Verdict {
        test,
        took,
        output,
        sweep,
    })
}
