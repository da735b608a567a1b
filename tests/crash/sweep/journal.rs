//! What clients have noted as acknowledged.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// All that the clients of a round have noted so far.
#[derive(Clone, Default)]
pub struct Journals {
    /// How much of each file was read.
    read: HashMap<String, usize>,
    /// Runs that must be there.
    pub runs: HashSet<String>,
    /// Runs that retention may have removed.
    pub brief: HashSet<String>,
    /// Runs whose end was acknowledged.
    pub ended: HashSet<String>,
    /// Runs that an operator may have put back into their queue.
    pub redriven: HashSet<String>,
    pub batches: HashSet<String>,
    pub waitpoints: HashSet<String>,
    /// The outputs that waitpoints were completed with.
    pub outputs: HashMap<String, String>,
    /// The positions that named readers have acknowledged.
    pub positions: HashMap<String, i64>,
    /// Errors that are nobody's refusal.
    pub faults: Vec<String>,
}

impl Journals {
    /// Reads what was written since the last time. A line of which only a part is there comes next time.
    pub fn read(&mut self, directory: &Path) -> Result<()> {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_none_or(|ending| ending != "journal") {
                continue;
            }
            let text = fs::read_to_string(&path)?;
            let from = self.read.entry(path.display().to_string()).or_default();
            let new = &text[*from..];
            let end = new.rfind('\n').map_or(0, |end| end + 1);
            *from += end;
            let lines: Vec<String> = new[..end].lines().map(str::to_owned).collect();
            for line in lines {
                self.note(&line).with_context(|| line.clone())?;
            }
        }
        Ok(())
    }

    fn note(&mut self, line: &str) -> Result<()> {
        let (word, rest) = line.split_once(' ').context("no word")?;
        let id = rest.to_owned();
        match word {
            "run" => _ = self.runs.insert(id),
            "brief" => _ = self.brief.insert(id),
            "end" => _ = self.ended.insert(id),
            "redriven" => _ = self.redriven.insert(id),
            "batch" => _ = self.batches.insert(id),
            "waitpoint" => _ = self.waitpoints.insert(id),
            "output" => {
                let (waitpoint, output) = rest.split_once(' ').context("no output")?;
                self.outputs.insert(waitpoint.to_owned(), output.to_owned());
            }
            "read" => {
                let (reader, position) = rest.split_once(' ').context("no position")?;
                let last = self.positions.entry(reader.to_owned()).or_default();
                *last = (*last).max(position.parse()?);
            }
            "fault" => self.faults.push(id),
            _ => anyhow::bail!("an unknown word"),
        }
        Ok(())
    }
}
