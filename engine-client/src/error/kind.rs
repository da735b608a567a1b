//! The kinds of errors, and the SQLSTATE of each.

/// The meaning of an [`Error`](crate::Error) for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `RE001`: no run has this id.
    UnknownRun,
    /// `RE002`: the snapshot is not the run's latest. The run moved on: stop the work.
    StaleSnapshot,
    /// `RE003`: the run has ended.
    RunFinished,
    /// `RE004`: the run's status does not allow the call, such as a start or a new due time.
    NotStartable,
    /// `RE005`: no environment has this id.
    UnknownEnvironment,
    /// `RE006`: the call needs READ COMMITTED.
    WrongIsolation,
    /// `RE007`: the extension's library and its catalog differ in version. Reconnect after
    /// `ALTER EXTENSION engine UPDATE`.
    VersionMismatch,
    /// `RE008`: the queue accepts no more runs for now.
    QueueFull,
    /// `RE009`: the one-time token was already used.
    TokenUsed,
    /// `RE010`: no waitpoint has this id.
    UnknownWaitpoint,
    /// `RE011`: no batch has this id.
    UnknownBatch,
    /// `RE012`: the batch accepts no more items.
    BatchClosed,
    /// `RE013`: no worker of this version has registered.
    UnknownVersion,
    /// `RE014`: no schedule has this id.
    UnknownSchedule,
    /// `RE015`: events after the position were removed. Continue at the position that the detail names.
    EventsRemoved,
    /// `RE016`: no reader of events has this name.
    UnknownEventReader,
    /// `RE017`: a quota of the environment is exceeded; the hint says what helps.
    QuotaExceeded,
    /// `RE018`: no bulk action has this id.
    UnknownBulkAction,
    /// `RE019`: the filter of a bulk action matches more runs than its caller expects.
    MoreThanExpected,
    /// `RE020`: another database serves the shard; the detail says where it is, if that is known.
    ShardElsewhere,
    /// `RE021`: the shard is being moved to another database. Call again in a moment.
    ShardMoving,
    /// Class `22` or `54000`: an argument is malformed, null, out of range or too large.
    InvalidInput,
    /// `23505`: another run has the requested id.
    RunIdTaken,
    /// The connection could not be made, was lost, or the answer did not come in time. Whether the call
    /// took effect is unknown.
    Connection,
    /// Class `28`, `3D` or `42`: no such database, role, privilege or function. Is the extension installed? Also
    /// without a code: TLS is required and not configured, or the system cannot start a thread.
    Setup,
    /// A payload, an output or a connection string could not be written or read.
    Serialization,
    /// Any other error of the database or its driver; see [`Error::code`](crate::Error::code).
    Database,
}

/// One row per SQLSTATE with a meaning for callers; two characters stand for a class. The first match wins.
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
    ("RE015", ErrorKind::EventsRemoved, Retry::No),
    ("RE016", ErrorKind::UnknownEventReader, Retry::No),
    ("RE017", ErrorKind::QuotaExceeded, Retry::No),
    ("RE018", ErrorKind::UnknownBulkAction, Retry::No),
    ("RE019", ErrorKind::MoreThanExpected, Retry::No),
    ("RE020", ErrorKind::ShardElsewhere, Retry::No),
    ("RE021", ErrorKind::ShardMoving, Retry::Yes),
    // serialization failure, deadlock, lock not available, statement timeout or cancel: nothing was changed
    ("40001", ErrorKind::Database, Retry::Yes),
    ("40P01", ErrorKind::Database, Retry::Yes),
    ("55P03", ErrorKind::Database, Retry::Yes),
    ("57014", ErrorKind::Database, Retry::Yes),
    // connection exceptions, too many connections, shutdown, crash, starting up, idle for too long; and a server
    // that has become a standby: a new connection may find the primary
    ("08", ErrorKind::Connection, Retry::Yes),
    ("53300", ErrorKind::Connection, Retry::Yes),
    ("57P01", ErrorKind::Connection, Retry::Yes),
    ("57P02", ErrorKind::Connection, Retry::Yes),
    ("57P03", ErrorKind::Connection, Retry::Yes),
    ("57P05", ErrorKind::Connection, Retry::Yes),
    ("25006", ErrorKind::Connection, Retry::Yes),
    // the server is out of disk, memory or another resource, until an operator adds some
    ("53", ErrorKind::Database, Retry::Yes),
    ("22", ErrorKind::InvalidInput, Retry::No),
    ("54000", ErrorKind::InvalidInput, Retry::No),
    ("23505", ErrorKind::RunIdTaken, Retry::No),
    ("28", ErrorKind::Setup, Retry::No),
    ("3D", ErrorKind::Setup, Retry::No),
    ("42", ErrorKind::Setup, Retry::No),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    No,
    Yes,
}

pub(super) fn classify(code: &str) -> (ErrorKind, Retry) {
    CODES
        .iter()
        .find(|(prefix, ..)| code.starts_with(prefix))
        .map_or((ErrorKind::Database, Retry::No), |&(_, kind, retry)| {
            (kind, retry)
        })
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
}
