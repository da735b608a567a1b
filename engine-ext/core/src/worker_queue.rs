//! Overrides of the worker queues that runs name.

use std::collections::HashMap;

use serde::Deserialize;

use crate::{Environment, check_name};

/// The value of the setting `engine.worker_queue_overrides`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkerQueueOverrides {
    environment_id: HashMap<String, String>,
    project_id: HashMap<String, String>,
    org_id: HashMap<String, String>,
    worker_queue: HashMap<String, String>,
}

impl WorkerQueueOverrides {
    /// Reads the setting; `None` unless it is an object of maps from texts to names of worker queues.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        let overrides: Self = serde_json::from_str(json).ok()?;
        let maps = [
            &overrides.environment_id,
            &overrides.project_id,
            &overrides.org_id,
            &overrides.worker_queue,
        ];
        let is_valid = maps
            .into_iter()
            .flat_map(HashMap::values)
            .all(|name| check_name("worker_queue", name).is_ok());
        is_valid.then_some(overrides)
    }

    /// The worker queue of a run that names `own`: replaced by environment, project, organization, or by `own` itself.
    #[must_use]
    pub fn resolve<'a>(&'a self, environment: &Environment, own: &'a str) -> &'a str {
        let of = |map: &'a HashMap<String, String>, id: Option<&str>| map.get(id?);
        of(&self.environment_id, Some(&environment.id))
            .or_else(|| of(&self.project_id, environment.project_id.as_deref()))
            .or_else(|| of(&self.org_id, environment.organization_id.as_deref()))
            .or_else(|| of(&self.worker_queue, Some(own)))
            .map_or(own, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment {
            id: "e".to_owned(),
            project_id: Some("p".to_owned()),
            organization_id: Some("o".to_owned()),
            ..Environment::built_in()
        }
    }

    fn resolved(json: &str) -> Option<String> {
        let overrides = WorkerQueueOverrides::parse(json)?;
        Some(overrides.resolve(&environment(), "main").to_owned())
    }

    #[test]
    fn the_environment_comes_before_the_project_the_organization_and_the_queue_itself() {
        let all = r#"{"environmentId": {"e": "1"}, "projectId": {"p": "2"}, "orgId": {"o": "3"}, "workerQueue": {"main": "4"}}"#;
        assert_eq!(resolved(all).as_deref(), Some("1"));
        let no_environment = all.replace("\"e\"", "\"x\"");
        assert_eq!(resolved(&no_environment).as_deref(), Some("2"));
        let no_project = no_environment.replace("\"p\"", "\"x\"");
        assert_eq!(resolved(&no_project).as_deref(), Some("3"));
        let no_organization = no_project.replace("\"o\"", "\"x\"");
        assert_eq!(resolved(&no_organization).as_deref(), Some("4"));
        assert_eq!(resolved("{}").as_deref(), Some("main"));
        assert_eq!(
            resolved(r#"{"environmentId": {}}"#).as_deref(),
            Some("main")
        );
    }

    #[test]
    fn what_is_not_an_object_of_maps_is_no_override() {
        for bad in [
            "{",
            "null",
            "\"text\"",
            "5",
            r#"{"environmentId": 5}"#,
            r#"{"environmentId": {"e": 5}}"#,
        ] {
            assert_eq!(resolved(bad), None, "{bad}");
        }
    }
}
