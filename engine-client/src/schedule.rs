//! Schedules.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::Row;

use crate::Error;

/// A change of a schedule. Fields that are not set keep their values.
///
/// ```
/// use engine_client::ScheduleChange;
///
/// let nightly = ScheduleChange::new("nightly").task("clean-up").cron("0 3 * * *").timezone("Europe/Berlin");
/// let holidays = ScheduleChange::new("nightly").active(false);
/// ```
#[derive(Debug, Clone)]
pub struct ScheduleChange {
    pub(crate) id: String,
    pub(crate) task: Option<String>,
    pub(crate) cron: Option<String>,
    pub(crate) timezone: Option<String>,
    pub(crate) environment_id: Option<String>,
    pub(crate) payload: Option<Value>,
    pub(crate) external_id: Option<String>,
    pub(crate) spread_window: Option<String>,
    pub(crate) active: Option<bool>,
    pub(crate) options: Option<Value>,
}

impl ScheduleChange {
    /// A change of the schedule with this id. A new one needs a task and an expression.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            task: None,
            cron: None,
            timezone: None,
            environment_id: None,
            payload: None,
            external_id: None,
            spread_window: None,
            active: None,
            options: None,
        }
    }

    /// The task of its runs.
    pub fn task(mut self, task: impl Into<String>) -> Self {
        self.task = Some(task.into());
        self
    }

    /// The cron expression: five fields, minute, hour, day of month, month and day of week, or six with seconds
    /// first.
    pub fn cron(mut self, cron: impl Into<String>) -> Self {
        self.cron = Some(cron.into());
        self
    }

    /// The IANA time zone of the expression. Default: UTC.
    pub fn timezone(mut self, timezone: impl Into<String>) -> Self {
        self.timezone = Some(timezone.into());
        self
    }

    /// The environment of its runs. Default: `default`.
    pub fn environment_id(mut self, environment_id: impl Into<String>) -> Self {
        self.environment_id = Some(environment_id.into());
        self
    }

    /// Data for its runs, under the key `payload`, beside their times.
    pub fn payload(mut self, payload: Value) -> Self {
        self.payload = Some(payload);
        self
    }

    /// The owner's name for it.
    pub fn external_id(mut self, external_id: impl Into<String>) -> Self {
        self.external_id = Some(external_id.into());
        self
    }

    /// Time over which the starts of runs are spread, such as `30m`, or `10%` of the time between two ticks.
    pub fn spread_window(mut self, window: impl Into<String>) -> Self {
        self.spread_window = Some(window.into());
        self
    }

    /// Whether it makes runs. Default: true.
    pub fn active(mut self, active: bool) -> Self {
        self.active = Some(active);
        self
    }

    /// Other options of its runs, with the parameter names of `engine_trigger`.
    pub fn options(mut self, options: Value) -> Self {
        self.options = Some(options);
        self
    }
}

/// A schedule as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schedule {
    /// The schedule's id.
    pub id: String,
    /// The environment of its runs.
    pub environment_id: String,
    /// The task of its runs.
    pub task: String,
    /// The cron expression.
    pub cron: String,
    /// The IANA time zone of the expression.
    pub timezone: String,
    /// Time over which the starts of runs are spread.
    pub spread_window: Option<String>,
    /// Whether it makes runs.
    pub is_active: bool,
    /// The next run; none if it is not active.
    pub next: Option<Beginning>,
}

impl Schedule {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        let nominal_at: Option<SystemTime> = row.try_get("next_nominal_at")?;
        let effective_at: Option<SystemTime> = row.try_get("next_effective_at")?;
        Ok(Self {
            id: row.try_get("id")?,
            environment_id: row.try_get("environment_id")?,
            task: row.try_get("task")?,
            cron: row.try_get("cron")?,
            timezone: row.try_get("timezone")?,
            spread_window: row.try_get("spread_window")?,
            is_active: row.try_get("active")?,
            next: nominal_at
                .zip(effective_at)
                .map(|(nominal_at, effective_at)| Beginning {
                    nominal_at,
                    effective_at,
                }),
        })
    }
}

/// The payload of a scheduled run: the input of its handler.
///
/// ```
/// use engine_client::{Context, Failure, ScheduledRun};
///
/// async fn clean_up(ctx: Context, run: ScheduledRun) -> Result<(), Failure> {
///     println!("{} begins as of {}, in {}", run.schedule_id, run.timestamp, run.timezone);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ScheduledRun {
    /// The schedule's id.
    pub schedule_id: String,
    /// The tick that the run is for, as RFC 3339.
    pub timestamp: String,
    /// The previous tick; none for the first.
    pub last_timestamp: Option<String>,
    /// The IANA time zone of the expression.
    pub timezone: String,
    /// The next ticks, soonest first.
    pub upcoming: Vec<String>,
    /// The owner's name for the schedule.
    pub external_id: Option<String>,
    /// The payload of the schedule.
    pub payload: Option<Value>,
}

/// One run of a schedule, before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Beginning {
    /// The tick.
    pub nominal_at: SystemTime,
    /// When the run may be dequeued, later than the tick if the schedule is spread.
    pub effective_at: SystemTime,
}

impl Beginning {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            nominal_at: row.try_get("nominal_at")?,
            effective_at: row.try_get("effective_at")?,
        })
    }
}
