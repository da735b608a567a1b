//! Data that servers begin with.
//!
//! Made once for all tests: a copy of it takes a fifth of the time of `initdb`, and has the database in it that all others are copies
//! of.

use std::env;
use std::path::PathBuf;

use anyhow::Result;

use crate::home::Home;
use crate::postmaster::Postmaster;
use crate::{Cluster, Options, Prefix, Server, database};

/// Names the directory of the data that `cargo xtask test` made.
pub const STOCK_VARIABLE: &str = "ENGINE_TEST_STOCK";

/// Data of a server that is stopped. It goes away with this value.
#[derive(Debug)]
pub struct Stock {
    prefix: Prefix,
    home: Home,
}

impl Stock {
    /// Makes the data, with the extension as it is in `prefix` now.
    ///
    /// # Errors
    /// If a server does not start or the extension cannot be created in it.
    pub async fn make(prefix: Prefix) -> Result<Self> {
        let home = Home::throw_away(&prefix)?;
        home.create_data(&prefix, Options::quick().settings(), None)?;
        let mut postmaster = Postmaster::start(&prefix, &home, false)?;
        database::create_template(&Server::at(home.socket())).await?;
        postmaster.stop()?;
        Ok(Self { prefix, home })
    }

    /// Starts a server on a copy.
    ///
    /// # Errors
    /// If the server does not start.
    pub async fn start(&self, options: Options) -> Result<Cluster> {
        Cluster::begin(self.prefix.clone(), options, Some(&self.data())).await
    }

    /// What the server is started from.
    #[must_use]
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The directory of the data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home.data()
    }

    /// The data that `cargo xtask test` made, if it started this process.
    pub(crate) fn shared() -> Option<PathBuf> {
        env::var_os(STOCK_VARIABLE).map(PathBuf::from)
    }
}
