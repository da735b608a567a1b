//! Which runs a call is about: a filter, the same for every function that takes one.

use serde_json::{Map, Value};

use crate::{BatchId, Refusal, RunId, RunStatus, Timestamp, check_label, check_name};

const HINT: &str = "Pass one or more of run_id, status, task, queue, environment_id, tag, metadata, concurrency_key, version, \
                    worker_queue, error_code, error, batch_id, parent_run_id, bulk_id, created_after, created_before, finished_after, \
                    finished_before; or {\"all\": true}.";

/// Most values of one condition.
const MAX_VALUES: usize = 1000;

/// Runs that match every condition that is set; of the values of one condition, any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// These runs.
    pub run_ids: Option<Vec<RunId>>,
    /// Their status.
    pub statuses: Option<Vec<RunStatus>>,
    /// Their task.
    pub tasks: Option<Vec<String>>,
    /// Their queue.
    pub queues: Option<Vec<String>>,
    /// Their environment.
    pub environment_ids: Option<Vec<String>>,
    /// One of their tags.
    pub tags: Option<Vec<String>>,
    /// A key of their metadata, or `key=value`.
    pub metadata: Option<Vec<String>>,
    /// Their concurrency key.
    pub concurrency_keys: Option<Vec<String>>,
    /// The worker version that executes them, or that they are bound to.
    pub versions: Option<Vec<String>>,
    /// Their worker queue.
    pub worker_queues: Option<Vec<String>>,
    /// The code of their error, its name, or else its type. Without statuses, an error is that of a run that failed.
    pub error_codes: Option<Vec<String>>,
    /// A text that their error contains, in whatever case: its type, name, code and message, with a space between them.
    pub error: Option<String>,
    /// Their batch.
    pub batch_id: Option<BatchId>,
    /// The run that triggered them.
    pub parent_run_id: Option<RunId>,
    /// The bulk action that they were part of.
    pub bulk_id: Option<String>,
    /// They were triggered after this moment.
    pub created_after: Option<Timestamp>,
    /// They were triggered before this moment.
    pub created_before: Option<Timestamp>,
    /// They ended after this moment.
    pub finished_after: Option<Timestamp>,
    /// They ended before this moment.
    pub finished_before: Option<Timestamp>,
}

impl RunFilter {
    /// Reads a filter with at least one condition.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for one that is empty, or has a condition that does not exist or is of another type.
    pub fn read(filter: &Value) -> Result<Self, Refusal> {
        let Value::Object(conditions) = filter else {
            return refuse("It is not an object.".to_owned());
        };
        if conditions.is_empty() {
            return refuse("It has no condition.".to_owned());
        }
        match conditions.get("all") {
            None => Self::matching(conditions),
            Some(Value::Bool(true)) if conditions.len() == 1 => Ok(Self::default()),
            Some(Value::Bool(true)) => refuse("\"all\" stands beside other conditions.".to_owned()),
            Some(_) => refuse("\"all\" is not true.".to_owned()),
        }
    }

    fn matching(conditions: &Map<String, Value>) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        for (key, value) in conditions {
            let key = key.as_str();
            match key {
                "run_id" => filter.run_ids = any_of(key, value, |text| Ok(RunId::parse(text)))?,
                "status" => filter.statuses = any_of(key, value, status)?,
                "task" => filter.tasks = any_of(key, value, name("task"))?,
                "queue" => filter.queues = any_of(key, value, name("queue"))?,
                "environment_id" => {
                    filter.environment_ids = any_of(key, value, name("environment_id"))?;
                }
                "tag" => filter.tags = any_of(key, value, name("tag"))?,
                "metadata" => filter.metadata = any_of(key, value, label)?,
                "concurrency_key" => filter.concurrency_keys = any_of(key, value, label)?,
                "version" => filter.versions = any_of(key, value, name("version"))?,
                "worker_queue" => filter.worker_queues = any_of(key, value, name("worker_queue"))?,
                "error_code" => filter.error_codes = any_of(key, value, label)?,
                "error" => filter.error = Some(label(text(key, value)?)?),
                "batch_id" => filter.batch_id = Some(BatchId::parse(text(key, value)?)),
                "parent_run_id" => filter.parent_run_id = Some(RunId::parse(text(key, value)?)),
                "bulk_id" => filter.bulk_id = Some(label(text(key, value)?)?),
                "created_after" => filter.created_after = moment("created_after", key, value)?,
                "created_before" => filter.created_before = moment("created_before", key, value)?,
                "finished_after" => filter.finished_after = moment("finished_after", key, value)?,
                "finished_before" => {
                    filter.finished_before = moment("finished_before", key, value)?;
                }
                _ => return refuse(format!("It has no condition \"{key}\".")),
            }
        }
        Ok(filter.of_its_error())
    }

    /// A filter that asks for an error, and for no status, is about runs that failed: these are found without the others. A run
    /// that was cancelled keeps its reason in the same place, and is found by its status.
    fn of_its_error(self) -> Self {
        let asks = self.error.is_some() || self.error_codes.is_some();
        if self.statuses.is_some() || !asks {
            return self;
        }
        let statuses = RunStatus::ALL.iter().filter(|status| status.is_failure());
        Self {
            statuses: Some(statuses.copied().collect()),
            ..self
        }
    }

    /// Whether only runs that failed can match.
    #[must_use]
    pub fn is_of_failures(&self) -> bool {
        let statuses = self.statuses.as_deref();
        statuses.is_some_and(|statuses| statuses.iter().all(|status| status.is_failure()))
    }

    /// This filter for runs of one of these statuses only.
    #[must_use]
    pub fn within(mut self, statuses: &[RunStatus]) -> Self {
        let asked = self.statuses.take();
        let is_asked = |status: &&RunStatus| {
            let asked = asked.as_ref();
            asked.is_none_or(|asked| asked.contains(status))
        };
        self.statuses = Some(statuses.iter().filter(is_asked).copied().collect());
        self
    }
}

/// A text, or an array of texts of which any may match.
fn any_of<T>(
    key: &str,
    value: &Value,
    read: impl Fn(&str) -> Result<T, Refusal>,
) -> Result<Option<Vec<T>>, Refusal> {
    let values = match value {
        Value::Array(values) if values.is_empty() || values.len() > MAX_VALUES => {
            let count = values.len();
            return refuse(format!(
                "\"{key}\" has {count} values, not 1 to {MAX_VALUES}."
            ));
        }
        Value::Array(values) => values.as_slice(),
        one => std::slice::from_ref(one),
    };
    let values = values.iter().map(|value| read(text(key, value)?));
    values.collect::<Result<_, _>>().map(Some)
}

fn text<'a>(key: &str, value: &'a Value) -> Result<&'a str, Refusal> {
    match value {
        Value::String(text) => Ok(text),
        _ => refuse(format!("\"{key}\" is not a text.")),
    }
}

fn name(parameter: &'static str) -> impl Fn(&str) -> Result<String, Refusal> {
    move |text| check_name(parameter, text).map(str::to_owned)
}

fn label(text: &str) -> Result<String, Refusal> {
    if text.is_empty() {
        return refuse("A condition is empty.".to_owned());
    }
    check_label("filter", Some(text.to_owned())).map(Option::unwrap_or_default)
}

fn status(text: &str) -> Result<RunStatus, Refusal> {
    RunStatus::parse(text).ok_or_else(|| {
        Refusal::invalid(
            "status",
            format!("\"{text}\" is no status of a run."),
            "Pass one such as PENDING, EXECUTING or COMPLETED_WITH_ERRORS.",
        )
    })
}

fn moment(parameter: &'static str, key: &str, value: &Value) -> Result<Option<Timestamp>, Refusal> {
    let text = text(key, value)?;
    match Timestamp::parse_rfc3339(text) {
        Some(moment) => moment.check(parameter).map(Some),
        None => Err(Refusal::invalid(
            parameter,
            format!("\"{text}\" is not a time."),
            "Pass a time such as 2030-01-01T00:00:00Z.",
        )),
    }
}

fn refuse<T>(detail: String) -> Result<T, Refusal> {
    Err(Refusal::invalid("filter", detail, HINT))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_filter_has_conditions_with_one_value_or_several() {
        let filter = json!({
            "status": ["COMPLETED_WITH_ERRORS", "CRASHED"], "task": "a", "run_id": ["run_a", "b"], "error": "Timeout",
            "finished_after": "2030-01-01T00:00:00Z", "batch_id": "batch_b", "bulk_id": "bulk_c",
        });
        let filter = RunFilter::read(&filter).unwrap();
        let statuses = vec![RunStatus::CompletedWithErrors, RunStatus::Crashed];
        assert_eq!(filter.statuses, Some(statuses));
        assert_eq!(filter.tasks, Some(vec!["a".to_owned()]));
        let ids = vec![RunId::parse("a"), RunId::parse("b")];
        assert_eq!(filter.run_ids, Some(ids));
        assert!(filter.finished_after.is_some() && filter.queues.is_none());
        assert_eq!(
            RunFilter::read(&json!({"all": true})),
            Ok(RunFilter::default())
        );
    }

    #[test]
    fn a_filter_that_is_empty_or_says_something_else_is_refused() {
        let many: Vec<&str> = (0..=MAX_VALUES).map(|_| "t").collect();
        for filter in [
            json!({}),
            json!([]),
            json!("task"),
            json!(null),
            json!({"all": false}),
            json!({"all": true, "task": "t"}),
            json!({"task": null}),
            json!({"task": ""}),
            json!({"task": []}),
            json!({"task": many}),
            json!({"task": [1]}),
            json!({"metadata": {"key": "value"}}),
            json!({"tasks": "t"}),
            json!({"status": "DONE"}),
            json!({"status": "pending"}),
            json!({"error": ["a"]}),
            json!({"error": ""}),
            json!({"created_after": "yesterday"}),
            json!({"finished_before": 7}),
        ] {
            let refused = RunFilter::read(&filter).unwrap_err();
            assert_eq!(refused.sqlstate(), "22023", "{filter}");
            assert!(!refused.hint().is_empty() && !refused.detail().is_empty());
        }
    }

    #[test]
    fn a_filter_is_narrowed_to_what_it_asks_for_anyway() {
        let filter = RunFilter::read(&json!({"status": ["EXPIRED", "PENDING"]})).unwrap();
        let narrowed = filter.within(&[RunStatus::Crashed, RunStatus::Expired]);
        assert_eq!(narrowed.statuses, Some(vec![RunStatus::Expired]));
        let narrowed = RunFilter::default().within(&[RunStatus::Crashed]);
        assert_eq!(narrowed.statuses, Some(vec![RunStatus::Crashed]));
    }
    #[test]
    fn a_filter_that_asks_for_an_error_is_about_runs_that_failed_unless_it_names_a_status() {
        let is_of_failures = |filter: Value| RunFilter::read(&filter).unwrap().is_of_failures();
        assert!(is_of_failures(json!({"error_code": ["TIMEOUT", "E2"]})));
        assert!(is_of_failures(json!({"error": "no answer", "task": "t"})));
        let cancelled = json!({"error": "no longer needed", "status": "CANCELED"});
        assert!(!is_of_failures(cancelled));
    }

    #[test]
    fn a_filter_of_failures_has_statuses_of_runs_that_failed_and_no_other() {
        let is_of_failures = |filter: Value| RunFilter::read(&filter).unwrap().is_of_failures();
        assert!(is_of_failures(json!({"status": ["CRASHED", "EXPIRED"]})));
        assert!(!is_of_failures(json!({"status": ["CRASHED", "CANCELED"]})));
        assert!(!is_of_failures(json!({"task": "t"})));
    }
}
