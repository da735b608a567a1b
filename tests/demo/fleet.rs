//! The worker processes.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use engine_harness::condition::eventually;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_postgres::Client;

use super::batch;

/// Longer than a worker lets its runs finish.
const STOP_PATIENCE: Duration = Duration::from_secs(15);

const SERVE_PATIENCE: Duration = Duration::from_secs(30);

/// How the workers of a fleet work.
pub struct Plan<'a> {
    /// The program that has the subcommand `work`.
    pub program: &'a Path,
    pub workers: usize,
    /// Of each worker.
    pub concurrency: usize,
    /// The least time that a run takes.
    pub pause: Duration,
    /// The directory of the files.
    pub root: &'a Path,
}

/// Processes that work until they are stopped or killed; they are killed when this is dropped.
pub struct Fleet {
    workers: Vec<Process>,
}

struct Process {
    name: String,
    child: Child,
    is_killed: bool,
}

/// A worker that died, and how many runs it held then.
pub struct Killed {
    pub name: String,
    pub runs: i64,
}

impl Fleet {
    /// Starts workers of the databases that the connection strings name.
    pub fn start(plan: &Plan, databases: &[String]) -> Result<Self> {
        let workers = (1..=plan.workers).map(|number| {
            let name = format!("worker-{number}");
            let child = Command::new(plan.program)
                .args(["work", "--name", &name])
                .args(databases.iter().flat_map(|of| ["--database", of]))
                .args(["--concurrency", &plan.concurrency.to_string()])
                .args(["--pause-ms", &plan.pause.as_millis().to_string()])
                .arg("--root")
                .arg(plan.root)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                // The terminal's Ctrl-C is for the process that started them.
                .process_group(0)
                .kill_on_drop(true)
                .spawn()
                .with_context(|| format!("cannot start {}", plan.program.display()))?;
            Ok(Process {
                name,
                child,
                is_killed: false,
            })
        });
        Ok(Self {
            workers: workers.collect::<Result<_>>()?,
        })
    }

    /// Kills with SIGKILL the worker that holds the most runs. None if no run is executed.
    ///
    /// It is halted first, so that it cannot finish them between the check and the kill.
    pub async fn kill_busiest(&mut self, observer: &Client) -> Result<Option<Killed>> {
        let Some(name) = batch::busiest_worker(observer).await? else {
            return Ok(None);
        };
        let worker = self.workers.iter_mut().find(|worker| worker.name == name);
        let worker = worker.with_context(|| format!("a stranger executes runs: \"{name}\""))?;
        let pid = worker.child.id();
        let pid = pid.with_context(|| format!("{name} has ended"))?;
        let pid = Pid::from_raw(i32::try_from(pid)?);
        kill(pid, Signal::SIGSTOP)?;
        // Its earlier statements take effect before it is checked.
        let served = format!("the server has done what {name} asked for");
        eventually(&served, SERVE_PATIENCE, async || {
            batch::is_served(observer, &name).await
        })
        .await?;
        let runs = batch::runs_held_by(observer, &name).await?;
        if runs == 0 {
            kill(pid, Signal::SIGCONT)?;
            return Ok(None);
        }
        worker.is_killed = true;
        worker.child.kill().await?;
        Ok(Some(Killed { name, runs }))
    }

    /// Fails if a worker has ended by itself.
    pub fn check(&mut self) -> Result<()> {
        for worker in self.workers.iter_mut().filter(|worker| !worker.is_killed) {
            if let Some(status) = worker.child.try_wait()? {
                bail!("{} ended with {status}", worker.name);
            }
        }
        Ok(())
    }

    /// Lets all workers finish what they hold, and waits until they have ended.
    pub async fn stop(mut self) -> Result<()> {
        for worker in &mut self.workers {
            // They work until this ends.
            drop(worker.child.stdin.take());
        }
        for worker in self.workers.iter_mut().filter(|worker| !worker.is_killed) {
            let name = &worker.name;
            let status = timeout(STOP_PATIENCE, worker.child.wait())
                .await
                .with_context(|| format!("{name} did not stop within {STOP_PATIENCE:?}"))??;
            ensure!(status.success(), "{name} ended with {status}");
        }
        Ok(())
    }
}
