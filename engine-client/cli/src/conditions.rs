//! The conditions by which commands find runs: a filter of the engine, as arguments.

use std::time::{Duration, SystemTime};

use clap::Args;
use engine_client::{RunFilter, RunStatus};
use serde_json::{Map, Value, json};

/// Statuses of runs that ended, and did not succeed, other than by a cancel.
const FAILED: [RunStatus; 6] = [
    RunStatus::CompletedWithErrors,
    RunStatus::SystemFailure,
    RunStatus::Crashed,
    RunStatus::TimedOut,
    RunStatus::Interrupted,
    RunStatus::Expired,
];

/// The names of the arguments below.
pub const NAMES: [&str; 20] = [
    "run",
    "status",
    "failed",
    "task",
    "queue",
    "environment",
    "tag",
    "metadata",
    "key",
    "worker_version",
    "worker_queue",
    "error_code",
    "error",
    "batch",
    "parent",
    "bulk",
    "since",
    "until",
    "finished_since",
    "finished_until",
];

/// Conditions on runs: all of them must match, and of several values of one any.
#[derive(Args, Clone, Default)]
pub struct Conditions {
    /// Only this run; may be given several times, as all conditions below but times
    #[arg(long, value_name = "RUN")]
    run: Vec<String>,

    /// Only runs of this status, such as EXECUTING or completed-with-errors
    #[arg(long, short, value_name = "STATUS", value_parser = run_status)]
    status: Vec<RunStatus>,

    /// Only runs that failed: of each status that is neither success nor cancel
    #[arg(long, conflicts_with = "status")]
    failed: bool,

    /// Only runs of this task
    #[arg(long, short)]
    task: Vec<String>,

    /// Only runs of this queue
    #[arg(long, short)]
    queue: Vec<String>,

    /// Only runs of this environment
    #[arg(long, short)]
    environment: Vec<String>,

    /// Only runs with this tag
    #[arg(long)]
    tag: Vec<String>,

    /// Only runs whose metadata has this key or, as KEY=VALUE, this value there
    #[arg(long, value_name = "KEY[=VALUE]")]
    metadata: Vec<String>,

    /// Only runs with this concurrency key
    #[arg(long)]
    key: Vec<String>,

    /// Only runs of this worker version
    #[arg(long, value_name = "VERSION")]
    worker_version: Vec<String>,

    /// Only runs of this worker queue
    #[arg(long)]
    worker_queue: Vec<String>,

    /// Only runs whose error has this code, name or type
    #[arg(long, value_name = "CODE")]
    error_code: Vec<String>,

    /// Only runs whose error contains this, in whatever case: its name, code and message, with a space between them
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,

    /// Only runs of this batch
    #[arg(long)]
    batch: Option<String>,

    /// Only runs that this run has triggered
    #[arg(long, value_name = "RUN")]
    parent: Option<String>,

    /// Only runs that were part of this bulk action
    #[arg(long)]
    bulk: Option<String>,

    /// Only runs that were triggered since then: a time such as 2030-01-01T00:00:00Z, or an age such as 90s, 15m, 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<String>,

    /// Only runs that were triggered before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<String>,

    /// Only runs that ended since then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    finished_since: Option<String>,

    /// Only runs that ended before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    finished_until: Option<String>,
}

impl Conditions {
    /// Conditions on runs that failed.
    pub fn of_failures(
        task: &[String],
        queue: &[String],
        environment: &[String],
        finished_since: Option<&str>,
    ) -> Self {
        Self {
            task: task.to_vec(),
            queue: queue.to_vec(),
            environment: environment.to_vec(),
            finished_since: finished_since.map(str::to_owned),
            ..Self::default()
        }
    }

    /// The conditions that are given, as the engine takes them.
    pub fn filter(&self) -> Map<String, Value> {
        let statuses = if self.failed {
            &FAILED
        } else {
            self.status.as_slice()
        };
        let statuses: Vec<String> = statuses.iter().map(|one| one.as_str().to_owned()).collect();
        let several = [
            ("run_id", &self.run),
            ("status", &statuses),
            ("task", &self.task),
            ("queue", &self.queue),
            ("environment_id", &self.environment),
            ("tag", &self.tag),
            ("metadata", &self.metadata),
            ("concurrency_key", &self.key),
            ("version", &self.worker_version),
            ("worker_queue", &self.worker_queue),
            ("error_code", &self.error_code),
        ];
        let one = [
            ("error", &self.error),
            ("batch_id", &self.batch),
            ("parent_run_id", &self.parent),
            ("bulk_id", &self.bulk),
            ("created_after", &self.since),
            ("created_before", &self.until),
            ("finished_after", &self.finished_since),
            ("finished_before", &self.finished_until),
        ];
        let several = several
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(key, values)| (key.to_owned(), json!(values)));
        let one = one
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?))));
        several.chain(one).collect()
    }
}

/// Parses a status in either case, with hyphens or underscores.
fn run_status(text: &str) -> Result<RunStatus, String> {
    let name = text.to_uppercase().replace('-', "_");
    name.parse()
        .map_err(|_| "no such run status: see --help of `engine runs list`".to_owned())
}

/// A time as the engine reads it; an age counts back from now.
pub fn moment(text: &str) -> Result<String, String> {
    match age(text) {
        Some(age) => {
            let since = SystemTime::now().checked_sub(age);
            let since = since.ok_or_else(|| "that is before time began".to_owned())?;
            let filter = json!(RunFilter::default().created_after(since));
            let written = filter["created_after"].as_str().unwrap_or_default();
            Ok(written.to_owned())
        }
        None if text.contains('T') => Ok(text.to_owned()),
        None => Err("neither a time such as 2030-01-01T00:00:00Z nor an age such as 2h".to_owned()),
    }
}

/// A length of time.
pub fn duration(text: &str) -> Result<Duration, String> {
    age(text).ok_or_else(|| "not a time such as 90s, 15m, 12h, 30d".to_owned())
}

/// A number of seconds, minutes, hours or days.
fn age(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_unit() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("2h", 7_200), ("7d", 604_800)] {
            assert_eq!(age(text), Some(Duration::from_secs(seconds)));
        }
        for text in ["", "h", "2", "2w", "-2h", "2.5h"] {
            assert_eq!(age(text), None, "{text}");
        }
        assert!(moment("2h").is_ok_and(|moment| moment.ends_with('Z')));
        assert!(moment("2030-01-01T00:00:00Z").is_ok());
        assert!(moment("yesterday").is_err());
    }
}
