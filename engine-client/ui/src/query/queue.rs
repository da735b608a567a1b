//! Queues and environments.

use std::collections::HashMap;

use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::fault::Fault;
use crate::moment::Moment;
use crate::number::plural;
use crate::pool::Reader;

const QUEUES: &str = include_str!("sql/queue_list.sql");
const COUNTS: &str = include_str!("sql/queue_count.sql");
const ENVIRONMENTS: &str = include_str!("sql/environment_list.sql");
const KEYS: &str = include_str!("sql/key_list.sql");

/// A run that has been due for so long is late.
const LATE_MS: i64 = 60_000;

/// Who paused a queue or an environment, when and why. Nothing is known of a pause from before 0.2.0.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pause {
    at: Option<Moment>,
    by: Option<String>,
    reason: Option<String>,
}

impl Pause {
    /// `paused since 03:00:05 by ops_jtan: INC-2291`, or as much of it as is known.
    pub(crate) fn words(&self, now: Moment) -> String {
        let since = self.at.map(|at| format!(" since {}", at.brief(now)));
        let by = self.by.as_ref().map(|by| format!(" by {by}"));
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}"));
        ["paused".to_owned()]
            .into_iter()
            .chain(since)
            .chain(by)
            .chain(reason)
            .collect()
    }
}

/// A queue.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Queue {
    pub(crate) queue: String,
    pub(crate) environment_id: String,
    pub(crate) queued: i64,
    pub(crate) due: i64,
    pub(crate) running: i64,
    /// Keys that have queued runs.
    pub(crate) keys: i64,
    pub(crate) limit: Option<i64>,
    #[serde(rename = "override")]
    pub(crate) overridden: Option<i64>,
    pub(crate) max_size: Option<i64>,
    pub(crate) oldest_ms: Option<i64>,
    pub(crate) is_paused: bool,
    pub(crate) pause: Pause,
    /// What its environment has against starting its runs.
    #[serde(skip)]
    pub(crate) hold: Option<Hold>,
}

/// Why an environment starts no run.
#[derive(Debug, Clone)]
pub(crate) enum Hold {
    Paused(Pause),
    /// All of its slots are in use.
    Full(i64),
}

impl Queue {
    /// Whether its environment is paused.
    pub(crate) fn is_held_by_pause(&self) -> bool {
        matches!(self.hold, Some(Hold::Paused(_)))
    }

    /// `environment default is paused since 03:00:05`, if its environment starts none of its runs.
    pub(crate) fn held(&self, now: Moment) -> Option<String> {
        let name = &self.environment_id;
        self.hold.as_ref().map(|hold| match hold {
            Hold::Paused(pause) => format!("environment {name} is {}", pause.words(now)),
            Hold::Full(slots) => format!(
                "all {} of environment {name} are in use",
                plural(*slots, "slot", "slots")
            ),
        })
    }

    /// Whether no slot is free. The limit of a queue with keys is one of each key.
    pub(crate) fn is_full(&self) -> bool {
        self.keys == 0 && self.limit.is_some_and(|limit| self.running >= limit) && !self.is_paused
    }
}

/// Which queues are asked for, in which order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) environment: Option<&'a str>,
    /// A part of their name.
    pub(crate) part: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    /// `due`, `full` or `paused`: only those.
    pub(crate) only: Option<&'a str>,
    /// `name`, `queued`, `due` or `running`; else those that wait longest are first.
    pub(crate) order: Option<&'a str>,
    pub(crate) most: i64,
}

/// Queues, and the environments.
pub(crate) async fn queues(
    reader: &Reader<'_>,
    asked: Asked<'_>,
) -> Result<(Vec<Queue>, Vec<Environment>), Fault> {
    let parameters = [
        (&asked.environment as _, Type::TEXT),
        (&asked.part as _, Type::TEXT),
        (&asked.name as _, Type::TEXT),
        (&asked.only as _, Type::TEXT),
        (&asked.order as _, Type::TEXT),
        (&asked.most as _, Type::INT8),
    ];
    let mut queues: Vec<Queue> = reader.rows(QUEUES, &parameters).await?;
    let environments: Vec<Environment> = reader.rows(ENVIRONMENTS, &parameters[..1]).await?;
    let holds: HashMap<&str, Hold> = environments
        .iter()
        .filter_map(|other| Some((other.environment_id.as_str(), other.hold()?)))
        .collect();
    for queue in &mut queues {
        queue.hold = holds.get(queue.environment_id.as_str()).cloned();
    }
    Ok((queues, environments))
}

/// How many queues there are, of each kind, with the names of some.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Counts {
    pub(crate) all: i64,
    pub(crate) due: i64,
    pub(crate) paused: i64,
    pub(crate) paused_names: Vec<String>,
    pub(crate) full: i64,
    pub(crate) full_names: Vec<String>,
    pub(crate) oldest_ms: Option<i64>,
    pub(crate) oldest_name: Option<String>,
}

impl Counts {
    /// Counts the queues of an environment whose names have a part.
    pub(crate) async fn read(
        reader: &Reader<'_>,
        environment: Option<&str>,
        part: Option<&str>,
    ) -> Result<Self, Fault> {
        let parameters = [(&environment as _, Type::TEXT), (&part as _, Type::TEXT)];
        Ok(reader.row(COUNTS, &parameters).await?.unwrap_or_default())
    }
}

/// Whether a run that has been due for so long is late.
pub(crate) fn is_late(oldest_ms: Option<i64>) -> bool {
    oldest_ms.is_some_and(|ms| ms >= LATE_MS)
}

/// An environment.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Environment {
    pub(crate) environment_id: String,
    pub(crate) queued: i64,
    pub(crate) due: i64,
    pub(crate) running: i64,
    pub(crate) limit: Option<i64>,
    pub(crate) burst: f64,
    pub(crate) oldest_ms: Option<i64>,
    pub(crate) is_paused: bool,
    pub(crate) pause: Pause,
}

impl Environment {
    fn hold(&self) -> Option<Hold> {
        let slots = self
            .limit
            .map(|limit| (limit as f64 * self.burst).floor() as i64);
        match slots {
            _ if self.is_paused => Some(Hold::Paused(self.pause.clone())),
            Some(slots) if self.running >= slots => Some(Hold::Full(slots)),
            _ => None,
        }
    }
}

/// A concurrency key of a queue.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Key {
    pub(crate) key: String,
    pub(crate) queued: i64,
    pub(crate) running: i64,
    pub(crate) oldest_ms: Option<i64>,
}

/// The keys of a queue with most runs.
pub(crate) async fn keys(
    reader: &Reader<'_>,
    environment: &str,
    queue: &str,
) -> Result<Vec<Key>, Fault> {
    reader
        .rows(KEYS, &[(&environment, Type::TEXT), (&queue, Type::TEXT)])
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_says_as_much_as_is_known_of_it() {
        let now = Moment::parse("2026-11-29T03:12:40Z").unwrap();
        let words = |json| {
            let pause: Pause = serde_json::from_str(json).unwrap();
            pause.words(now)
        };
        assert_eq!(words("{}"), "paused");
        let whole =
            r#"{"at": "2026-11-29T03:00:05+00:00", "by": "ops_jtan", "reason": "INC-2291"}"#;
        assert_eq!(words(whole), "paused since 03:00:05 by ops_jtan: INC-2291");
    }
}
