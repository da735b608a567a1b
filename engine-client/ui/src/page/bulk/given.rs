//! What an action is told besides its runs: asked for on a page of its own, and shown with the question.

use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::action::{Action, Needs};
use crate::filter::{self, Filter};
use crate::moment::{Moment, span};
use crate::part::text::time;
use crate::request::Context;

/// The word of addresses that tells it.
pub(super) const WORD: &str = "option";

/// What an action was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    Nothing,
    Time(Moment),
    Queue(String),
    /// Milliseconds.
    Priority(i64),
}

impl Needs {
    /// What was typed; or nothing, if it does not say what is needed.
    fn read(self, text: &str, now: Moment) -> Option<Given> {
        let text = text.trim();
        match self {
            Self::Queue => (!text.is_empty()).then(|| Given::Queue(text.to_owned())),
            Self::Priority => {
                let (sign, length) = text
                    .strip_prefix('-')
                    .map_or((1, text), |length| (-1, length));
                let ms = filter::duration_ms(length).or_else(|| (length == "0").then_some(0))?;
                Some(Given::Priority(sign * ms))
            }
            Self::Time if text == "now" => Some(Given::Time(now)),
            Self::Time => {
                let later = filter::duration_ms(text)
                    .map(|ms| Moment(now.0.saturating_add(ms.saturating_mul(1000))));
                later.or_else(|| filter::moment(text, now)).map(Given::Time)
            }
        }
    }

    /// The label of its field, and what may stand there.
    fn field(self) -> (&'static str, &'static str) {
        match self {
            Self::Time => (
                "When they become due",
                "now, 2h (from now), 04:30 (today, UTC), 2026-11-29T04:30:00Z",
            ),
            Self::Queue => ("The queue that they move to", "the name of a queue"),
            Self::Priority => (
                "How far ahead in their queue",
                "10m, 0 (as they came), -10m (back)",
            ),
        }
    }
}

impl Given {
    /// What the address says, if that is what the action needs.
    pub(super) fn read(action: &Action, context: &Context, now: Moment) -> Option<Self> {
        match action.needs {
            None => Some(Self::Nothing),
            Some(needs) => needs.read(context.words.get(WORD)?, now),
        }
    }

    /// The options of the engine's function.
    pub(super) fn options(&self) -> Option<Map<String, Value>> {
        let (name, value) = match self {
            Self::Nothing => return None,
            Self::Time(at) => ("time", json!(at.iso())),
            Self::Queue(queue) => ("queue", json!(queue)),
            Self::Priority(ms) => ("priority", json!(ms)),
        };
        Some(Map::from_iter([(name.to_owned(), value)]))
    }

    /// What comes after the runs in the question, and after what is done to them.
    pub(super) fn words(&self, now: Moment) -> Markup {
        html! {
            @match self {
                Self::Nothing => {}
                Self::Time(at) => { " to " (time(*at, now)) }
                Self::Queue(queue) => { " to queue " (queue) }
                Self::Priority(0) => { " to none" }
                Self::Priority(ms) if *ms < 0 => { " to " (span(-ms)) " back" }
                Self::Priority(ms) => { " to " (span(*ms)) " ahead" }
            }
        }
    }
}

/// The page's content that asks for it.
pub(super) fn ask(context: &Context, action: &Action, filter: &Filter) -> Markup {
    let Some(needs) = action.needs else {
        return html! {};
    };
    let (label, example) = needs.field();
    let words = filter.to_words();
    html! {
        div class="head" { h1 { (action.verb) ": to what?" } span class="muted" { "nothing has happened yet" } }
        form class="p" action=(context.at("/bulk/new")) {
            header { h2 { (label) } }
            input type="hidden" name="action" value=(action.name);
            @for (key, value) in filter.words() { input type="hidden" name=(key) value=(value); }
            div class="stack b" {
                @if let Some(wrong) = context.words.get(WORD) { p class="fail" { "“" (wrong) "” does not say that." } }
                label { (label) br; input class="c" name=(WORD) required maxlength="200" autocomplete="off"; }
                p class="muted small" { "Such as " (example) }
                div class="acts" {
                    button class="main" { "Count its runs" }
                    a class="btn" href=(words.at(&context.at("/runs"))) { "Back to the list" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_an_option_of_the_engine() {
        let now = Moment::parse("2026-11-29T03:12:40Z").unwrap();
        for (needs, text, expected) in [
            (Needs::Queue, " slow ", json!({"queue": "slow"})),
            (Needs::Priority, "10m", json!({"priority": 600_000})),
            (Needs::Priority, "-1h", json!({"priority": -3_600_000})),
            (Needs::Priority, "0", json!({"priority": 0})),
            (
                Needs::Time,
                "now",
                json!({"time": "2026-11-29T03:12:40.000Z"}),
            ),
            (
                Needs::Time,
                "2h",
                json!({"time": "2026-11-29T05:12:40.000Z"}),
            ),
            (
                Needs::Time,
                "04:30",
                json!({"time": "2026-11-29T04:30:00.000Z"}),
            ),
        ] {
            let options = needs.read(text, now).and_then(|given| given.options());
            assert_eq!(options.map(Value::Object), Some(expected), "{text}");
        }
        for (needs, text) in [
            (Needs::Queue, " "),
            (Needs::Priority, "much"),
            (Needs::Time, "soon"),
        ] {
            assert_eq!(needs.read(text, now), None, "{text}");
        }
    }
}
