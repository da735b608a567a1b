//! The table at the end.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::batch::Standing;
use super::digest::Digest;
use super::fleet::Killed;
use super::line::line;
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
        line(
            f,
            "runs",
            self.runs,
            &format!("{bytes} bytes, {lines} lines, {words} words"),
        )?;
        line(f, "attempts", self.standing.attempts, "")?;
        let (name, held) = (&killed.name, killed.runs);
        line(
            f,
            "stalls recovered",
            self.standing.recovered,
            &format!("runs that {name} held when it was killed: {held}"),
        )?;
        let commits = self.commits;
        line(
            f,
            "commits per run",
            format!("{:.2}", commits as f64 / self.runs as f64),
            &format!("{commits} commit records in the WAL, of the whole server"),
        )?;
        line(
            f,
            "runs per second",
            format!("{:.1}", self.runs as f64 / seconds),
            &format!("each run waits {pause} ms on purpose"),
        )?;
        line(
            f,
            "elapsed",
            format!("{seconds:.2} s"),
            "from the first trigger to the last completion",
        )?;
        line(
            f,
            "same as sha256sum",
            digests.len(),
            &self.verdict.unchecked(),
        )?;
        line(
            f,
            "differences",
            self.verdict.differences.len(),
            "lost, finished twice, failed, or of another result",
        )
    }
}
