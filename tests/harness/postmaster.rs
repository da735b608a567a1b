//! The server's first process: how it is started, found, stopped and killed.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Prefix;
use crate::home::Home;
use crate::process::{children_of, family_cpu_time, has_ended, is_halted, wait_until};

/// Includes a crash recovery.
const START_PATIENCE: Duration = Duration::from_secs(120);
const STOP_PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Postmaster {
    pid: Pid,
    // None when an earlier command started it.
    child: Option<Child>,
}

impl Postmaster {
    /// Starts the server of `home` and waits until it takes connections. A lasting one does not
    /// get the signals of this process's terminal.
    pub(crate) fn start(prefix: &Prefix, home: &Home, lasting: bool) -> Result<Self> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(home.log())?;
        let mut command = prefix.account.command(&prefix.program("postgres"));
        command
            .arg("-D")
            .arg(home.data())
            .arg("-k")
            .arg(home.socket());
        command.args(["-p", &crate::Server::PORT.to_string()]);
        command
            .stdout(log.try_clone()?)
            .stderr(log)
            .stdin(Stdio::null());
        if lasting {
            command.process_group(0);
        }
        let child = command.spawn().context("cannot start postgres")?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        let mut postmaster = Self {
            pid,
            child: Some(child),
        };
        let ready = wait_until(START_PATIENCE, || {
            postmaster.has_ended() || is_ready(&home.data(), pid)
        });
        if ready && !postmaster.has_ended() {
            return Ok(postmaster);
        }
        postmaster.kill_9()?;
        bail!(
            "the server did not start; its log ends:\n{}",
            end_of(&home.log())
        );
    }

    /// The running server of the data directory `data`, however it was started.
    pub(crate) fn running(data: &Path) -> Option<Self> {
        let pid = Pid::from_raw(pid_file(data)?.first()?.parse().ok()?);
        // The file outlives a killed server and its number may now be another process's.
        let data = data.canonicalize().ok()?;
        let is_it = fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == data);
        is_it.then_some(Self { pid, child: None })
    }

    /// Ends all sessions and stops in order.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.end_by(Signal::SIGINT)
    }

    /// Stops without a checkpoint, for data that is no longer needed.
    pub(crate) fn stop_at_once(&mut self) -> Result<()> {
        self.end_by(Signal::SIGQUIT)
    }

    /// Kills every process of the server at once, and returns when all are gone.
    pub(crate) fn kill_9(&mut self) -> Result<()> {
        // Halted first, so that it starts no further backend while they are listed.
        let _ = kill(self.pid, Signal::SIGSTOP);
        wait_until(STOP_PATIENCE, || is_halted(self.pid));
        let backends = children_of(self.pid);
        for pid in backends.iter().chain([&self.pid]) {
            // One that has just ended by itself counts as killed.
            let _ = kill(*pid, Signal::SIGKILL);
        }
        let gone = wait_until(STOP_PATIENCE, || {
            self.has_ended() && backends.iter().all(|backend| has_ended(*backend))
        });
        ensure!(gone, "processes of the server survived SIGKILL");
        Ok(())
    }

    /// Kills these backends at once.
    pub(crate) fn kill_9_backends(&self, pids: &[i32]) -> Result<()> {
        let pids: Vec<Pid> = pids.iter().copied().map(Pid::from_raw).collect();
        let backends = children_of(self.pid);
        for pid in &pids {
            ensure!(backends.contains(pid), "{pid} is no backend of the server");
        }
        for pid in pids {
            match kill(pid, Signal::SIGKILL) {
                // The server ends all others once it has noticed the first one.
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// CPU time that all processes of the server have used.
    pub(crate) fn cpu_time(&self) -> Duration {
        family_cpu_time(self.pid)
    }

    fn end_by(&mut self, signal: Signal) -> Result<()> {
        let _ = kill(self.pid, signal);
        let started = Instant::now();
        if wait_until(STOP_PATIENCE, || self.has_ended()) {
            return Ok(());
        }
        self.kill_9()?;
        bail!(
            "the server did not stop within {:?} and was killed",
            started.elapsed()
        );
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        match &mut self.child {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => has_ended(self.pid),
        }
    }
}

/// The same sign that `pg_ctl` waits for: the server writes its state into the eighth line.
fn is_ready(data: &Path, pid: Pid) -> bool {
    pid_file(data).is_some_and(|lines| {
        lines.first().is_some_and(|line| *line == pid.to_string())
            && lines.get(7).is_some_and(|state| state.starts_with("ready"))
    })
}

fn pid_file(data: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    Some(text.lines().map(|line| line.trim().to_owned()).collect())
}

/// The directory of the socket that the running server of `data` listens on.
pub(crate) fn socket_of(data: &Path) -> Option<String> {
    pid_file(data)?.into_iter().nth(4)
}

fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
