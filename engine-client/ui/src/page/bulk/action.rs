//! Actions on many runs, and their words.

/// Actions of which pages know: name, in a question, past participle.
pub(super) const ACTIONS: [(&str, &str, &str); 4] = [
    ("replay", "Replay", "replayed"),
    ("cancel", "Cancel", "cancelled"),
    ("redrive", "Redrive", "redriven"),
    ("forget", "Forget", "forgotten"),
];

/// More runs than this are confirmed by their number.
pub(crate) const MANY: i64 = 100;

/// The actions and their verbs.
pub(in crate::page) fn actions() -> impl Iterator<Item = (&'static str, &'static str)> {
    ACTIONS.into_iter().map(|(name, verb, _)| (name, verb))
}

pub(super) fn verb(action: &str) -> &str {
    ACTIONS
        .iter()
        .find(|(name, ..)| *name == action)
        .map_or(action, |(_, verb, _)| verb)
}

pub(super) fn participle(action: &str) -> &str {
    ACTIONS
        .iter()
        .find(|(name, ..)| *name == action)
        .map_or("done", |(_, _, done)| done)
}
