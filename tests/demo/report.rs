//! The table at the end.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::batch::Standing;
use super::digest::Digest;
use super::fleet::Killed;
use super::verdict::Verdict;

/// What the demo measured.
pub struct Report<'a> {
    pub runs: usize,
    /// When all were finished.
    pub standing: Standing,
    /// Commit records in the WAL.
    pub commits: u64,
    /// From the first trigger to the last completion.
    pub elapsed: Duration,
    pub pause: Duration,
    pub killed: &'a Killed,
    pub verdict: &'a Verdict,
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let digests = &self.verdict.digests;
        let sum = |count: fn(&Digest) -> u64| digests.iter().map(count).sum::<u64>();
        let (bytes, lines, words) = (sum(|d| d.bytes), sum(|d| d.lines), sum(|d| d.words));
        let seconds = self.elapsed.as_secs_f64();
        let pause = self.pause.as_millis();
        let killed = self.killed;
        let mut row = |name: &str, value: String, note: String| {
            writeln!(
                f,
                "{}",
                format!("{name:<18}{value:>10}   {note}").trim_end()
            )
        };
        row(
            "runs",
            self.runs.to_string(),
            format!("{bytes} bytes, {lines} lines, {words} words"),
        )?;
        row(
            "attempts",
            self.standing.attempts.to_string(),
            String::new(),
        )?;
        row(
            "stalls recovered",
            self.standing.recovered.to_string(),
            format!(
                "runs that {} held when it was killed: {}",
                killed.name, killed.runs
            ),
        )?;
        row(
            "commits per run",
            format!("{:.2}", self.commits as f64 / self.runs as f64),
            format!(
                "{} commit records in the WAL, of the whole server",
                self.commits
            ),
        )?;
        row(
            "runs per second",
            format!("{:.1}", self.runs as f64 / seconds),
            format!("each run waits {pause} ms on purpose"),
        )?;
        row(
            "elapsed",
            format!("{seconds:.2} s"),
            "from the first trigger to the last completion".to_owned(),
        )?;
        let verdict = self.verdict;
        row(
            "same as sha256sum",
            digests.len().to_string(),
            match verdict.changed {
                0 => String::new(),
                changed => format!("files that changed meanwhile, not compared: {changed}"),
            },
        )?;
        row(
            "differences",
            verdict.differences.len().to_string(),
            "lost, finished twice, failed, or of another result".to_owned(),
        )
    }
}
