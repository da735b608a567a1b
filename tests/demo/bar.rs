//! The demo's progress: a bar on a terminal, otherwise a line from time to time.

use anyhow::Result;
use engine_harness::progress;
use indicatif::{ProgressBar, ProgressStyle};

use super::batch::Standing;

/// Lines of a whole demo, where there is no terminal.
const LINES: usize = 10;

pub struct Bar {
    bar: ProgressBar,
    runs: usize,
    /// Of `LINES`.
    lines_said: usize,
}

impl Bar {
    pub fn new(runs: usize) -> Result<Self> {
        let bar = ProgressBar::new(runs as u64);
        bar.set_style(ProgressStyle::with_template(
            "  {bar:40} {pos} of {len} runs finished, {msg}",
        )?);
        Ok(Self {
            bar,
            runs,
            lines_said: 0,
        })
    }

    /// Prints one line about what has happened.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| progress::say(line));
    }

    pub fn show(&mut self, standing: Standing) {
        let Standing { finished, held, .. } = standing;
        let executing = format!("{held} executing");
        if self.bar.is_hidden() {
            let lines = finished * LINES / self.runs.max(1);
            if lines > self.lines_said {
                self.lines_said = lines;
                let runs = self.runs;
                progress::say(format!("{finished} of {runs} runs finished, {executing}"));
            }
        }
        self.bar.set_message(executing);
        self.bar.set_position(finished as u64);
    }

    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}
