//! The durations of the tests.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

use engine_harness::Size;
use nix::sys::resource::{UsageWho, getrusage};

use super::part::Parts;
use super::verdict::Verdict;

/// Number of slowest tests to name.
const SLOWEST: usize = 15;

/// The report when all tests are over.
pub struct Report<'a> {
    pub size: Size,
    pub parts: &'a Parts,
    pub verdicts: &'a [Verdict],
    /// CPU time of the server that the tests share.
    pub server_cpu: Duration,
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nwhere the time went")?;
        for (name, took) in &self.parts.ended {
            writeln!(f, "{} {name}", seconds(*took))?;
        }
        writeln!(f, "{} in all", seconds(self.parts.in_all()))?;
        self.write_suites(f)?;
        self.write_slowest(f)?;
        let failed: Vec<_> = self.verdicts.iter().filter(|v| !v.has_passed()).collect();
        if !failed.is_empty() {
            writeln!(f, "\nfailed")?;
        }
        for verdict in failed {
            writeln!(f, "    {}", verdict.test.full_name())?;
        }
        writeln!(f)
    }
}

impl Report<'_> {
    fn write_suites(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut suites: BTreeMap<&str, (u64, Duration)> = BTreeMap::new();
        for verdict in self.verdicts {
            let (count, sum) = suites.entry(&verdict.test.suite).or_default();
            *count += 1;
            *sum += verdict.took;
        }
        let sum = self.verdicts.iter().map(|verdict| verdict.took).sum();
        writeln!(
            f,
            "\nthe tests by suite: their times added up, which is more than they took, since they ran beside each other ({} form)",
            self.size.name()
        )?;
        for (suite, (count, sum)) in suites {
            writeln!(f, "{} {suite}: {count} tests", seconds(sum))?;
        }
        writeln!(f, "{} all {} tests", seconds(sum), self.verdicts.len())?;
        let cpu = children_cpu().unwrap_or_default();
        writeln!(
            f,
            "{} CPU time of building, tests and their servers, {} of the server that they share",
            seconds(cpu),
            seconds(self.server_cpu).trim_start()
        )
    }

    fn write_slowest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut slowest: Vec<&Verdict> = self.verdicts.iter().collect();
        slowest.sort_by_key(|verdict| std::cmp::Reverse(verdict.took));
        writeln!(f, "\nthe slowest tests")?;
        for verdict in slowest.iter().take(SLOWEST) {
            writeln!(f, "{} {}", seconds(verdict.took), verdict.test.full_name())?;
        }
        Ok(())
    }
}

fn seconds(time: Duration) -> String {
    format!("{:>8.1} s", time.as_secs_f64())
}

/// CPU time of this process's children that have ended, and of theirs.
fn children_cpu() -> Option<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let times = [usage.user_time(), usage.system_time()];
    let micros = times.map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Some(Duration::from_micros(
        u64::try_from(micros.iter().sum::<i64>()).ok()?,
    ))
}
