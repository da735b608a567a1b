//! Batches: runs that are triggered together and awaited together.
//!
//! The call that adds an item also triggers it, so there is no queue of items, and no state between a sealed batch and one
//! whose items are processed.

use crate::status::named;
use crate::{BatchId, Output, Refusal, RunId};

named! {
    /// State of a batch.
    BatchStatus {
        /// Accepts items.
        Pending = "PENDING",
        /// All items became runs.
        Processing = "PROCESSING",
        /// All runs have ended.
        Completed = "COMPLETED",
        /// Some items became runs, and these have not all ended.
        PartialFailed = "PARTIAL_FAILED",
        /// No item became a run, or the items never came.
        Aborted = "ABORTED",
    }
}

/// A batch as read under its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The batch's bare id.
    pub id: BatchId,
    /// The environment of its runs.
    pub environment_id: String,
    /// Its state.
    pub status: BatchStatus,
    /// Number of items announced, if any.
    pub run_count: Option<i32>,
    /// Number of items added.
    pub item_count: i32,
    /// Number of items that could not be triggered.
    pub failed_count: i32,
    /// One more than the greatest index of its items.
    pub next_index: i32,
    /// Whether it accepts no more items.
    pub is_sealed: bool,
    /// The parent of its runs.
    pub parent_run_id: Option<RunId>,
    /// Whether the parent waits for them.
    pub resume_parent: bool,
}

/// The end of a batch, or of the wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchEnd {
    /// New state; `None` keeps it.
    pub status: Option<BatchStatus>,
    /// Completes its waitpoint, if there is one.
    pub output: Output,
}

impl Batch {
    /// Refuses more items for a batch that accepts none.
    ///
    /// # Errors
    /// [`Refusal::BatchClosed`] (`RE012`).
    pub fn check_open(&self) -> Result<(), Refusal> {
        let reason = match self.status {
            BatchStatus::Pending if self.is_sealed => "It is sealed.".to_owned(),
            BatchStatus::Pending => return Ok(()),
            BatchStatus::Processing
            | BatchStatus::Completed
            | BatchStatus::PartialFailed
            | BatchStatus::Aborted => format!("Its status is {}.", self.status),
        };
        Err(Refusal::BatchClosed {
            batch_id: self.id.clone(),
            reason,
        })
    }

    /// Refuses runs of another environment.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`).
    pub fn check_member(&self, environment_id: &str) -> Result<(), Refusal> {
        if self.environment_id == environment_id {
            return Ok(());
        }
        Err(Refusal::invalid(
            "environment_id",
            format!(
                "\"{environment_id}\" is not \"{}\", the environment of the batch.",
                self.environment_id
            ),
            "Pass the environment of the batch.",
        ))
    }

    /// Adds an item and returns its index: the given one, or the one after the greatest.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for an index outside the batch.
    pub fn add(&mut self, given: Option<i32>) -> Result<i32, Refusal> {
        let index = given.unwrap_or(self.next_index);
        match self.run_count {
            Some(count) if index >= count => {
                return Err(index_refused(format!(
                    "{index} is not below {count}, the number of items that the batch has."
                )));
            }
            Some(_) | None if index < 0 => {
                return Err(index_refused(format!("{index} is negative.")));
            }
            Some(_) | None => {}
        }
        self.item_count += 1;
        self.next_index = self.next_index.max(index.saturating_add(1));
        Ok(index)
    }

    /// Whether all announced items have been added.
    #[must_use]
    pub fn is_processed(&self) -> bool {
        self.is_sealed || self.run_count.is_some_and(|count| self.item_count >= count)
    }

    /// Seals the batch if all its items have been added; returns whether this call sealed it. Missing items are no error:
    /// their caller sends them again.
    pub fn seal(&mut self) -> bool {
        let is_complete = self.run_count.is_none_or(|count| self.item_count >= count);
        if self.is_sealed || self.status != BatchStatus::Pending || !is_complete {
            return false;
        }
        self.is_sealed = true;
        self.run_count = Some(self.item_count);
        self.status = match self.failed_count {
            0 => BatchStatus::Processing,
            failed if failed < self.item_count => BatchStatus::PartialFailed,
            _ => BatchStatus::Aborted,
        };
        true
    }

    /// The batch's end, once all its runs have ended; `None` before.
    #[must_use]
    pub fn end(&self, runs_have_ended: bool) -> Option<BatchEnd> {
        match self.status {
            BatchStatus::Completed => None,
            BatchStatus::Aborted => self.is_sealed.then(|| BatchEnd {
                status: None,
                output: Output::error("None of the items of the batch could be triggered"),
            }),
            BatchStatus::Pending | BatchStatus::Processing | BatchStatus::PartialFailed => {
                (self.is_processed() && runs_have_ended).then(|| BatchEnd {
                    status: Some(BatchStatus::Completed),
                    output: completed(),
                })
            }
        }
    }

    /// The output that completes its waitpoint at creation, if the batch ended before a run waited for it.
    #[must_use]
    pub fn output(&self) -> Option<Output> {
        match self.status {
            BatchStatus::Completed => Some(completed()),
            BatchStatus::Aborted => Some(Output::error("The batch was aborted")),
            BatchStatus::Pending | BatchStatus::Processing | BatchStatus::PartialFailed => None,
        }
    }

    /// The batch's end when it was not sealed in time; `None` if it was.
    #[must_use]
    pub fn expire(&self) -> Option<BatchEnd> {
        let status = match self.status {
            BatchStatus::Pending if !self.is_sealed => Some(BatchStatus::Aborted),
            // Aborted earlier, by a session that did not reach its waitpoint.
            BatchStatus::Aborted if !self.is_sealed => None,
            BatchStatus::Pending
            | BatchStatus::Aborted
            | BatchStatus::Processing
            | BatchStatus::PartialFailed
            | BatchStatus::Completed => return None,
        };
        let expected = self
            .run_count
            .map_or_else(String::new, |count| format!(" {count}"));
        let reason = format!(
            "{} was not sealed in time: of{expected} expected items {} came",
            self.id.friendly(),
            self.item_count
        );
        Some(BatchEnd {
            status,
            output: Output::error(&reason),
        })
    }
}

/// The output of a batch that has ended; its text is fixed, for readers that compare it.
fn completed() -> Output {
    Output {
        value: Some("Batch waitpoint completed".to_owned()),
        ..Output::default()
    }
}

pub(crate) fn index_refused(detail: String) -> Refusal {
    Refusal::invalid(
        "index",
        detail,
        "Pass the index of the item in the batch, from 0.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(run_count: Option<i32>) -> Batch {
        Batch {
            id: BatchId::parse("b"),
            environment_id: "default".to_owned(),
            status: BatchStatus::Pending,
            run_count,
            item_count: 0,
            failed_count: 0,
            next_index: 0,
            is_sealed: false,
            parent_run_id: None,
            resume_parent: false,
        }
    }

    fn in_status(status: BatchStatus, is_sealed: bool) -> Batch {
        Batch {
            status,
            is_sealed,
            ..batch(Some(1))
        }
    }

    #[test]
    fn a_batch_accepts_items_until_it_is_sealed_and_only_its_own_indexes() {
        let mut two = batch(Some(2));
        assert_eq!(two.add(Some(1)), Ok(1));
        assert_eq!(two.add(Some(0)), Ok(0));
        for index in [Some(2), Some(-1), None] {
            assert_eq!(two.add(index).unwrap_err().sqlstate(), "22023");
        }
        assert_eq!(two.item_count, 2);
        assert!(two.seal() && !two.seal());
        assert_eq!(two.check_open().unwrap_err().sqlstate(), "RE012");
    }

    #[test]
    fn a_batch_is_sealed_once_all_its_items_are_there() {
        let mut short = batch(Some(2));
        assert_eq!(short.add(None), Ok(0));
        assert!(!short.seal() && short.status == BatchStatus::Pending);
        let mut open = batch(None);
        assert_eq!((open.add(None), open.add(None)), (Ok(0), Ok(1)));
        assert!(!open.is_processed() && open.seal());
        assert_eq!(
            (open.run_count, open.status),
            (Some(2), BatchStatus::Processing)
        );
    }

    #[test]
    fn what_a_sealed_batch_is_follows_from_its_failed_items() {
        for (failed, status) in [
            (0, BatchStatus::Processing),
            (1, BatchStatus::PartialFailed),
            (2, BatchStatus::Aborted),
        ] {
            let mut two = Batch {
                item_count: 2,
                failed_count: failed,
                ..batch(Some(2))
            };
            assert!(two.seal());
            assert_eq!(two.status, status);
        }
    }

    #[test]
    fn a_batch_ends_with_its_last_run_and_an_aborted_one_never_completes() {
        let unfinished = Batch {
            item_count: 1,
            ..batch(Some(2))
        };
        assert_eq!(unfinished.end(true), None);
        for status in BatchStatus::ALL {
            let sealed = in_status(*status, true);
            match status {
                BatchStatus::Completed => assert_eq!(sealed.end(true), None),
                BatchStatus::Aborted => assert_eq!(sealed.end(true).unwrap().status, None),
                _ => {
                    assert_eq!(sealed.end(false), None);
                    let end = sealed.end(true).unwrap();
                    assert_eq!(sealed.output(), None);
                    assert_eq!(end.status, Some(BatchStatus::Completed));
                    assert!(!end.output.is_error);
                }
            }
        }
    }

    #[test]
    fn a_batch_that_is_not_sealed_in_time_is_aborted() {
        for status in BatchStatus::ALL {
            assert_eq!(in_status(*status, true).expire(), None, "{status}");
        }
        let end = in_status(BatchStatus::Pending, false).expire().unwrap();
        assert_eq!(end.status, Some(BatchStatus::Aborted));
        assert!(end.output.is_error);
        let again = in_status(BatchStatus::Aborted, false).expire().unwrap();
        assert_eq!(again.status, None);
    }
}
