//! Seeing to what is due.

use std::time::Duration;

use tokio::time::sleep;

use crate::link::{Link, LinkConfig};
use crate::{Database, Error};

/// How a [`Timekeeper`] works.
#[derive(Debug, Clone)]
pub struct TimekeeperConfig {
    /// The pause between ticks; each is shortened by up to half at random. Default: 1 s.
    pub interval: Duration,
    /// How many items one tick may do. When it does that many, the next tick follows at
    /// once. Default: 1000.
    pub max_items: i32,
    /// How the connection is made and kept.
    pub link: LinkConfig,
}

impl Default for TimekeeperConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            max_items: 1000,
            link: LinkConfig::default(),
        }
    }
}

/// Calls `engine_tick` from time to time. Without it nothing that is due happens: above all, a run whose
/// worker died is not put back into its queue.
///
/// Any number may run beside each other; one anywhere is enough. Every [`Worker`](crate::Worker) has one
/// unless it is configured without.
#[derive(Debug)]
pub struct Timekeeper {
    config: TimekeeperConfig,
    link: Link,
}

impl Timekeeper {
    /// A timekeeper of this database.
    pub fn new(database: Database, config: TimekeeperConfig) -> Self {
        let link = Link::new(database, config.link.clone());
        Self { config, link }
    }

    /// Ticks until `shutdown` is ready. Reconnects when the connection is lost.
    ///
    /// # Errors
    /// [`Setup`](crate::ErrorKind::Setup), [`InvalidInput`](crate::ErrorKind::InvalidInput) or
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation) if the database cannot be used in this way:
    /// waiting does not heal that.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let result = tokio::select! {
            () = shutdown => Ok(()),
            error = self.keep_time() => Err(error),
        };
        self.link.close().await;
        result
    }

    async fn keep_time(&self) -> Error {
        loop {
            let is_full = match self.tick().await {
                Ok(is_full) => is_full,
                Err(error) if error.is_lasting() => return error,
                Err(error) => {
                    tracing::warn!(%error, "tick failed");
                    false
                }
            };
            if !is_full {
                sleep(self.config.interval.mul_f64(rand::random_range(0.5..=1.0))).await;
            }
        }
    }

    /// One tick; true if there may be more to do.
    async fn tick(&self) -> Result<bool, Error> {
        let connection = self.link.connection().await?;
        let call = async { connection.engine().tick(self.config.max_items).await };
        let ticked = self.link.answer(&connection, call).await?;
        for work in ticked.iter().filter(|work| work.processed > 0) {
            tracing::debug!(kind = work.kind, processed = work.processed, "tick");
        }
        let processed: i32 = ticked.iter().map(|work| work.processed).sum();
        Ok(processed >= self.config.max_items)
    }
}
