//! Waitpoints: what a run can wait for.

use crate::status::named;
use crate::trigger_value::check_tags;
use crate::{Output, Refusal, RunId, Timestamp};

/// Longest idempotency key, bytes: its index entry also holds the environment's name, 2,704 bytes together.
pub const MAX_KEY_BYTES: usize = 2048;

/// Most steps and waits that a run may take over from another one: as many as one statement copies without delaying others.
pub const MAX_COPIED: usize = 10_000;

named! {
    /// Kinds of waitpoints.
    WaitpointType {
        /// The end of a run.
        Run = "RUN",
        /// A moment.
        DateTime = "DATETIME",
        /// A caller that completes it.
        Manual = "MANUAL",
        /// The end of a batch.
        Batch = "BATCH",
    }
}

named! {
    /// Whether a waitpoint is completed.
    WaitpointStatus {
        /// Not yet.
        Pending = "PENDING",
        /// Completed, permanently.
        Completed = "COMPLETED",
    }
}

impl WaitpointType {
    /// Whether the engine itself completes such a waitpoint, and can find out whether it has missed that.
    #[must_use]
    pub const fn is_of_engine(self) -> bool {
        match self {
            Self::Run | Self::Batch => true,
            Self::DateTime | Self::Manual => false,
        }
    }
}

/// A new waitpoint, as its caller describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWaitpoint {
    /// The kind of waitpoint.
    pub kind: WaitpointType,
    /// When it is due (DATETIME), or times out (MANUAL).
    pub completed_after: Option<Timestamp>,
    /// The caller's key: until it expires, the waitpoint exists once.
    pub key: Option<String>,
    /// When the key expires.
    pub key_expires_at: Option<Timestamp>,
    /// Labels for readers.
    pub tags: Vec<String>,
}

impl NewWaitpoint {
    /// Checks a waitpoint for a moment.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for an infinite moment, or a key that is empty or too long.
    pub fn date_time(
        completed_after: Timestamp,
        key: Option<String>,
        key_expires_at: Option<Timestamp>,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            kind: WaitpointType::DateTime,
            completed_after: Some(completed_after.check("completed_after")?),
            key: check_key(key)?,
            key_expires_at,
            tags: Vec::new(),
        })
    }

    /// Checks a waitpoint that a caller will complete.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for an infinite timeout, a key that is empty or too long, or bad tags.
    pub fn manual(
        timeout_at: Option<Timestamp>,
        key: Option<String>,
        key_expires_at: Option<Timestamp>,
        tags: Vec<String>,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            kind: WaitpointType::Manual,
            completed_after: timeout_at.map(|at| at.check("timeout_at")).transpose()?,
            key: check_key(key)?,
            key_expires_at,
            tags: check_tags(tags)?,
        })
    }

    /// The output that completes it when its time comes.
    #[must_use]
    pub fn due_output(&self, at: Timestamp) -> Output {
        match self.kind {
            WaitpointType::Manual => Output::timeout(at),
            WaitpointType::DateTime | WaitpointType::Run | WaitpointType::Batch => {
                Output::default()
            }
        }
    }
}

/// Refuses a timeout that never comes.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`).
pub fn check_timeout(timeout_at: Option<Timestamp>) -> Result<Option<Timestamp>, Refusal> {
    timeout_at.map(|at| at.check("timeout_at")).transpose()
}

/// Checks an idempotency key.
pub(crate) fn check_key(key: Option<String>) -> Result<Option<String>, Refusal> {
    let bytes = key.as_ref().map_or(1, String::len);
    if (1..=MAX_KEY_BYTES).contains(&bytes) {
        return Ok(key);
    }
    Err(Refusal::invalid(
        "idempotency_key",
        format!("It has {bytes} bytes."),
        "Pass 1 to 2048 bytes, or omit it; hash what is longer.",
    ))
}

/// The prefix of the keys of a run's own steps and waits, and the first key after them in byte order.
#[must_use]
pub fn own_keys(run_id: &RunId) -> (String, String) {
    let id = run_id.as_str();
    // No id contains "/", and "0" is the character after it.
    (format!("run/{id}/"), format!("run/{id}0"))
}

/// Refuses to take over the steps and waits of a run that has too many of them.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`).
pub fn check_copied(count: usize) -> Result<(), Refusal> {
    if count > MAX_COPIED {
        Err(Refusal::invalid(
            "keep_steps",
            format!("The run has more than {MAX_COPIED} completed steps and waits."),
            "Replay it without its steps.",
        ))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    #[test]
    fn the_keys_of_a_run_are_no_other_runs() {
        let (first, behind) = own_keys(&RunId::parse("run_a"));
        let is_own = |key: &str| key >= first.as_str() && key < behind.as_str();
        for key in ["run/a/", "run/a/step/s", "run/a/wait/\u{10ffff}"] {
            assert!(is_own(key), "{key}");
        }
        for key in [
            "run/a",
            "run/a-/step/s",
            "run/a0/step/s",
            "run/ab/step/s",
            "run/A/step/s",
        ] {
            assert!(!is_own(key), "{key}");
        }
    }

    #[test]
    fn as_many_steps_are_copied_as_one_statement_copies() {
        assert_eq!(check_copied(MAX_COPIED), Ok(()));
        assert_eq!(
            check_copied(MAX_COPIED + 1).unwrap_err().sqlstate(),
            "22023"
        );
    }

    #[test]
    fn keys_tags_and_moments_have_bounds() {
        let never = Timestamp::from_micros(i64::MAX);
        for refused in [
            NewWaitpoint::date_time(never, None, None),
            NewWaitpoint::manual(Some(never), None, None, vec![]),
            NewWaitpoint::manual(None, Some(String::new()), None, vec![]),
            NewWaitpoint::manual(None, Some("x".repeat(2049)), None, vec![]),
            NewWaitpoint::manual(None, None, None, vec![String::new()]),
        ] {
            assert_eq!(refused.unwrap_err().sqlstate(), "22023");
        }
        assert!(NewWaitpoint::manual(None, Some("k".to_owned()), None, vec![]).is_ok());
        let limits = Limits {
            max_payload_bytes: 2,
            max_metadata_bytes: 2,
            max_ttl_ms: 0,
        };
        assert!(Output::given(Some("123".to_owned()), None, false, &limits).is_err());
    }
}
