//! A node of a cluster: a database, and the connection to it.

use std::sync::Arc;

use tokio::time::{Instant, sleep};

use super::metric;
use crate::backoff::Backoff;
use crate::link::{Link, is_transient};
use crate::{Connection, Database, Error, ErrorKind, LinkConfig};

#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) database: Database,
    pub(super) link: Link,
}

/// A call without an answer, and whether it may have taken effect all the same.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) is_unknown: bool,
}

/// How long a call is tried, and after what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tries {
    /// From then on no further try begins.
    pub(super) until: Instant,
    /// Whether a call that may have taken effect is made again.
    pub(super) repeats: bool,
    /// Whether a node that cannot be reached is left for another one at once.
    pub(super) is_probe: bool,
}

impl Tries {
    /// Whether the call is made again at the same node.
    fn allow(&self, failed: &Failed) -> bool {
        if Instant::now() >= self.until || !is_transient(&failed.error) {
            return false;
        }
        let is_lost = failed.error.kind() == ErrorKind::Connection;
        !(is_lost && self.is_probe) && (self.repeats || !failed.is_unknown)
    }
}

impl Node {
    pub(super) fn new(name: String, database: Database, config: LinkConfig) -> Self {
        Self {
            link: Link::new(database.clone(), config),
            name,
            database,
        }
    }

    /// Makes a call, again and again with growing pauses while that may help.
    pub(super) async fn call<T, Call>(
        &self,
        tries: Tries,
        call: &impl Fn(Arc<Connection>) -> Call,
    ) -> Result<T, Failed>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        let mut backoff = Backoff::new(self.link.reconnect());
        loop {
            let failed = match self.once(call).await {
                Ok(answer) => return Ok(answer),
                Err(failed) if tries.allow(&failed) => failed,
                Err(failed) => return Err(failed),
            };
            let left = tries.until.saturating_duration_since(Instant::now());
            let pause = backoff.pause().min(left);
            let (node, error) = (&self.name, failed.error);
            tracing::debug!(node, %error, ?pause, "call failed, repeats it");
            metric::repeated(node);
            sleep(pause).await;
        }
    }

    /// Makes a call once.
    pub(super) async fn once<T, Call>(
        &self,
        call: &impl Fn(Arc<Connection>) -> Call,
    ) -> Result<T, Failed>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        let connection = match self.link.try_connection().await {
            Ok(connection) => connection,
            Err(error) => {
                return Err(Failed {
                    error,
                    is_unknown: false,
                });
            }
        };
        let call = call(Arc::clone(&connection));
        self.link.answer(&connection, call).await.map_err(|error| {
            let is_unknown = error.kind() == ErrorKind::Connection;
            Failed { error, is_unknown }
        })
    }
}
