//! Processes in `/proc`.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

/// Clock ticks per second in `/proc`: USER_HZ, the same on every Linux.
const TICKS_PER_SECOND: u64 = 100;

struct Stat {
    state: char,
    parent: i32,
    /// CPU time of the process itself, ticks.
    own: u64,
    /// CPU time of its children that have ended and that it has collected, ticks.
    collected: u64,
}

fn stat(pid: Pid) -> Option<Stat> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may itself contain spaces and parentheses.
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some(Stat {
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        own: ticks(&mut fields, 9)?,
        collected: ticks(&mut fields, 0)?,
    })
}

/// User and system mode together, two adjacent fields after `skipped` others.
fn ticks<'a>(fields: &mut impl Iterator<Item = &'a str>, skipped: usize) -> Option<u64> {
    let user: u64 = fields.nth(skipped)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// CPU time that the process `pid` has used, with all its threads. Zero if it is gone.
#[must_use]
pub fn cpu_time_of(pid: u32) -> Duration {
    let found = i32::try_from(pid).ok().map(Pid::from_raw).and_then(stat);
    time(found.map_or(0, |stat| stat.own))
}

/// CPU time that a process without threads, such as that of a session, has used, to the nanosecond where the kernel counts that.
/// `None` if it is gone.
#[must_use]
pub fn session_cpu_time(pid: i32) -> Option<Duration> {
    thread_cpu_time(Pid::from_raw(pid))
}

/// CPU time that `parent` and its children have used, including ended ones. None of them may have threads.
pub(crate) fn family_cpu_time(parent: Pid) -> Duration {
    let ended = time(stat(parent).map_or(0, |stat| stat.collected));
    let living = children_of(parent).into_iter().chain([parent]);
    ended + living.filter_map(thread_cpu_time).sum::<Duration>()
}

/// CPU time of a process's first thread, to the nanosecond where the kernel counts that.
fn thread_cpu_time(pid: Pid) -> Option<Duration> {
    match fs::read_to_string(format!("/proc/{pid}/schedstat")) {
        Ok(line) => {
            let nanoseconds = line.split_whitespace().next()?.parse().ok()?;
            Some(Duration::from_nanos(nanoseconds))
        }
        Err(_) => stat(pid).map(|stat| time(stat.own)),
    }
}

fn time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// A zombie has ended: its parent may never collect it.
pub(crate) fn has_ended(pid: Pid) -> bool {
    stat(pid).is_none_or(|stat| matches!(stat.state, 'Z' | 'X'))
}

/// Whether SIGSTOP has taken effect, or the process has ended.
pub(crate) fn is_halted(pid: Pid) -> bool {
    stat(pid).is_none_or(|stat| matches!(stat.state, 'T' | 't' | 'Z' | 'X'))
}

pub(crate) fn children_of(parent: Pid) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
        .filter(|pid| stat(*pid).is_some_and(|stat| stat.parent == parent.as_raw()))
        .collect()
}

/// Waits until `holds`; returns false when `patience` ran out first.
pub(crate) fn wait_until(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !holds() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}
