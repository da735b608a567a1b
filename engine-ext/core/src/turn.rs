//! Turns of workers that have names, so that the answer to one can be asked for again.

use serde_json::Value;

use crate::{Refusal, Timestamp, check_label, digest_of};

/// How long a turn is remembered at least.
const KEPT_MS: i64 = 3_600_000;

/// A turn that a worker takes, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedTurn {
    /// The worker's name for it.
    pub id: String,
    /// Digest of what the worker reports and asks for.
    pub digest: Vec<u8>,
}

impl NamedTurn {
    /// Checks the name of a turn; `content` is what the worker reports and asks for.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for a name that is too long, or of a worker that does not give both of its ids.
    pub fn new(id: &str, knows_worker: bool, content: &Value) -> Result<Self, Refusal> {
        let id = check_label("turn_id", Some(id.to_owned()))?.unwrap_or_default();
        if !knows_worker {
            return Err(Refusal::invalid(
                "turn_id",
                "The call does not say which worker takes the turn.".to_owned(),
                "Pass worker_id and runner_id with it.",
            ));
        }
        Ok(Self {
            id,
            digest: digest_of(&[&content.to_string()]),
        })
    }

    /// Whether this is the last turn again. `has_same_content` tells whether the digests are equal.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) if only the name is the same.
    pub fn is_again(&self, last_id: &str, has_same_content: bool) -> Result<bool, Refusal> {
        match (self.id == last_id, has_same_content) {
            (false, _) => Ok(false),
            (true, true) => Ok(true),
            (true, false) => Err(Refusal::invalid(
                "turn_id",
                format!("The turn \"{last_id}\" was taken with another content."),
                "Repeat a turn with the same arguments, and give every new turn another name.",
            )),
        }
    }

    /// When a turn that is taken at `now` is forgotten: a whole hour, so that the time seldom changes.
    #[must_use]
    pub const fn forget_at(now: Timestamp) -> Timestamp {
        now.floor_ms(KEPT_MS).plus_ms(2 * KEPT_MS)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_turn_is_the_same_by_name_and_content() {
        let turn = |id: &str, content| NamedTurn::new(id, true, &content).unwrap();
        let (one, other) = (turn("a", json!([1])), turn("a", json!([2])));
        assert_eq!(one.is_again("b", false), Ok(false));
        assert_eq!(
            one.is_again("a", one.digest == turn("a", json!([1])).digest),
            Ok(true)
        );
        let refused = one.is_again("a", one.digest == other.digest).unwrap_err();
        assert_eq!(refused.sqlstate(), "22023");
    }

    #[test]
    fn a_turn_needs_a_worker_and_a_short_name() {
        for (id, knows_worker) in [("a", false), (&*"a".repeat(2000), true)] {
            let refused = NamedTurn::new(id, knows_worker, &json!([])).unwrap_err();
            assert_eq!(refused.sqlstate(), "22023");
        }
    }

    #[test]
    fn a_turn_is_kept_for_an_hour_or_two() {
        for minutes in [0, 1, 59, 60, 61] {
            let now = Timestamp::from_micros(0).plus_ms(minutes * 60_000);
            let kept = NamedTurn::forget_at(now).ms_since(now);
            assert!((KEPT_MS..=2 * KEPT_MS).contains(&kept), "{kept}");
        }
    }
}
