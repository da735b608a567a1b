//! The texts of errors.

use std::error::Error as StdError;
use std::fmt;

use super::{Cause, Error};

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
    use std::io;

    use super::*;

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
}
