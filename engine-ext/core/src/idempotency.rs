//! Idempotency keys, and the other keys by which a trigger finds an existing run.

use sha2::{Digest, Sha256};

use crate::status::named;
use crate::{Refusal, RunStatus, Timestamp};

const MAX_KEY_LENGTH: usize = 2048;

/// How long a key is remembered unless its caller sets a time: thirty days.
const DEFAULT_MS: i64 = 30 * 24 * 3_600_000;

named! {
    /// Scope of a key's uniqueness.
    KeyKind {
        /// One run per key until it fails or the key expires.
        Idempotency = "IDEMPOTENCY",
        /// One run per key while it is delayed.
        Debounce = "DEBOUNCE",
        /// One run per key, permanently.
        OneTimeToken = "ONE_TIME_TOKEN",
    }
}

/// An idempotency key and its expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The caller's text.
    pub key: String,
    /// When the key is forgotten.
    pub expires_at: Timestamp,
}

impl IdempotencyKey {
    /// Checks a key of a trigger at `now`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for a key that is empty or has more than 2048 characters.
    pub fn check(
        key: String,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        check_key("idempotency_key", &key)?;
        Ok(Self {
            key,
            expires_at: expires_at.unwrap_or(now.plus_ms(DEFAULT_MS)),
        })
    }
}

/// Checks until when a key is remembered, at `now`. A key that has expired finds no run and keeps no other from being made: a
/// call that is repeated after that time would trigger a second run.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for a time that has passed.
pub fn check_key_expiry(
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    if expires_at.is_some_and(|at| at <= now) {
        return Err(Refusal::invalid(
            "idempotency_key_expires_at",
            "The time has passed, so the key has no effect.".to_owned(),
            "Pass a time in the future, or no key.",
        ));
    }
    Ok(expires_at)
}

/// Checks the size of a key.
pub(crate) fn check_key(parameter: &'static str, key: &str) -> Result<(), Refusal> {
    let length = key.chars().count();
    if length == 0 || length > MAX_KEY_LENGTH {
        return Err(Refusal::invalid(
            parameter,
            format!("It has {length} characters."),
            "Pass 1 to 2048 characters; hash what is longer.",
        ));
    }
    Ok(())
}

/// Whether a trigger at `now` may take the key of a run in `status`: the key has expired, or the run failed. A cancelled run
/// keeps its key, and so does one that is gone (`None`): a run that failed takes its key along.
#[must_use]
pub fn is_key_free(
    status: Option<RunStatus>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    let has_failed = status.is_some_and(RunStatus::is_failure);
    has_failed || expires_at.is_some_and(|at| at < now)
}

/// Digest that represents a key in its index, since a key may be longer than an index entry. Each part is preceded by its
/// length, so that keys with different parts never have the same input.
#[must_use]
pub fn digest_of(parts: &[&str]) -> Vec<u8> {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(0);

    #[test]
    fn a_key_is_free_once_its_run_failed_or_it_expired() {
        use RunStatus::*;
        let failed = [
            Interrupted,
            CompletedWithErrors,
            SystemFailure,
            Crashed,
            TimedOut,
            Expired,
        ];
        for status in RunStatus::ALL {
            let later = Some(NOW.plus_ms(1));
            assert_eq!(
                is_key_free(Some(*status), later, NOW),
                failed.contains(status),
                "{status}"
            );
            let before = Some(NOW.plus_ms(-1));
            assert!(is_key_free(Some(*status), before, NOW), "{status}");
        }
        assert!(!is_key_free(None, Some(NOW.plus_ms(1)), NOW));
        assert!(is_key_free(None, Some(NOW.plus_ms(-1)), NOW));
    }

    #[test]
    fn a_key_has_bounds_and_a_time() {
        let check = |key: String| IdempotencyKey::check(key, None, NOW);
        assert_eq!(
            check("ä".repeat(2048)).unwrap().expires_at,
            NOW.plus_ms(DEFAULT_MS)
        );
        for key in [String::new(), "k".repeat(2049)] {
            assert_eq!(check(key).unwrap_err().sqlstate(), "22023");
        }
    }

    #[test]
    fn a_key_expires_after_the_call_that_gives_it() {
        let check = |ms| check_key_expiry(Some(NOW.plus_ms(ms)), NOW);
        assert_eq!(check(1), Ok(Some(NOW.plus_ms(1))));
        assert_eq!(check_key_expiry(None, NOW), Ok(None));
        for ms in [0, -1] {
            assert_eq!(check(ms).unwrap_err().sqlstate(), "22023");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_eq!(digest_of(&["a", "b"]).len(), 32);
        assert_ne!(digest_of(&["ab", "c"]), digest_of(&["a", "bc"]));
        assert_ne!(digest_of(&["a", ""]), digest_of(&["a"]));
    }
}
