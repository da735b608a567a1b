//! Failures of commands, and how they are reported.

use std::error::Error as StdError;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use console::style;
use engine_client::Error;
use serde_json::{Value, json};

use crate::form;

const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// A command that failed.
#[derive(Debug)]
pub enum Failure {
    /// The server refused it, or cannot be reached.
    Engine(Error),
    /// The server did not answer in time.
    Unanswered(Duration),
    /// The reader of the output is gone, or the terminal fails.
    Output(io::Error),
    /// It cannot be done as requested.
    Refused {
        message: String,
        hint: String,
        exit: u8,
    },
}

impl Failure {
    /// The command line is incomplete.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused {
            message: message.into(),
            hint: hint.into(),
            exit: USAGE,
        }
    }

    /// The command is complete, but what it names does not exist or is not right.
    pub fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused {
            message: message.into(),
            hint: hint.into(),
            exit: FAILED,
        }
    }

    /// The connection string cannot be read. It may hold a password, and is not repeated.
    pub fn connection_string(error: Error) -> Self {
        let hint = "Write key=value pairs, \"host=/run/postgresql user=app dbname=app\", or a postgres:// URL.";
        Self::usage(causes(&error), hint)
    }

    /// Whether a new connection may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Engine(error) => error.is_retryable(),
            Self::Unanswered(_) => true,
            Self::Output(_) | Self::Refused { .. } => false,
        }
    }

    /// Prints the failure on standard error, as JSON or as text; returns the exit code.
    pub fn report(&self, is_json: bool) -> ExitCode {
        if let Self::Output(error) = self
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            // Its reader has ended, as in `engine tail | head`.
            return ExitCode::SUCCESS;
        }
        let complaint = self.complaint();
        if is_json {
            eprintln!("{}", json!({ "error": complaint.to_json() }));
        } else {
            complaint.print(&style("error:").for_stderr().red().bold().to_string());
        }
        ExitCode::from(match self {
            Self::Refused { exit, .. } => *exit,
            Self::Engine(_) | Self::Unanswered(_) | Self::Output(_) => FAILED,
        })
    }

    fn complaint(&self) -> Complaint {
        match self {
            Self::Engine(error) => Complaint::of(error),
            Self::Unanswered(limit) => Complaint {
                message: format!("no answer from the server within {} s", limit.as_secs()),
                ..Complaint::default()
            },
            Self::Output(error) => Complaint {
                message: format!("cannot print: {error}"),
                ..Complaint::default()
            },
            Self::Refused { message, hint, .. } => Complaint {
                message: message.clone(),
                hint: Some(hint.clone()),
                ..Complaint::default()
            },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Engine(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// An error in the form of the server's own.
#[derive(Debug, Default)]
pub struct Complaint {
    message: String,
    code: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
}

impl Complaint {
    /// The server's report, unchanged; for failures on the way to it, one line.
    pub fn of(error: &Error) -> Self {
        let Some(report) = error.as_db_error() else {
            return Self {
                message: causes(error),
                ..Self::default()
            };
        };
        let code = report.code().code();
        // Without the extension, the first missing object is a table, a function or the schema.
        let missing = matches!(code, "42P01" | "42883" | "3F000")
            .then(|| "Is the extension in this database? create extension engine".to_owned());
        Self {
            message: report.message().to_owned(),
            code: Some(code.to_owned()),
            detail: report.detail().map(str::to_owned),
            hint: missing.or_else(|| report.hint().map(str::to_owned)),
        }
    }

    /// Prints it on standard error, as psql would: `label` precedes the message.
    pub fn print(&self, label: &str) {
        let message = form::plain(&self.message);
        let code = self.code.as_ref().map(|code| format!(" ({code})"));
        eprintln!("{label} {message}{}", code.unwrap_or_default());
        for (label, text) in [("DETAIL", &self.detail), ("HINT", &self.hint)] {
            if let Some(text) = text {
                eprintln!("{label}:  {}", form::plain(text));
            }
        }
    }

    /// The report as JSON.
    pub fn to_json(&self) -> Value {
        json!({"message": self.message, "code": self.code, "detail": self.detail, "hint": self.hint})
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
