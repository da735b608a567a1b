//! Which runs are forgotten before their time has come.

use serde_json::Value;

use crate::{Refusal, RunFilter, RunId};

/// The runs that a call is to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgotten {
    /// One.
    Run(RunId),
    /// Those that match.
    Matching(Box<RunFilter>),
}

impl Forgotten {
    /// Reads what a call names: a run, or a filter with at least one condition.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for neither or both, and for a filter that is empty or has a condition that does
    /// not exist or is of another type.
    pub fn read(run_id: Option<&str>, filter: Option<&Value>) -> Result<Self, Refusal> {
        match (run_id, filter) {
            (Some(run_id), None) => Ok(Self::Run(RunId::parse(run_id))),
            (None, Some(filter)) => Ok(Self::Matching(Box::new(RunFilter::read(filter)?))),
            (None, None) => refuse("Neither a run nor a filter was passed."),
            (Some(_), Some(_)) => refuse("A run was passed, too."),
        }
    }
}

fn refuse(detail: &str) -> Result<Forgotten, Refusal> {
    Err(Refusal::invalid(
        "filter",
        detail.to_owned(),
        "Pass the id of a run, or a filter with at least one condition.",
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_names_a_run_or_at_least_one_condition() {
        let run = Forgotten::read(Some("run_a"), None).unwrap();
        assert_eq!(run, Forgotten::Run(RunId::parse("a")));
        let filter = json!({"tag": "user:1", "created_before": "2030-01-01T00:00:00Z"});
        match Forgotten::read(None, Some(&filter)).unwrap() {
            Forgotten::Matching(filter) => {
                assert_eq!(filter.tags, Some(vec!["user:1".to_owned()]));
                assert!(filter.created_before.is_some() && filter.tasks.is_none());
            }
            other => panic!("{other:?}"),
        }
        for (run_id, filter) in [
            (None, None),
            (Some("a"), Some(json!({"task": "t"}))),
            (None, Some(json!({}))),
        ] {
            let refused = Forgotten::read(run_id, filter.as_ref()).unwrap_err();
            assert_eq!(refused.sqlstate(), "22023", "{filter:?}");
        }
    }
}
