//! Registrations of worker versions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::document::check_document;
use crate::{Limits, Refusal, RetrySettings, Task, WorkerVersion, check_label, check_name, ttl};

/// A worker's registration.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// The version with its tasks and queues.
    pub worker: WorkerVersion,
    /// Base limits for its queues; `None` for no limit.
    pub limits: Vec<(String, Option<i32>)>,
}

impl Registration {
    /// Reads a registration: `tasks`, an array of objects with an `id`, and `queues`, an array of objects with a `name`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`), naming the value; [`Refusal::TooDeep`],
    /// [`Refusal::ReservedKey`] (`22032`); [`Refusal::TooLarge`] (`54000`) for more than the largest payload.
    pub fn read(
        version: &str,
        tasks: Option<&Value>,
        queues: Option<&Value>,
        image: Option<&str>,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        check_name("version", version)?;
        for (parameter, document) in [("tasks", tasks), ("queues", queues)] {
            if let Some(document) = document {
                check_document(parameter, document)?;
                limits.check_payload(parameter, document.to_string().len())?;
            }
        }
        let mut worker = WorkerVersion {
            version: version.to_owned(),
            image: check_label("image", image)?.map(str::to_owned),
            tasks: BTreeMap::new(),
            queues: BTreeSet::new(),
        };
        for task in elements("tasks", tasks)? {
            let (id, fields) = named("tasks", "id", task)?;
            worker
                .tasks
                .insert(id, Task::read(fields, RetrySettings::check)?);
        }
        let mut limits = Vec::new();
        for queue in elements("queues", queues)? {
            let (name, fields) = named("queues", "name", queue)?;
            worker.queues.insert(name.clone());
            limits.push((name, integer("queues", fields, &["concurrencyLimit"], 0)?));
        }
        Ok(Self { worker, limits })
    }
}

impl WorkerVersion {
    /// The tasks as stored: an object of objects.
    #[must_use]
    pub fn tasks_json(&self) -> Value {
        let tasks = self.tasks.iter().map(|(id, task)| {
            let task = json!({
                "retry": task.retry,
                "machine": task.machine,
                "maxDuration": task.max_duration_seconds,
                "ttl": task.ttl,
            });
            (id.clone(), task)
        });
        Value::Object(tasks.collect())
    }

    /// Reads what [`Self::tasks_json`] wrote, without fields that cannot be read.
    #[must_use]
    pub fn stored(
        version: String,
        image: Option<String>,
        tasks: &Value,
        queues: Vec<String>,
    ) -> Self {
        let read = |(id, task): (&String, &Value)| {
            let task = task
                .as_object()
                .and_then(|fields| Task::read(Some(fields), Ok).ok());
            (id.clone(), task.unwrap_or_default())
        };
        Self {
            version,
            image,
            tasks: tasks.as_object().into_iter().flatten().map(read).collect(),
            queues: queues.into_iter().collect(),
        }
    }
}

impl Task {
    /// Reads a task. Stored tasks passed the rules of their time and are not checked again: `check` is false for them.
    fn read(
        fields: Option<&Map<String, Value>>,
        check: impl FnOnce(Value) -> Result<Value, Refusal>,
    ) -> Result<Self, Refusal> {
        let Some(fields) = fields else {
            return Ok(Self::default());
        };
        let retry = one_of(fields, &["retry", "retryConfig"]).cloned();
        let ttl = fields.get("ttl").unwrap_or(&Value::Null);
        Ok(Self {
            retry: retry.map(check).transpose()?,
            machine: one_of(fields, &["machine", "machineConfig"]).cloned(),
            max_duration_seconds: integer(
                "tasks",
                Some(fields),
                &["maxDuration", "maxDurationInSeconds"],
                1,
            )?,
            ttl: ttl::of_task(ttl)?,
        })
    }
}

fn elements<'a>(parameter: &'static str, value: Option<&'a Value>) -> Result<&'a [Value], Refusal> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(elements)) => Ok(elements),
        Some(_) => Err(refused(parameter, "It is not an array.".to_owned())),
    }
}

/// The name of an element, and its other fields, if any.
type Named<'a> = (String, Option<&'a Map<String, Value>>);

/// Reads the name of an element, either the element's text or one of its fields, and its other fields.
fn named<'a>(parameter: &'static str, key: &str, element: &'a Value) -> Result<Named<'a>, Refusal> {
    let (name, fields) = match element {
        Value::String(name) => (Some(name.as_str()), None),
        Value::Object(fields) => (fields.get(key).and_then(Value::as_str), Some(fields)),
        _ => (None, None),
    };
    let name = name.ok_or_else(|| refused(parameter, format!("An element has no \"{key}\".")))?;
    Ok((check_name(parameter, name)?.to_owned(), fields))
}

/// The first of these fields that has a value.
fn one_of<'a>(fields: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a Value> {
    let mut said = keys.iter().filter_map(|key| fields.get(*key));
    said.find(|value| !value.is_null())
}

fn integer(
    parameter: &'static str,
    fields: Option<&Map<String, Value>>,
    keys: &[&str],
    least: i32,
) -> Result<Option<i32>, Refusal> {
    let Some(value) = fields.and_then(|fields| one_of(fields, keys)) else {
        return Ok(None);
    };
    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
    match number {
        Some(number) if number >= least => Ok(Some(number)),
        _ => Err(refused(
            parameter,
            format!(
                "\"{}\" is {value}, and not an integer from {least} on.",
                keys[0]
            ),
        )),
    }
}

fn refused(parameter: &'static str, detail: String) -> Refusal {
    let hint = match parameter {
        "queues" => "Pass an array such as [{\"name\": \"mail\", \"concurrencyLimit\": 5}].",
        _ => "Pass an array such as [{\"id\": \"send-mail\", \"retry\": {\"maxAttempts\": 5}}].",
    };
    Refusal::invalid(parameter, detail, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tasks: Value, queues: Value) -> Result<Registration, Refusal> {
        Registration::read(
            "1",
            Some(&tasks),
            Some(&queues),
            Some("image:1"),
            &Limits::WIDE,
        )
    }

    #[test]
    fn a_task_that_an_earlier_version_took_is_read_whole() {
        let tasks = json!({"a": {"retry": {"factor": 0}, "maxDuration": 60}});
        let worker = WorkerVersion::stored("1".to_owned(), None, &tasks, Vec::new());
        assert_eq!(worker.tasks["a"].max_duration_seconds, Some(60));
        assert_eq!(worker.tasks["a"].retry, Some(json!({"factor": 0})));
        let given = read(json!([{"id": "a", "retry": {"factor": 0}}]), json!([]));
        assert_eq!(given.unwrap_err().sqlstate(), "22023");
    }

    #[test]
    fn what_a_worker_tells_is_stored_and_read_back() {
        let tasks = json!([
            {"id": "a", "retry": {"maxAttempts": 5}, "machine": "micro", "maxDuration": 60, "ttl": "1h", "filePath": "a.ts"},
            {"id": "b", "retryConfig": {}, "machineConfig": {"cpu": 1}, "maxDurationInSeconds": 5, "ttl": 90},
            "c",
        ]);
        let queues = json!([{"name": "q", "concurrencyLimit": 0}, {"name": "r", "concurrencyLimit": null}, "s"]);
        let registration = read(tasks, queues).unwrap();
        let limits = [("q", Some(0)), ("r", None), ("s", None)];
        assert_eq!(
            registration.limits,
            limits.map(|(name, limit)| (name.to_owned(), limit))
        );
        let worker = registration.worker;
        assert_eq!(worker.tasks["a"].max_duration_seconds, Some(60));
        assert_eq!(worker.tasks["b"].ttl.as_deref(), Some("90"));
        let queues = worker.queues.iter().cloned().collect();
        let image = worker.image.clone();
        let stored = WorkerVersion::stored("1".to_owned(), image, &worker.tasks_json(), queues);
        assert_eq!(stored, worker);
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_name() {
        for (tasks, queues, name) in [
            (json!(5), json!([]), "tasks"),
            (json!([5]), json!([]), "tasks"),
            (json!([{"name": "a"}]), json!([]), "tasks"),
            (json!([{"id": ""}]), json!([]), "tasks"),
            (json!([{"id": "a", "maxDuration": 0}]), json!([]), "tasks"),
            (
                json!([{"id": "a", "retry": {"factor": "x"}}]),
                json!([]),
                "retry",
            ),
            (json!([{"id": "a", "ttl": "soon"}]), json!([]), "ttl"),
            (json!([]), json!([{"id": "q"}]), "queues"),
            (
                json!([]),
                json!([{"name": "q", "concurrencyLimit": -1}]),
                "queues",
            ),
            (json!([]), json!({}), "queues"),
        ] {
            let refused = read(tasks.clone(), queues.clone()).unwrap_err();
            assert_eq!(refused.sqlstate(), "22023", "{tasks} {queues}");
            assert!(
                refused.message().contains(name),
                "{tasks} {queues}: {refused:?}"
            );
        }
        let unnamed = Registration::read("", None, None, None, &Limits::WIDE).unwrap_err();
        assert!(unnamed.message().contains("version"));
    }
}
