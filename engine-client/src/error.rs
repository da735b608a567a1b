//! What can go wrong in a call, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use tokio_postgres::error::{DbError, SqlState};

use crate::UnknownStatus;

/// What an [`Error`] means to its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `RE001`: no run has this id.
    UnknownRun,
    /// `RE002`: the snapshot is not the run's latest. The run moved on: stop the work.
    StaleSnapshot,
    /// `RE003`: the run is over.
    RunFinished,
    /// `RE004`: the run's status does not allow what was asked, such as a start or another time.
    NotStartable,
    /// `RE005`: no environment has this id.
    UnknownEnvironment,
    /// `RE006`: the call needs READ COMMITTED.
    WrongIsolation,
    /// `RE007`: the extension's library and its catalog differ in version. Reconnect after
    /// `ALTER EXTENSION engine UPDATE`.
    VersionMismatch,
    /// `RE008`: the queue takes no more runs for now.
    QueueFull,
    /// `RE009`: the one-time token was already used.
    TokenUsed,
    /// `RE010`: no waitpoint has this id.
    UnknownWaitpoint,
    /// `RE011`: no batch has this id.
    UnknownBatch,
    /// `RE012`: the batch takes no more items.
    BatchClosed,
    /// `RE013`: nobody has registered this version of a worker.
    UnknownVersion,
    /// `RE014`: no schedule has this id.
    UnknownSchedule,
    /// Class `22` or `54000`: an argument is malformed, null, out of range or too large.
    InvalidInput,
    /// `23505`: another run has the id that was asked for.
    RunIdTaken,
    /// The connection could not be made, was lost, or the answer did not come in time. Whether the call
    /// took effect is unknown.
    Connection,
    /// Class `28`, `3D` or `42`: no such database, role, privilege or function. Is the extension
    /// installed? Also without a code: TLS is asked for and not configured, or the system gives no thread.
    Setup,
    /// A payload, an output or a connection string could not be written or read.
    Serialization,
    /// Any other error of the database or its driver; see [`Error::code`].
    Database,
}

/// One row per SQLSTATE that means something to a caller; two characters stand for a class.
/// The first match wins.
const CODES: &[(&str, ErrorKind, Retry)] = &[
    ("RE001", ErrorKind::UnknownRun, Retry::No),
    ("RE002", ErrorKind::StaleSnapshot, Retry::No),
    ("RE003", ErrorKind::RunFinished, Retry::No),
    ("RE004", ErrorKind::NotStartable, Retry::No),
    ("RE005", ErrorKind::UnknownEnvironment, Retry::No),
    ("RE006", ErrorKind::WrongIsolation, Retry::No),
    ("RE007", ErrorKind::VersionMismatch, Retry::No),
    ("RE008", ErrorKind::QueueFull, Retry::No),
    ("RE009", ErrorKind::TokenUsed, Retry::No),
    ("RE010", ErrorKind::UnknownWaitpoint, Retry::No),
    ("RE011", ErrorKind::UnknownBatch, Retry::No),
    ("RE012", ErrorKind::BatchClosed, Retry::No),
    ("RE013", ErrorKind::UnknownVersion, Retry::No),
    ("RE014", ErrorKind::UnknownSchedule, Retry::No),
    // serialization failure, deadlock, lock not available, statement timeout or cancel: nothing was changed
    ("40001", ErrorKind::Database, Retry::Yes),
    ("40P01", ErrorKind::Database, Retry::Yes),
    ("55P03", ErrorKind::Database, Retry::Yes),
    ("57014", ErrorKind::Database, Retry::Yes),
    // connection exceptions, too many connections, shutdown, crash, starting up, idle for too long; and a server that
    // has become a standby: a new connection may find the primary
    ("08", ErrorKind::Connection, Retry::Yes),
    ("53300", ErrorKind::Connection, Retry::Yes),
    ("57P01", ErrorKind::Connection, Retry::Yes),
    ("57P02", ErrorKind::Connection, Retry::Yes),
    ("57P03", ErrorKind::Connection, Retry::Yes),
    ("57P05", ErrorKind::Connection, Retry::Yes),
    ("25006", ErrorKind::Connection, Retry::Yes),
    // the server is out of disk, memory or another resource: somebody may see to it
    ("53", ErrorKind::Database, Retry::Yes),
    ("22", ErrorKind::InvalidInput, Retry::No),
    ("54000", ErrorKind::InvalidInput, Retry::No),
    ("23505", ErrorKind::RunIdTaken, Retry::No),
    ("28", ErrorKind::Setup, Retry::No),
    ("3D", ErrorKind::Setup, Retry::No),
    ("42", ErrorKind::Setup, Retry::No),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    No,
    Yes,
}

fn classify(code: &str) -> (ErrorKind, Retry) {
    CODES
        .iter()
        .find(|(prefix, ..)| code.starts_with(prefix))
        .map_or((ErrorKind::Database, Retry::No), |&(_, kind, retry)| {
            (kind, retry)
        })
}

/// A call that failed.
///
/// Branch on [`kind`](Self::kind); [`code`](Self::code) has the SQLSTATE where the server sent one, and
/// [`as_db_error`](Self::as_db_error) its message, detail and hint.
pub struct Error(Box<Inner>);

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
    /// What the error means.
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

    /// The server's own report with message, detail and hint, if it sent one. For one element of many it
    /// sends a code and a message only, and there is no report.
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

    /// Whether the server stopped the call because it was asked to.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.code() == Some(&SqlState::QUERY_CANCELED)
    }

    /// Whether a worker should give up: it asks for what this database does not have or does not allow,
    /// and only a person can change that.
    pub(crate) fn is_lasting(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Setup
                | ErrorKind::InvalidInput
                | ErrorKind::UnknownEnvironment
                | ErrorKind::WrongIsolation
        )
    }

    /// Connecting failed. Without a SQLSTATE that is the network's fault, whatever the driver calls it.
    pub(crate) fn connecting(error: tokio_postgres::Error) -> Self {
        let (kind, retry) = match error.code() {
            Some(code) => classify(code.code()),
            None => (ErrorKind::Connection, Retry::Yes),
        };
        Self::new(kind, retry, Cause::Postgres(error))
    }

    /// The connection string could not be read.
    pub(crate) fn connection_string(error: tokio_postgres::Error) -> Self {
        let cause = Cause::Postgres(error);
        Self::new(ErrorKind::Serialization, Retry::No, cause)
    }

    /// No answer came within `limit`.
    pub(crate) fn unanswered(limit: Duration) -> Self {
        let cause = Cause::Unanswered(limit);
        Self::new(ErrorKind::Connection, Retry::Yes, cause)
    }

    /// The system gave no thread.
    pub(crate) fn thread(error: io::Error) -> Self {
        Self::new(ErrorKind::Setup, Retry::No, Cause::Thread(error))
    }

    /// What was configured does not fit together.
    pub(crate) fn setup(message: &'static str) -> Self {
        Self::new(ErrorKind::Setup, Retry::No, Cause::Setup(message))
    }

    /// One element of a call about many runs was refused.
    pub(crate) fn refused(code: &str, message: String) -> Self {
        let (kind, retry) = classify(code);
        let cause = Cause::Refused(SqlState::from_code(code), message);
        Self::new(kind, retry, cause)
    }

    fn new(kind: ErrorKind, retry: Retry, cause: Cause) -> Self {
        Self(Box::new(Inner { kind, retry, cause }))
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

/// The driver reports a broken connection as closed or as an I/O error underneath.
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

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On one line, because `main` prints its error this way.
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if self.as_db_error().is_none() && !line.contains(&text) {
                line = format!("{line}: {text}");
            }
            cause = error.source();
        }
        f.write_str(&line.replace('\n', " "))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.cause {
            Cause::Postgres(error) => match error.as_db_error() {
                Some(report) => write!(f, "{} ({})", report.message(), report.code().code()),
                None => error.fmt(f),
            },
            Cause::Refused(code, message) => write!(f, "{message} ({})", code.code()),
            Cause::Json(error) => error.fmt(f),
            Cause::Status(error) => error.fmt(f),
            Cause::Thread(error) => write!(f, "cannot start a thread: {error}"),
            Cause::Setup(message) => f.write_str(message),
            Cause::Unanswered(limit) => write!(f, "no answer from the server within {limit:?}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.cause {
            Cause::Postgres(error) => Some(error),
            Cause::Json(error) => Some(error),
            Cause::Status(error) => Some(error),
            Cause::Thread(error) => Some(error),
            Cause::Unanswered(_) | Cause::Refused(..) | Cause::Setup(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_the_engine_have_a_kind_each() {
        let kinds = [
            "RE001", "RE002", "RE003", "RE004", "RE005", "RE006", "RE007", "RE008", "RE009",
        ]
        .map(classify);
        assert_eq!(
            kinds.map(|(kind, _)| kind),
            [
                ErrorKind::UnknownRun,
                ErrorKind::StaleSnapshot,
                ErrorKind::RunFinished,
                ErrorKind::NotStartable,
                ErrorKind::UnknownEnvironment,
                ErrorKind::WrongIsolation,
                ErrorKind::VersionMismatch,
                ErrorKind::QueueFull,
                ErrorKind::TokenUsed,
            ]
        );
        assert!(kinds.iter().all(|&(_, retry)| retry == Retry::No));
    }

    #[test]
    fn bad_arguments_are_invalid_input() {
        for code in ["22023", "22004", "22032", "22P05", "54000"] {
            assert_eq!(classify(code), (ErrorKind::InvalidInput, Retry::No));
        }
    }

    #[test]
    fn what_passes_by_itself_is_retryable() {
        for code in ["40001", "40P01", "55P03", "57014", "53100", "53200"] {
            assert_eq!(classify(code), (ErrorKind::Database, Retry::Yes));
        }
        for code in [
            "08006", "08P01", "53300", "57P01", "57P02", "57P03", "57P05", "25006",
        ] {
            assert_eq!(classify(code), (ErrorKind::Connection, Retry::Yes));
        }
        for code in ["25P02", "42883", "28P01", "3D000", "23505", "XX000"] {
            assert_eq!(classify(code).1, Retry::No, "{code}");
        }
    }

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
    fn an_error_that_main_returns_is_one_short_line() {
        let message = "snapshot \"s\" is not the latest".to_owned();
        let error = Error::refused("RE002", message);
        assert_eq!(
            format!("{error:?}"),
            "snapshot \"s\" is not the latest (RE002)"
        );
        let cause = io::Error::other("no more threads");
        let error = Error::thread(cause);
        assert_eq!(
            format!("{error:?}"),
            "cannot start a thread: no more threads"
        );
    }

    #[tokio::test]
    async fn an_error_of_connecting_names_its_cause_on_its_line() {
        let database: crate::Database = "host=/nowhere user=app dbname=app".parse().unwrap();
        let error = database.connect().await.unwrap_err();
        let line = format!("{error:?}");
        assert!(line.contains("No such file"), "{line}");
        assert!(!line.contains('\n') && line.len() < 200, "{line}");
    }

    #[test]
    fn bad_json_is_a_serialization_error() {
        let error = Error::from(serde_json::from_str::<u8>("x").unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Serialization);
        assert!(!error.is_retryable());
    }
}
