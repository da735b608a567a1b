//! The end of an execution, and what to report about it.

use std::time::Duration;

use super::RetryPolicy;
use super::held_run::Verdict;
use crate::failure::Retry;
use crate::{Completion, Failure, trace};

/// How an execution ended.
#[derive(Debug)]
pub(super) enum End {
    Returned(Result<Completion, Failure>),
    /// The run is to stop.
    Cancelled,
    /// It exceeded its time limit.
    TooLong,
    /// The drain timeout passed.
    NotDrained,
    /// The run is suspended.
    Suspended,
    /// Another worker owns the run.
    Lost,
    /// The heartbeat deadline passed: another worker may own the run.
    Silent,
}

impl End {
    pub(super) fn called_off(verdict: Verdict) -> Self {
        match verdict {
            Verdict::CancelRequested => Self::Cancelled,
            Verdict::Suspended => Self::Suspended,
            Verdict::Held | Verdict::Lost => Self::Lost,
        }
    }

    /// Whether the run is released, instead of its attempt completed.
    pub(super) fn releases(&self) -> bool {
        match self {
            Self::NotDrained => true,
            Self::Returned(Err(failure)) => failure.retry() == Retry::Released,
            Self::Returned(Ok(_))
            | Self::Cancelled
            | Self::TooLong
            | Self::Suspended
            | Self::Lost
            | Self::Silent => false,
        }
    }

    /// The completion, and the pause before the next attempt if it requests one; none if the run must not be
    /// completed. Without a `policy` that of the run applies. During a shutdown no pause is shorter than
    /// `handover`.
    pub(super) fn judge(
        self,
        attempt_number: i32,
        policy: Option<RetryPolicy>,
        handover: Option<Duration>,
    ) -> Option<(Completion, Option<Duration>)> {
        let failure = match self {
            Self::Returned(Ok(completion)) => return Some((completion, None)),
            Self::Returned(Err(failure)) => failure,
            Self::Cancelled => {
                tracing::info!("the run is cancelled, and its handler with it");
                return Some((Completion::failure(&cancelled()), None));
            }
            Self::TooLong => {
                Failure::internal("MAX_DURATION_EXCEEDED", "the maximum duration is exceeded")
            }
            Self::NotDrained => {
                let message = "the worker shut down before the handler had ended";
                Failure::internal("GRACEFUL_EXIT_TIMEOUT", message).retry_after(Duration::ZERO)
            }
            Self::Suspended => {
                tracing::debug!("the run is suspended, its handler is dropped");
                return None;
            }
            Self::Lost => {
                tracing::warn!("the run was lost, its handler is cancelled");
                return None;
            }
            Self::Silent => {
                tracing::warn!("the heartbeat deadline passed, the handler is cancelled");
                return None;
            }
        };
        let pause = match failure.retry() {
            Retry::ByPolicy => policy.map(|policy| policy.pause(attempt_number)),
            Retry::After(pause) => Some(pause),
            Retry::Never => None,
            // It could not be released: then the attempt counts.
            Retry::Released => Some(Duration::ZERO),
        };
        let pause = pause.map(|pause| pause.max(handover.unwrap_or_default()));
        report(&failure, pause);
        let completion = Completion::failure(&failure);
        let completion = match pause {
            Some(pause) => completion.retry_after(pause),
            None => completion,
        };
        Some((completion, pause))
    }
}

/// Logs a failed attempt, for readers without access to the database, and marks its span.
fn report(failure: &Failure, pause: Option<Duration>) {
    let error = failure.error().summary();
    tracing::warn!(error, retry_after = ?pause, "the attempt failed");
    trace::failed(failure);
}

/// The failure to report for a run that was cancelled while it executed.
pub(super) fn cancelled() -> Failure {
    let message = "the run was cancelled while it executed";
    Failure::internal("TASK_RUN_CANCELLED", message)
}

#[cfg(test)]
mod tests {
    use std::fmt::{self, Write as _};
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;

    /// Collects log lines, one per event.
    struct Log(Arc<Mutex<Vec<String>>>);

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            write!(self.0, " {field}={value:?}").unwrap();
        }
    }

    impl Subscriber for Log {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() <= Level::INFO
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut line = Line(event.metadata().level().to_string());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn an_attempt_that_fails_is_logged_with_its_error() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let failures = [
            Failure::message("no such file"),
            Failure::from(std::io::Error::other("disk full")),
            Failure::internal("TASK_INPUT_ERROR", "not a number"),
            Failure::message("x".repeat(5_000_000)),
        ];
        tracing::subscriber::with_default(Log(Arc::clone(&lines)), || {
            for failure in failures {
                report(&failure, None);
            }
        });
        let lines = lines.lock().unwrap();
        for (line, word) in
            lines
                .iter()
                .zip(["no such file", "disk full", "TASK_INPUT_ERROR", "xxx"])
        {
            assert!(line.starts_with("WARN") && line.contains(word), "{line}");
            assert!(line.len() < 1000, "{}", line.len());
        }
        assert_eq!(lines.len(), 4);
    }
}
