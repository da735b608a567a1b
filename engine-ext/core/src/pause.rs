//! Pauses of queues and environments: since when, by whom, and why.

use crate::{Refusal, Timestamp, check_label};

/// A pause in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pause {
    /// Since when; `None` for a pause from before 0.2.0, as is `by`.
    pub since: Option<Timestamp>,
    /// The role that made it, or that gave the reason.
    pub by: Option<String>,
    /// Why, in its words.
    pub reason: Option<String>,
}

/// A requested change of a pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PauseChange {
    /// Leaves it as it is.
    Keep,
    /// Ends it, and forgets who made it.
    Resume,
    /// Makes it. One in force stays as it was made, unless this gives a reason.
    Pause {
        /// Why.
        reason: Option<String>,
    },
}

impl PauseChange {
    /// Reads the parameters `paused` and `reason`. An empty reason is none.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for a reason of more than 1024 bytes, or without a pause.
    pub fn read(paused: Option<bool>, reason: Option<&str>) -> Result<Self, Refusal> {
        let reason = check_label("reason", reason)?.filter(|reason| !reason.is_empty());
        match (paused, reason) {
            (Some(true), reason) => Ok(Self::Pause {
                reason: reason.map(str::to_owned),
            }),
            (Some(false) | None, Some(_)) => Err(Refusal::invalid(
                "reason",
                "It is given, and nothing is paused.".to_owned(),
                "Pass paused => true with it, or leave it out.",
            )),
            (Some(false), None) => Ok(Self::Resume),
            (None, None) => Ok(Self::Keep),
        }
    }

    /// Applies the change that role `by` asks for at `now`.
    pub fn apply(self, pause: &mut Option<Pause>, by: &str, now: Timestamp) {
        match self {
            Self::Keep => (),
            Self::Resume => *pause = None,
            Self::Pause { reason: None } if pause.is_some() => (),
            Self::Pause { reason } => {
                let since = match pause {
                    Some(pause) => pause.since,
                    None => Some(now),
                };
                *pause = Some(Pause {
                    since,
                    by: Some(by.to_owned()),
                    reason,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_micros(1);
    const LATER: Timestamp = Timestamp::from_micros(2);

    fn change(paused: bool, reason: Option<&str>) -> PauseChange {
        PauseChange::read(Some(paused), reason).unwrap()
    }

    #[test]
    fn a_pause_stays_as_it_was_made_until_it_ends_or_another_reason_is_given() {
        let mut pause = None;
        change(true, Some("INC-7")).apply(&mut pause, "ann", AT);
        let made = Pause {
            since: Some(AT),
            by: Some("ann".to_owned()),
            reason: Some("INC-7".to_owned()),
        };
        assert_eq!(pause, Some(made.clone()));
        change(true, None).apply(&mut pause, "bob", LATER);
        PauseChange::Keep.apply(&mut pause, "bob", LATER);
        assert_eq!(pause, Some(made));
        change(true, Some("INC-8")).apply(&mut pause, "bob", LATER);
        let given = Pause {
            since: Some(AT),
            by: Some("bob".to_owned()),
            reason: Some("INC-8".to_owned()),
        };
        assert_eq!(pause, Some(given));
        change(false, None).apply(&mut pause, "bob", LATER);
        assert_eq!(pause, None);
    }

    #[test]
    fn a_reason_is_bounded_and_stands_beside_a_pause_only() {
        let read = |paused, reason: &str| PauseChange::read(paused, Some(reason));
        assert_eq!(read(None, ""), Ok(PauseChange::Keep));
        assert_eq!(read(Some(false), ""), Ok(PauseChange::Resume));
        assert_eq!(
            read(Some(true), ""),
            Ok(PauseChange::Pause { reason: None })
        );
        for refused in [
            read(None, "x"),
            read(Some(false), "x"),
            read(Some(true), &"x".repeat(1025)),
        ] {
            assert_eq!(refused.unwrap_err().sqlstate(), "22023");
        }
    }
}
