//! A connection that reconnects.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::backoff::{Backoff, BackoffRange};
use crate::{Connection, Database, Error, ErrorKind};

/// How a long-lived connection is opened and kept.
///
/// ```
/// use std::time::Duration;
///
/// use engine_client::{LinkConfig, WorkerConfig};
///
/// let config = WorkerConfig {
///     link: LinkConfig {
///         connect_timeout: Duration::from_secs(2),
///         ..LinkConfig::default()
///     },
///     ..WorkerConfig::default()
/// };
/// ```
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// Longest time to connect before another try. Default: 5 s.
    pub connect_timeout: Duration,
    /// Longest time for the answer to a call before the connection counts as lost; a dequeue that waits may take
    /// this much longer than its wait. The server then cancels the call. Default: 15 s.
    pub call_timeout: Duration,
    /// Pauses between attempts to connect. Default: 50 ms to 2 s.
    pub reconnect: BackoffRange,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(15),
            reconnect: BackoffRange {
                min: Duration::from_millis(50),
                max: Duration::from_secs(2),
            },
        }
    }
}

/// A connection that is opened on first use and reopened after it was lost.
///
/// Many tasks may share it: their calls are pipelined, and while it is down one of them reconnects and the others
/// wait for it.
#[derive(Debug)]
pub(crate) struct Link {
    database: Database,
    config: LinkConfig,
    /// Locked while connecting, so that only one task tries to reach a server that is down.
    line: Mutex<Line>,
}

#[derive(Debug)]
struct Line {
    connection: Option<Arc<Connection>>,
    /// Kept here, so that the next task continues the pauses of one that stopped waiting.
    backoff: Backoff,
    /// Why the last try failed, and until when it stands for further ones.
    failed: Option<(Instant, Error)>,
}

/// A connection with an unanswered call; dropping this abandons the connection.
struct Unanswered<'a>(Option<&'a Connection>);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            connection.abandon();
        }
    }
}

/// The outcome of a call that was repeated until it had an answer.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) result: Result<T, Error>,
    /// Whether an earlier try may have taken effect without a visible answer.
    pub(crate) may_repeat: bool,
}

impl Link {
    pub(crate) fn new(database: Database, config: LinkConfig) -> Self {
        let line = Line {
            connection: None,
            backoff: Backoff::new(config.reconnect),
            failed: None,
        };
        Self {
            database,
            config,
            line: Mutex::new(line),
        }
    }

    /// The connection; if it is down, waits until it is up again.
    ///
    /// # Errors
    /// Only errors that waiting does not fix, such as a wrong password.
    pub(crate) async fn connection(&self) -> Result<Arc<Connection>, Error> {
        let mut line = self.line.lock().await;
        if let Some(connection) = &line.connection
            && !connection.is_closed()
        {
            return Ok(Arc::clone(connection));
        }
        line.connection = None;
        loop {
            match self.connect().await {
                Ok(connection) => {
                    let connection = Arc::new(connection);
                    line.connection = Some(Arc::clone(&connection));
                    line.backoff.reset();
                    return Ok(connection);
                }
                Err(error) if error.is_retryable() => {
                    let pause = line.backoff.pause();
                    tracing::warn!(%error, ?pause, "cannot connect, tries again");
                    sleep(pause).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The connection; if it is down, tries once to open it. During the pause after a try that failed its error is returned at
    /// once, so that many callers do not wait for a server that is down one after the other.
    ///
    /// # Errors
    /// Those of [`Database::connect`].
    pub(crate) async fn try_connection(&self) -> Result<Arc<Connection>, Error> {
        let mut line = self.line.lock().await;
        if let Some(connection) = &line.connection
            && !connection.is_closed()
        {
            return Ok(Arc::clone(connection));
        }
        line.connection = None;
        if let Some((until, error)) = &line.failed
            && Instant::now() < *until
        {
            return Err(error.share());
        }
        match self.connect().await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                line.connection = Some(Arc::clone(&connection));
                line.backoff.reset();
                line.failed = None;
                Ok(connection)
            }
            Err(error) => {
                let until = Instant::now() + line.backoff.pause();
                line.failed = Some((until, error.share()));
                Err(error)
            }
        }
    }

    /// Whether the connection is open, as far as it is known.
    pub(crate) fn is_up(&self) -> bool {
        let line = self.line.try_lock();
        line.is_ok_and(|line| {
            let connection = line.connection.as_ref();
            connection.is_some_and(|connection| !connection.is_closed())
        })
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let limit = self.config.connect_timeout;
        match timeout(limit, self.database.connect()).await {
            Ok(connected) => connected,
            Err(_) => Err(Error::unanswered(limit)),
        }
    }

    /// Waits for the answer to `call`, made on `connection`, for the usual time.
    pub(crate) async fn answer<T>(
        &self,
        connection: &Connection,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.answer_within(self.config.call_timeout, connection, call)
            .await
    }

    /// Waits for the answer to `call` for at most `limit`. A connection that failed is cut: the state of its
    /// session is unknown, and the next call gets a new one.
    pub(crate) async fn answer_within<T>(
        &self,
        limit: Duration,
        connection: &Connection,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let result = match timeout(limit, call).await {
            Ok(result) => result,
            Err(_) => Err(Error::unanswered(limit)),
        };
        if let Err(error) = &result
            && needs_new_connection(error)
        {
            connection.abandon();
        }
        result
    }

    /// Waits for the answer to `call`, for which the server may wait for `wait`, alone on its connection: dropping
    /// this future makes the server stop. So does `stop`, and then there may be no answer.
    pub(crate) async fn answer_after<T>(
        &self,
        wait: Duration,
        connection: &Connection,
        call: impl Future<Output = Result<T, Error>>,
        stop: &CancellationToken,
    ) -> Result<Option<T>, Error> {
        let mut unanswered = Unanswered(Some(connection));
        let limit = self.config.call_timeout.saturating_add(wait);
        let mut answer = pin!(self.answer_within(limit, connection, call));
        let answered = tokio::select! {
            biased;
            result = &mut answer => Some(result),
            // A call that is short anyway may finish.
            () = stop.cancelled(), if !wait.is_zero() => None,
        };
        let result = match answered {
            Some(result) => result.map(Some),
            None => {
                connection.cancel().await;
                // The runs that it has claimed already are ours.
                match answer.await {
                    Err(error) if error.is_cancelled() => Ok(None),
                    result => result.map(Some),
                }
            }
        };
        unanswered.0 = None;
        result
    }

    /// Repeats `call`, on new connections where needed, until it has an answer that repeating would not change.
    /// The caller sets the time limit.
    pub(crate) async fn persist<T, Call>(&self, call: impl Fn(Arc<Connection>) -> Call) -> Answer<T>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        let mut backoff = Backoff::new(self.config.reconnect);
        let mut may_repeat = false;
        loop {
            let result = match self.connection().await {
                Ok(connection) => {
                    let call = call(Arc::clone(&connection));
                    self.answer(&connection, call).await
                }
                Err(error) => {
                    return Answer {
                        result: Err(error),
                        may_repeat,
                    };
                }
            };
            match result {
                Err(error) if is_transient(&error) => {
                    may_repeat |= error.kind() == ErrorKind::Connection;
                    let pause = backoff.pause();
                    tracing::debug!(%error, ?pause, "call failed, repeats it");
                    sleep(pause).await;
                }
                result => return Answer { result, may_repeat },
            }
        }
    }

    /// Pauses between repeated calls.
    pub(crate) fn reconnect(&self) -> BackoffRange {
        self.config.reconnect
    }

    /// Closes the connection, if it is up and no task uses it any more.
    pub(crate) async fn close(&self) {
        let connection = self.line.lock().await.connection.take();
        if let Some(connection) = connection.and_then(Arc::into_inner) {
            connection.close().await;
        }
    }
}

/// Whether the same call may succeed a little later.
pub(crate) fn is_transient(error: &Error) -> bool {
    error.is_retryable() || needs_new_connection(error)
}

/// Whether the session has loaded another version of the extension's library, and must be replaced.
fn needs_new_connection(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Connection | ErrorKind::VersionMismatch
    )
}
