//! The table at the end.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::scene::{Events, MOVES};
use crate::batch::Standing;
use crate::digest::Digest;
use crate::line::line;
use crate::verdict::Verdict;

/// What the demo saw.
pub struct Report {
    /// Names of nodes, and how many runs they have in the end.
    pub nodes: Vec<(String, usize)>,
    pub standing: Standing,
    pub elapsed: Duration,
    pub events: Events,
    pub verdict: Verdict,
    /// Of all nodes.
    pub violations: Vec<String>,
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let digests = &self.verdict.digests;
        let sum = |count: fn(&Digest) -> u64| digests.iter().map(count).sum::<u64>();
        let (bytes, lines, words) = (sum(|d| d.bytes), sum(|d| d.lines), sum(|d| d.words));
        let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
        let note = format!("{bytes} bytes, {lines} lines, {words} words");
        line(f, "runs", self.standing.finished, &note)?;
        for (name, runs) in &self.nodes {
            line(f, &format!("on {name}"), runs, "")?;
        }
        line(f, "attempts", self.standing.attempts, "")?;
        let events = &self.events;
        let note = format!(
            "until shard {MOVES} had moved; calls about it waited {} ms, and {} runs finished",
            events.moved.held_up.as_millis(),
            events.while_moving
        );
        line(f, "move", seconds(events.moved.elapsed), &note)?;
        let (killed, finished) = (&events.killed, events.while_dead);
        let note =
            format!("{killed} was dead, killed with SIGKILL; the others finished {finished} runs");
        line(f, "death", seconds(events.dead_for), &note)?;
        let note = "from the first trigger to the last completion";
        line(f, "elapsed", seconds(self.elapsed), note)?;
        let note = self.verdict.unchecked();
        line(f, "same as sha256sum", digests.len(), &note)?;
        let note = "lost, doubled, finished twice, failed, or of another result";
        line(f, "differences", self.verdict.differences.len(), note)?;
        let note = "of invariants, by engine_check() on every node";
        line(f, "violations", self.violations.len(), note)
    }
}
