//! Actions on many runs, and their words.

/// An action on all runs of a filter.
#[derive(Debug)]
pub(in crate::page) struct Action {
    /// As the engine calls it.
    pub(in crate::page) name: &'static str,
    pub(in crate::page) verb: &'static str,
    /// What stands before the number of runs in a question: the verb, or more.
    pub(super) asks: &'static str,
    /// What its runs are afterwards.
    pub(super) participle: &'static str,
    /// What it must be told.
    pub(super) needs: Option<Needs>,
}

/// What an action must be told before its runs are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Time,
    Queue,
    Priority,
}

const fn action(name: &'static str, verb: &'static str, participle: &'static str) -> Action {
    Action {
        name,
        verb,
        asks: verb,
        participle,
        needs: None,
    }
}

/// The actions of the engine.
const ACTIONS: [Action; 8] = [
    action("replay", "Replay", "replayed"),
    action("cancel", "Cancel", "cancelled"),
    action("redrive", "Redrive", "redriven"),
    action("release", "Release", "released"),
    Action {
        needs: Some(Needs::Time),
        ..action("reschedule", "Reschedule", "rescheduled")
    },
    Action {
        needs: Some(Needs::Queue),
        ..action("move", "Move", "moved")
    },
    Action {
        asks: "Set priority of",
        needs: Some(Needs::Priority),
        ..action("set_priority", "Set priority", "set")
    },
    action("forget", "Forget", "forgotten"),
];

/// More runs than this are confirmed by their number.
pub(crate) const MANY: i64 = 100;

/// All actions, in the order of their buttons.
pub(in crate::page) fn actions() -> impl Iterator<Item = &'static Action> {
    ACTIONS.iter()
}

/// The action of a name.
pub(super) fn named(name: &str) -> Option<&'static Action> {
    actions().find(|action| action.name == name)
}

pub(super) fn verb(name: &str) -> &str {
    named(name).map_or(name, |action| action.verb)
}

pub(super) fn participle(name: &str) -> &str {
    named(name).map_or("done", |action| action.participle)
}
