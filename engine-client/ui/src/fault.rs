//! What keeps a page from being shown, or an action from being done.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use axum::http::StatusCode;
use engine_client::Error;

/// A failure, in the words of whatever failed.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// SQLSTATE.
    pub(crate) code: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>, hint: &str) -> Self {
        Self {
            status,
            message: message.into(),
            code: None,
            detail: None,
            hint: Some(hint.to_owned()),
        }
    }

    /// Nothing is there.
    pub(crate) fn missing(what: impl Into<String>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            what,
            "It may have been removed: runs are kept for as long as the retention policies say.",
        )
    }

    /// The database did not answer in time.
    pub(crate) fn unanswered(limit: Duration) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the database did not answer within {} s", limit.as_secs()),
            "Reload the page in a moment.",
        )
    }

    /// All connections are in use.
    pub(crate) fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "all connections of the dashboard are in use",
            "Reload the page in a moment, or give it more of them with --connections.",
        )
    }

    /// A standby writes nothing.
    pub(crate) fn standby() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "this database is a standby: it can only be read",
            "Open the dashboard of its primary.",
        )
    }

    /// Whether the connection may be unusable.
    pub(crate) fn is_of_connection(&self) -> bool {
        self.code.is_none() && self.status == StatusCode::SERVICE_UNAVAILABLE
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let Some(report) = error.as_db_error() else {
            return Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                message: causes(&error),
                code: None,
                detail: None,
                hint: None,
            };
        };
        let code = report.code().code();
        let missing = matches!(code, "42P01" | "42883" | "3F000").then(|| {
            "Is the extension of this version in the database? create extension engine".to_owned()
        });
        let (status, hint) = match code {
            "42501" => (
                StatusCode::FORBIDDEN,
                Some(
                    "Pages need the capability read: select engine_grant(role, 'read').".to_owned(),
                ),
            ),
            "57014" => (
                StatusCode::SERVICE_UNAVAILABLE,
                Some("It took longer than a page may take. Narrow the filter.".to_owned()),
            ),
            "25006" => (StatusCode::CONFLICT, None),
            _ if code.starts_with("RE") || code.starts_with("22") => (StatusCode::CONFLICT, None),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Self {
            status,
            message: report.message().to_owned(),
            code: Some(code.to_owned()),
            detail: report.detail().map(str::to_owned),
            hint: missing
                .or_else(|| report.hint().map(str::to_owned))
                .or(hint),
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: format!("the database answered in another form: {error}"),
            code: None,
            detail: None,
            hint: Some("Are the dashboard and the extension of the same version?".to_owned()),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string(), "")
    }
}

/// An error and its causes, on one line.
fn causes(error: &Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = next.source();
    }
    line
}
