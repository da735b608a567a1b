//! Processes as `/proc` shows them.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

struct Stat {
    state: char,
    parent: i32,
}

fn stat(pid: Pid) -> Option<Stat> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may itself contain spaces and parentheses.
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some(Stat {
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
    })
}

/// A zombie has ended: nobody may be there to collect it.
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

/// Waits until `holds`; false when `patience` ran out first.
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
