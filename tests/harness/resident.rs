//! A private server that keeps running after the command that started it.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Result;

use crate::home::Home;
use crate::postmaster::{Postmaster, socket_of};
use crate::{Options, Prefix, Server};

/// The lasting server of a prefix, running or not.
#[derive(Debug)]
pub struct Resident {
    postmaster: Option<Postmaster>,
    prefix: Prefix,
    home: Home,
}

impl Resident {
    /// Finds the server of `prefix`, which an earlier command may have left running.
    ///
    /// # Errors
    /// If its directory cannot be written.
    pub fn open(prefix: Prefix) -> Result<Self> {
        let home = Home::lasting(&prefix)?;
        Ok(Self {
            postmaster: Postmaster::running(&home.data()),
            prefix,
            home,
        })
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.postmaster.is_some()
    }

    /// Whether it was started before the library was last replaced.
    ///
    /// # Errors
    /// If no library is loaded in the prefix.
    pub fn is_outdated(&self) -> Result<bool> {
        let started_at = fs::metadata(self.home.data().join("postmaster.pid"))
            .and_then(|file| file.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(started_at < self.prefix.loaded_at()?)
    }

    /// Starts it, if it does not run, on the data it has; the first time on new data with
    /// `options`.
    ///
    /// # Errors
    /// If it does not start; the error carries the end of its log.
    pub fn start(&mut self, options: &Options) -> Result<()> {
        if self.is_running() {
            return Ok(());
        }
        if !self.home.has_data() {
            self.home
                .create_data(&self.prefix, options.settings(), None)?;
        }
        self.postmaster = Some(Postmaster::start(&self.prefix, &self.home, true)?);
        Ok(())
    }

    /// Ends all sessions and stops it in order.
    ///
    /// # Errors
    /// If it had to be killed.
    pub fn stop(&mut self) -> Result<()> {
        self.postmaster
            .take()
            .map_or(Ok(()), |mut postmaster| postmaster.stop())
    }

    /// Stops it and removes its data.
    ///
    /// # Errors
    /// If it does not stop or the data cannot be removed.
    pub fn remove(&mut self) -> Result<()> {
        self.stop()?;
        if self.home.data().exists() {
            fs::remove_dir_all(self.home.data())?;
        }
        Ok(())
    }

    /// Its address, while it runs.
    #[must_use]
    pub fn server(&self) -> Server {
        Server::at(socket_of(&self.home.data()).unwrap_or_default())
    }

    /// The directory of its data and its log.
    #[must_use]
    pub fn directory(&self) -> &std::path::Path {
        self.home.directory()
    }

    /// The data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home.data()
    }
}
