//! A stretch of time, and how it is filled.

use crate::moment::Moment;

/// How a stretch of time is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// In a queue, or before its time.
    Queue,
    /// Between two attempts.
    Backoff,
    /// It holds a slot.
    Runs,
    /// It waits.
    Waits,
    Failed,
    Done,
}

impl Fill {
    pub(super) fn colour(self) -> &'static str {
        match self {
            Self::Queue => "idle",
            Self::Backoff => "warn",
            Self::Runs => "run",
            Self::Waits => "wait",
            Self::Failed => "fail",
            Self::Done => "ok",
        }
    }

    pub(super) fn pattern(self) -> Option<&'static str> {
        match self {
            Self::Queue => Some("fq"),
            Self::Backoff => Some("fh"),
            Self::Waits => Some("fd"),
            Self::Runs | Self::Failed | Self::Done => None,
        }
    }
}

/// A stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) from: Moment,
    pub(super) to: Moment,
    pub(super) fill: Fill,
    pub(super) title: String,
}
