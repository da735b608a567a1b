//! A worker tells that it is there.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::heartbeat::HeartbeatLoop;
use crate::{Error, Presence};

/// Time between two reports that the worker is there.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Longest time to tell that it ends.
const LAST_WORD: Duration = Duration::from_secs(1);

impl HeartbeatLoop {
    /// Tells that the worker is there, also while it holds no run. Waits forever if the role lacks the right to tell, or the database
    /// is of an older release: nothing goes by it.
    pub(super) async fn report_forever(&self) {
        loop {
            match self.report(&self.presence, self.call_timeout).await {
                Ok(()) => {}
                Err(error) if error.is_lasting() => {
                    tracing::debug!(%error, "the worker is not seen while it holds no run");
                    return std::future::pending().await;
                }
                Err(error) => tracing::debug!(%error, "cannot tell that the worker is there"),
            }
            sleep(REPORT_INTERVAL).await;
        }
    }

    /// Tells that the worker ends, if that takes no time.
    pub(super) async fn report_end(&self) {
        let ended = self.presence.clone().ended();
        let told = timeout(LAST_WORD, self.report(&ended, LAST_WORD));
        if !matches!(told.await, Ok(Ok(()))) {
            tracing::debug!("could not tell that the worker ends");
        }
    }

    async fn report(&self, presence: &Presence, limit: Duration) -> Result<(), Error> {
        let connection = self.link.connection().await?;
        let engine = connection.engine().identified_as(&self.identity);
        let call = engine.report_worker(presence);
        self.link.answer_within(limit, &connection, call).await?;
        Ok(())
    }
}
