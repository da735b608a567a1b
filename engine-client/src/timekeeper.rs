//! The timekeeper: it calls the tick.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_postgres::error::SqlState;

use crate::link::{Link, LinkConfig};
use crate::{Connection, Database, Error};

/// A timekeeper that does not lead ticks once in this many intervals.
const PATIENCE: u32 = 10;

/// Options of a [`Timekeeper`].
///
/// ```
/// use std::time::Duration;
///
/// use engine_client::TimekeeperConfig;
///
/// let config = TimekeeperConfig {
///     interval: Duration::from_millis(200),
///     ..TimekeeperConfig::default()
/// };
/// ```
#[derive(Debug, Clone)]
pub struct TimekeeperConfig {
    /// The pause between ticks; each is shortened by up to half at random. Default: 1 s.
    pub interval: Duration,
    /// Most items of one tick. A tick that does this many is followed by another one at once. Default: 1000.
    pub max_items: i32,
    /// How the connection is opened and kept.
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

/// Calls `engine_tick` periodically. Without it nothing that is due happens: above all, a run whose worker died is
/// not requeued.
///
/// Any number may run at the same time; one is enough. Of all in a database one leads, by `engine_lead`, and ticks
/// at every interval. The others ask for the lock at every interval, which writes nothing, and tick at every
/// tenth, as a fallback if a pooler in transaction mode keeps the lock of a leader that is gone. None is needed
/// where the server preloads the library and ticks itself. Every [`Worker`](crate::Worker) has one unless it is
/// configured without.
///
/// ```no_run
/// # async fn example() -> Result<(), engine_client::Error> {
/// use engine_client::{Timekeeper, TimekeeperConfig, shutdown_signal};
///
/// // In a service that triggers runs, while workers sleep.
/// let database = "host=/var/run/postgresql dbname=app".parse()?;
/// let timekeeper = Timekeeper::new(database, TimekeeperConfig::default());
/// timekeeper.run(shutdown_signal()).await
/// # }
/// ```
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
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation) if the database cannot be used in this way: waiting
    /// does not fix that.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let result = tokio::select! {
            () = shutdown => Ok(()),
            error = self.keep_time() => Err(error),
        };
        self.link.close().await;
        result
    }

    async fn keep_time(&self) -> Error {
        let mut lead = Lead::default();
        loop {
            let is_full = match self.tick_if_due(&mut lead).await {
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

    /// Ticks if it is time; returns whether there may be more to do.
    async fn tick_if_due(&self, lead: &mut Lead) -> Result<bool, Error> {
        let connection = self.link.connection().await?;
        lead.move_to(&connection);
        if !lead.is_held && !lead.is_forbidden {
            let call = async { connection.engine().lead().await };
            match self.link.answer(&connection, call).await {
                Ok(is_held) => lead.is_held = is_held,
                // It ticks like a follower, and so learns whether the extension needs an update.
                Err(error) if is_forbidden(&error) => {
                    lead.is_forbidden = true;
                    tracing::warn!(%error, "this timekeeper cannot lead");
                }
                Err(error) => return Err(error),
            }
            if lead.is_held {
                tracing::debug!("this timekeeper leads");
            }
        }
        let patience = self.config.interval * PATIENCE;
        if !lead.is_held && lead.ticked_at.elapsed() < patience {
            return Ok(false);
        }
        lead.ticked_at = Instant::now();
        // Asks again afterwards: rights may have been granted, or the extension updated.
        lead.is_forbidden = false;
        self.tick(&connection).await
    }

    async fn tick(&self, connection: &Connection) -> Result<bool, Error> {
        let call = async { connection.engine().tick(self.config.max_items).await };
        let ticked = self.link.answer(connection, call).await?;
        for work in ticked.iter().filter(|work| work.processed > 0) {
            tracing::debug!(kind = work.kind, processed = work.processed, "tick");
        }
        let processed: i32 = ticked.iter().map(|work| work.processed).sum();
        Ok(processed >= self.config.max_items)
    }
}

/// Whether the role may not lead, or the extension is older than the driver.
fn is_forbidden(error: &Error) -> bool {
    let reasons = [
        SqlState::INSUFFICIENT_PRIVILEGE,
        SqlState::UNDEFINED_FUNCTION,
    ];
    error.code().is_some_and(|code| reasons.contains(code))
}

/// Whether a timekeeper leads; its lock ends with its connection.
#[derive(Debug)]
struct Lead {
    connection: Weak<Connection>,
    is_held: bool,
    /// Whether it cannot lead, as far as is known.
    is_forbidden: bool,
    ticked_at: Instant,
}

impl Default for Lead {
    fn default() -> Self {
        Self {
            connection: Weak::new(),
            is_held: false,
            is_forbidden: false,
            ticked_at: Instant::now(),
        }
    }
}

impl Lead {
    fn move_to(&mut self, connection: &Arc<Connection>) {
        let connection = Arc::downgrade(connection);
        if !self.connection.ptr_eq(&connection) {
            self.connection = connection;
            self.is_held = false;
        }
    }
}
