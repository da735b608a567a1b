//! What the audit keeps of a call: that of an action, of which a session has said who acts.

use crate::{Capabilities, Capability, Refusal, check_label};

/// Most characters that are kept of an argument.
const LONGEST: usize = 1_000;

/// An argument of a call, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The parameter.
    pub parameter: String,
    /// Whether it is a JSON document.
    pub is_document: bool,
    /// What stands for it where it is not given, as an expression of SQL; `None` if it must be given.
    pub default: Option<String>,
    /// Its value; `None` for NULL.
    pub text: Option<String>,
}

impl Given {
    /// Whether it says what is so without it.
    fn is_default(&self) -> bool {
        let Some(default) = &self.default else {
            return false;
        };
        let constant = default.split("::").next().unwrap_or_default();
        match &self.text {
            Some(text) => constant.trim_matches('\'') == text,
            None => constant == "NULL",
        }
    }

    fn is_kept(&self) -> bool {
        match self.parameter.as_str() {
            "payload" | "output" => false,
            "filter" => true,
            _ => !self.is_document && !self.is_default(),
        }
    }
}

impl Capabilities {
    /// Whether a function that needs one of these is an action: no worker, no reader and no tick may call it as such. Functions of
    /// the owner are actions too.
    #[must_use]
    pub const fn are_of_actions(self) -> bool {
        !self.has(Capability::Work) && !self.has(Capability::Read) && !self.has(Capability::Tick)
    }
}

/// Reads the setting `engine.actor`; an empty one names nobody.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for more than 1024 bytes.
pub fn check_actor(setting: Option<String>) -> Result<Option<String>, Refusal> {
    let actor = check_label("engine.actor", setting)?;
    Ok(actor.filter(|actor| !actor.is_empty()))
}

/// What is kept of the arguments of an action, as parameters and values; `None` if it only shows what it would do.
///
/// What is so by default is not kept, nor what runs receive and return, nor any other document than a filter.
#[must_use]
pub fn kept(given: &[Given]) -> Option<Vec<(&str, Option<String>)>> {
    let is_shown =
        |given: &Given| given.parameter == "dry_run" && given.text.as_deref() == Some("true");
    if given.iter().any(is_shown) {
        return None;
    }
    let kept = given.iter().filter(|given| given.is_kept()).map(|given| {
        let text = given.text.as_ref();
        let cut = text.map(|text| text.chars().take(LONGEST).collect());
        (given.parameter.as_str(), cut)
    });
    Some(kept.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(parameter: &str, text: Option<&str>) -> Given {
        Given {
            parameter: parameter.to_owned(),
            is_document: false,
            default: None,
            text: text.map(str::to_owned),
        }
    }

    fn document(parameter: &str) -> Given {
        Given {
            is_document: true,
            ..given(parameter, Some("{}"))
        }
    }

    fn optional(parameter: &str, default: &str, text: Option<&str>) -> Given {
        Given {
            default: Some(default.to_owned()),
            ..given(parameter, text)
        }
    }

    #[test]
    fn actions_are_what_no_worker_reader_or_tick_calls() {
        let is_action = |routine| Capabilities::of(routine).are_of_actions();
        for routine in [
            "engine_set_queue",
            "engine_cancel",
            "engine_replay",
            "engine_bulk",
            "engine_grant",
        ] {
            assert!(is_action(routine), "{routine}");
        }
        for routine in [
            "engine_dequeue",
            "engine_heartbeat",
            "engine_events",
            "engine_doctor",
            "engine_tick",
        ] {
            assert!(!is_action(routine), "{routine}");
        }
    }

    #[test]
    fn documents_are_not_kept_but_for_filters() {
        let given = [
            given("payload", Some("{}")),
            document("metadata"),
            document("filter"),
            given("reason", Some("no longer needed")),
        ];
        let filter = ("filter", Some("{}".to_owned()));
        let reason = ("reason", Some("no longer needed".to_owned()));
        assert_eq!(kept(&given), Some(vec![filter, reason]));
    }

    #[test]
    fn what_is_so_by_default_is_not_kept_and_null_is_where_it_is_not() {
        let given = [
            optional("reason", "NULL::text", None),
            optional("environment_id", "'default'::text", Some("default")),
            optional("finalize", "false", Some("false")),
            optional("max_size", "'-1'::integer", Some("-1")),
            optional("override_limit", "'-1'::integer", None),
            optional("paused", "NULL::boolean", Some("true")),
        ];
        let limit = ("override_limit", None);
        let paused = ("paused", Some("true".to_owned()));
        assert_eq!(kept(&given), Some(vec![limit, paused]));
    }

    #[test]
    fn what_only_shows_what_it_would_do_is_no_action() {
        assert_eq!(kept(&[optional("dry_run", "true", Some("true"))]), None);
        let done = [optional("dry_run", "true", Some("false"))];
        assert_eq!(kept(&done).map(|kept| kept.len()), Some(1));
    }

    #[test]
    fn a_long_argument_is_cut() {
        let long = [given("task", Some(&"ä".repeat(5_000)))];
        let kept = kept(&long).unwrap();
        assert_eq!(kept[0].1, Some("ä".repeat(LONGEST)));
    }

    #[test]
    fn an_empty_actor_is_nobody_and_a_long_one_is_refused() {
        assert_eq!(check_actor(Some(String::new())), Ok(None));
        assert_eq!(
            check_actor(Some("anna".to_owned())),
            Ok(Some("anna".to_owned()))
        );
        assert!(check_actor(Some("a".repeat(1_025))).is_err());
    }
}
