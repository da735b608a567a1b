//! Errors of calls, and what to do about them.

mod elsewhere;
mod kind;
mod text;

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::error::{DbError, SqlState};

use self::kind::{Retry, classify};
use crate::UnknownStatus;

pub use self::kind::ErrorKind;

/// A call that failed.
///
/// Branch on [`kind`](Self::kind); [`code`](Self::code) has the SQLSTATE where the server sent one, and
/// [`as_db_error`](Self::as_db_error) its message, detail and hint.
///
/// ```
/// use engine_client::{Error, ErrorKind};
///
/// fn is_gone(error: &Error) -> bool {
///     matches!(error.kind(), ErrorKind::UnknownRun | ErrorKind::RunFinished)
/// }
/// ```
pub struct Error(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    retry: Retry,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Postgres(tokio_postgres::Error),
    Json(serde_json::Error),
    Status(UnknownStatus),
    Unanswered(Duration),
    Refused(SqlState, String),
    Thread(io::Error),
    Setup(&'static str),
}

impl Error {
    /// The meaning of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The SQLSTATE that the server sent, if it sent one.
    pub fn code(&self) -> Option<&SqlState> {
        match &self.0.cause {
            Cause::Refused(code, _) => Some(code),
            _ => self.as_db_error().map(DbError::code),
        }
    }

    /// The server's own report with message, detail and hint, if it sent one. For one element of many it sends
    /// only a code and a message, without a report.
    pub fn as_db_error(&self) -> Option<&DbError> {
        match &self.0.cause {
            Cause::Postgres(error) => error.as_db_error(),
            _ => None,
        }
    }

    /// Whether the run moved on from the snapshot of the call: it was lost to another worker, cancelled
    /// or completed. Stop the work.
    pub fn is_stale_snapshot(&self) -> bool {
        self.0.kind == ErrorKind::StaleSnapshot
    }

    /// Whether the same call may succeed a little later, for some of these errors on a new connection.
    ///
    /// After an [`ErrorKind::Connection`] the first call may have taken effect. A repeated start or
    /// completion is then refused as stale or finished; a repeated trigger makes a second run, unless it
    /// names its own `run_id`.
    pub fn is_retryable(&self) -> bool {
        self.0.retry == Retry::Yes
    }

    /// Whether the server stopped the call on request.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.code() == Some(&SqlState::QUERY_CANCELED)
    }

    /// Whether a worker should stop: it needs something that this database lacks or does not allow, and only a
    /// person can change that.
    pub(crate) fn is_lasting(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Setup
                | ErrorKind::InvalidInput
                | ErrorKind::UnknownEnvironment
                | ErrorKind::WrongIsolation
        )
    }

    /// Wraps a failure to connect. Without a SQLSTATE the network failed, whatever the driver calls it.
    pub(crate) fn connecting(error: tokio_postgres::Error) -> Self {
        let (kind, retry) = match error.code() {
            Some(code) => classify(code.code()),
            None => (ErrorKind::Connection, Retry::Yes),
        };
        Self::new(kind, retry, Cause::Postgres(error))
    }

    /// Wraps an unreadable connection string.
    pub(crate) fn connection_string(error: tokio_postgres::Error) -> Self {
        let cause = Cause::Postgres(error);
        Self::new(ErrorKind::Serialization, Retry::No, cause)
    }

    /// No answer came within `limit`.
    pub(crate) fn unanswered(limit: Duration) -> Self {
        let cause = Cause::Unanswered(limit);
        Self::new(ErrorKind::Connection, Retry::Yes, cause)
    }

    /// The system could not start a thread.
    pub(crate) fn thread(error: io::Error) -> Self {
        Self::new(ErrorKind::Setup, Retry::No, Cause::Thread(error))
    }

    /// The configuration contradicts itself.
    pub(crate) fn setup(message: &'static str) -> Self {
        Self::new(ErrorKind::Setup, Retry::No, Cause::Setup(message))
    }

    /// One element of a call about many runs was refused.
    pub(crate) fn refused(code: &str, message: String) -> Self {
        let (kind, retry) = classify(code);
        let cause = Cause::Refused(SqlState::from_code(code), message);
        Self::new(kind, retry, cause)
    }

    /// The same error, for another caller that shared the call.
    pub(crate) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn new(kind: ErrorKind, retry: Retry, cause: Cause) -> Self {
        Self(Arc::new(Inner { kind, retry, cause }))
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let (kind, retry) = match error.code() {
            Some(code) => classify(code.code()),
            None if is_connection_lost(&error) => (ErrorKind::Connection, Retry::Yes),
            None => (ErrorKind::Database, Retry::No),
        };
        Self::new(kind, retry, Cause::Postgres(error))
    }
}

/// The driver reports a broken connection as closed, or wraps an I/O error.
fn is_connection_lost(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(|cause| cause.is::<io::Error>())
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        let cause = Cause::Json(error);
        Self::new(ErrorKind::Serialization, Retry::No, cause)
    }
}

impl From<UnknownStatus> for Error {
    fn from(error: UnknownStatus) -> Self {
        Self::new(ErrorKind::Serialization, Retry::No, Cause::Status(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_element_has_the_kind_of_its_code() {
        let error = Error::refused("RE002", "snapshot is not the latest".to_owned());
        assert!(error.is_stale_snapshot());
        assert_eq!(error.code().map(SqlState::code), Some("RE002"));
        assert_eq!(error.to_string(), "snapshot is not the latest (RE002)");
        assert!(error.as_db_error().is_none());
    }

    #[test]
    fn a_missing_answer_is_a_connection_error() {
        let error = Error::unanswered(Duration::from_secs(2));
        assert_eq!(error.kind(), ErrorKind::Connection);
        assert!(error.is_retryable());
        assert_eq!(error.code(), None);
        assert_eq!(error.to_string(), "no answer from the server within 2s");
    }

    #[test]
    fn bad_json_is_a_serialization_error() {
        let error = Error::from(serde_json::from_str::<u8>("x").unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Serialization);
        assert!(!error.is_retryable());
    }
}
