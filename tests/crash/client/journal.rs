//! What the server has acknowledged, on disk before anything else is done: it outlives the process.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// An open journal, and the directory in which it is.
pub struct Journal {
    file: File,
    directory: PathBuf,
}

impl Journal {
    pub fn open(directory: &Path, name: &str) -> Result<Self> {
        let path = directory.join(format!("{name}.journal"));
        let file = OpenOptions::new().create(true).append(true).open(&path);
        Ok(Self {
            file: file.with_context(|| path.display().to_string())?,
            directory: directory.to_owned(),
        })
    }

    /// Notes one line by one write. If that fails, nothing that the process does counts any more.
    pub fn note(&self, line: &str) {
        if (&self.file)
            .write_all(format!("{line}\n").as_bytes())
            .is_err()
        {
            std::process::abort();
        }
    }

    /// Whether nothing new is to begin.
    pub fn is_draining(&self) -> bool {
        self.directory.join("drain").exists()
    }

    /// The point at which that session is to die, if it is the first one to ask.
    pub fn take_order(&self, session: &str) -> Option<String> {
        let taken = self.directory.join(format!("arm.{session}"));
        std::fs::rename(self.directory.join("arm"), &taken).ok()?;
        let order = std::fs::read_to_string(&taken).ok()?;
        Some(format!("{} {session}", order.trim()))
    }
}
