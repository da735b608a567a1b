//! The idle share of the machine.

use std::fs;
use std::time::{Duration, Instant};

/// Time between two measurements. By then a test that began just before has shown its load.
pub const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Work of all cores since the machine was started, in ticks.
#[derive(Clone, Copy, Default)]
struct Ticks {
    idle: u64,
    all: u64,
}

/// Watches the cores.
pub struct Idle {
    last: Ticks,
    looked_at: Instant,
}

impl Idle {
    pub fn watch() -> Self {
        Self {
            last: read().unwrap_or_default(),
            looked_at: Instant::now(),
        }
    }

    /// The share of the cores' time since the last measurement in which they were idle or waited for a disk; zero if it
    /// is too early for another one, or this is unknown.
    pub fn share(&mut self) -> f64 {
        if self.looked_at.elapsed() < LOOK_EVERY {
            return 0.0;
        }
        self.looked_at = Instant::now();
        let now = read().unwrap_or_default();
        let all = now.all.saturating_sub(self.last.all);
        let idle = now.idle.saturating_sub(self.last.idle);
        self.last = now;
        if all == 0 {
            return 0.0;
        }
        idle as f64 / all as f64
    }
}

fn read() -> Option<Ticks> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    parse(text.lines().next()?)
}

/// Reads a line such as `cpu user nice system idle iowait irq softirq steal …`.
fn parse(line: &str) -> Option<Ticks> {
    let numbers = line.strip_prefix("cpu ")?.split_whitespace();
    let numbers: Vec<u64> = numbers
        .map_while(|number| number.parse().ok())
        .take(8)
        .collect();
    Some(Ticks {
        idle: numbers.get(3)? + numbers.get(4)?,
        all: numbers.iter().sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_a_disk_counts_as_idle() {
        let ticks = parse("cpu  10 1 9 60 20 0 0 0 5 0").unwrap();
        assert_eq!((ticks.idle, ticks.all), (80, 100));
    }
}
