//! The statuses of runs: a shape, a word, a colour.

use maud::{Markup, html};

use super::symbol::icon;

/// How a status is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The word, as pages and filters write it.
    pub(crate) word: &'static str,
    /// The shape.
    pub(crate) symbol: &'static str,
    /// The class of its colour.
    pub(crate) colour: &'static str,
}

const fn shown(word: &'static str, symbol: &'static str, colour: &'static str) -> Shown {
    Shown {
        word,
        symbol,
        colour,
    }
}

pub(crate) const QUEUED: Shown = shown("queued", "queued", "idle");
pub(crate) const RUNNING: Shown = shown("running", "running", "run");
pub(crate) const WAITING: Shown = shown("waiting", "waiting", "wait");
pub(crate) const RETRYING: Shown = shown("retrying", "retrying", "warn");
pub(crate) const SUCCEEDED: Shown = shown("succeeded", "succeeded", "ok");
pub(crate) const FAILED: Shown = shown("failed", "failed", "fail");
pub(crate) const DEAD: Shown = shown("system failure", "dead", "fail");
pub(crate) const CANCELLED: Shown = shown("cancelled", "cancelled", "idle");

/// Every word that a filter knows, with the statuses of the database that it stands for, in the order of pages.
pub(crate) const WORDS: [(Shown, &[&str]); 14] = [
    (FAILED, &["COMPLETED_WITH_ERRORS"]),
    (shown("timed out", "timed-out", "fail"), &["TIMED_OUT"]),
    (shown("crashed", "crashed", "fail"), &["CRASHED"]),
    (DEAD, &["SYSTEM_FAILURE"]),
    (shown("interrupted", "crashed", "fail"), &["INTERRUPTED"]),
    (RETRYING, &["RETRYING_AFTER_FAILURE"]),
    (shown("starting", "running", "run"), &["DEQUEUED"]),
    (RUNNING, &["EXECUTING"]),
    (WAITING, &["WAITING_TO_RESUME"]),
    (
        shown("no version", "parked", "warn"),
        &["PENDING_VERSION", "WAITING_FOR_DEPLOY"],
    ),
    (shown("delayed", "delayed", "idle"), &["DELAYED"]),
    (QUEUED, &["PENDING", "PAUSED"]),
    (SUCCEEDED, &["COMPLETED_SUCCESSFULLY"]),
    (CANCELLED, &["CANCELED", "EXPIRED"]),
];

/// Statuses of runs that ended because something failed.
pub(crate) const FAILURES: [&str; 5] = [
    "COMPLETED_WITH_ERRORS",
    "SYSTEM_FAILURE",
    "CRASHED",
    "INTERRUPTED",
    "TIMED_OUT",
];

/// How the status of a run is shown. A run that executes and is blocked waits.
pub(crate) fn of(run_status: &str, execution_status: &str) -> Shown {
    match (run_status, execution_status) {
        (_, "EXECUTING_WITH_WAITPOINTS" | "SUSPENDED") => WAITING,
        (_, "PENDING_CANCEL") => shown("cancelling", "cancelled", "warn"),
        ("EXPIRED", _) => shown("expired", "expired", "idle"),
        (status, _) => of_run(status),
    }
}

/// How a run status is shown.
pub(crate) fn of_run(run_status: &str) -> Shown {
    let known = WORDS
        .iter()
        .find(|(_, statuses)| statuses.contains(&run_status));
    known.map_or(shown("unknown", "note", "warn"), |(shown, _)| *shown)
}

/// The statuses that a word of a filter stands for, in either form: `timed_out`, `timed out`.
pub(crate) fn statuses_of(word: &str) -> Option<&'static [&'static str]> {
    let word = word.trim().replace(['_', '-'], " ").to_lowercase();
    match word.as_str() {
        "expired" => Some(&["EXPIRED"]),
        "cancelled" | "canceled" => Some(&["CANCELED"]),
        word => WORDS
            .iter()
            .find(|(shown, _)| shown.word == word)
            .map(|(_, statuses)| *statuses),
    }
}

impl Shown {
    /// Whether it is a failure.
    pub(crate) fn is_failure(self) -> bool {
        self.colour == "fail"
    }

    /// The word as a filter writes it.
    pub(crate) fn key(self) -> String {
        self.word.replace(' ', "_")
    }

    /// The status, with the engine's own name as a title.
    pub(crate) fn badge(self, name: &str) -> Markup {
        html! {
            span class={ "st " (self.colour) } title=[(!name.is_empty()).then_some(name)] {
                (icon(self.symbol, "")) (self.word)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_again_by_the_filter() {
        for (shown, statuses) in WORDS {
            let found = statuses_of(&shown.key()).unwrap();
            assert!(
                found.iter().all(|status| statuses.contains(status)),
                "{}",
                shown.word
            );
        }
        assert_eq!(statuses_of("nonsense"), None);
    }

    #[test]
    fn a_blocked_run_waits_whatever_its_run_status_is() {
        assert_eq!(of("EXECUTING", "EXECUTING_WITH_WAITPOINTS").word, "waiting");
        assert_eq!(of("EXECUTING", "EXECUTING").word, "running");
        assert_eq!(of("EXPIRED", "FINISHED").word, "expired");
    }
}
