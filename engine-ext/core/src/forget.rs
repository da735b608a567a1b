//! Which runs are forgotten before their time has come.

use serde_json::{Map, Value};

use crate::{Refusal, RunId, Timestamp, check_name};

const KEYS: &str =
    "Pass one or more of environment_id, task, queue, tag, created_after, created_before.";

/// The runs that a call is to forget: those that match every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// One run.
    pub run_id: Option<RunId>,
    /// Its environment.
    pub environment_id: Option<String>,
    /// Its task.
    pub task: Option<String>,
    /// Its queue.
    pub queue: Option<String>,
    /// One of its tags.
    pub tag: Option<String>,
    /// It was triggered after this moment.
    pub created_after: Option<Timestamp>,
    /// It was triggered before this moment.
    pub created_before: Option<Timestamp>,
}

impl Forgotten {
    /// Reads what a call names: a run, or a filter with at least one condition.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for neither or both, and for a filter that is empty or has a condition that does
    /// not exist or is of another type.
    pub fn read(run_id: Option<&str>, filter: Option<&Value>) -> Result<Self, Refusal> {
        match (run_id, filter) {
            (Some(run_id), None) => Ok(Self {
                run_id: Some(RunId::parse(run_id)),
                ..Self::default()
            }),
            (None, Some(Value::Object(conditions))) if !conditions.is_empty() => {
                Self::matching(conditions)
            }
            (None, Some(Value::Object(_))) => refuse("It has no condition.".to_owned()),
            (None, Some(_)) => refuse("It is not an object.".to_owned()),
            (None, None) => refuse("Neither a run nor a filter was passed.".to_owned()),
            (Some(_), Some(_)) => refuse("A run was passed, too.".to_owned()),
        }
    }

    fn matching(conditions: &Map<String, Value>) -> Result<Self, Refusal> {
        let mut runs = Self::default();
        for (key, value) in conditions {
            let Value::String(text) = value else {
                return refuse(format!("\"{key}\" is not a text."));
            };
            let name = |parameter| check_name(parameter, text).map(|name| Some(name.to_owned()));
            match key.as_str() {
                "environment_id" => runs.environment_id = name("environment_id")?,
                "task" => runs.task = name("task")?,
                "queue" => runs.queue = name("queue")?,
                "tag" => runs.tag = name("tag")?,
                "created_after" => runs.created_after = Some(moment("created_after", text)?),
                "created_before" => runs.created_before = Some(moment("created_before", text)?),
                _ => return refuse(format!("It has no condition \"{key}\".")),
            }
        }
        Ok(runs)
    }
}

fn moment(parameter: &'static str, text: &str) -> Result<Timestamp, Refusal> {
    match Timestamp::parse_rfc3339(text) {
        Some(moment) => moment.check(parameter),
        None => Err(Refusal::invalid(
            parameter,
            format!("\"{text}\" is not a time."),
            "Pass a time such as 2030-01-01T00:00:00Z.",
        )),
    }
}

fn refuse(detail: String) -> Result<Forgotten, Refusal> {
    Err(Refusal::invalid("filter", detail, KEYS))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_names_a_run_or_at_least_one_condition() {
        let run = Forgotten::read(Some("run_a"), None).unwrap();
        assert_eq!(run.run_id, Some(RunId::parse("a")));
        let filter = json!({"tag": "user:1", "created_before": "2030-01-01T00:00:00Z"});
        let runs = Forgotten::read(None, Some(&filter)).unwrap();
        assert_eq!(runs.tag.as_deref(), Some("user:1"));
        assert!(runs.created_before.is_some() && runs.task.is_none());
        for (run_id, filter) in [
            (None, None),
            (Some("a"), Some(json!({"task": "t"}))),
            (None, Some(json!({}))),
            (None, Some(json!([]))),
            (None, Some(json!({"task": null}))),
            (None, Some(json!({"task": ""}))),
            (None, Some(json!({"tag": ["a"]}))),
            (None, Some(json!({"tags": "a"}))),
            (None, Some(json!({"created_after": "yesterday"}))),
        ] {
            let refused = Forgotten::read(run_id, filter.as_ref()).unwrap_err();
            assert_eq!(refused.sqlstate(), "22023", "{filter:?}");
        }
    }
}
