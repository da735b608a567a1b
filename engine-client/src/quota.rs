//! Quotas: what environments may use at most.

use tokio_postgres::Row;

use crate::Error;

/// A change of an environment's quota. Bounds that are not set keep their values; none removes one.
///
/// ```
/// use engine_client::QuotaChange;
///
/// let change = QuotaChange::new("tenant-a").queued_runs(Some(10_000)).runs_per_second(Some(50.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaChange {
    pub(crate) environment_id: String,
    pub(crate) queued_runs: Option<i64>,
    pub(crate) runs_per_second: Option<f64>,
    pub(crate) payload_bytes: Option<i64>,
    pub(crate) kept_bytes: Option<i64>,
    pub(crate) schedules: Option<i32>,
}

impl QuotaChange {
    /// A change of this environment's quota without any bounds set.
    pub fn new(environment_id: impl Into<String>) -> Self {
        // The parameter value that keeps a bound.
        const KEEP: i32 = -1;
        Self {
            environment_id: environment_id.into(),
            queued_runs: Some(KEEP.into()),
            runs_per_second: Some(KEEP.into()),
            payload_bytes: Some(KEEP.into()),
            kept_bytes: Some(KEEP.into()),
            schedules: Some(KEEP),
        }
    }

    /// How many of its runs may wait: queued, delayed or parked.
    pub fn queued_runs(mut self, bound: Option<u32>) -> Self {
        self.queued_runs = bound.map(i64::from);
        self
    }

    /// How many runs per second may be triggered on average.
    pub fn runs_per_second(mut self, bound: Option<f64>) -> Self {
        self.runs_per_second = bound;
        self
    }

    /// How many bytes a payload may have.
    pub fn payload_bytes(mut self, bound: Option<u32>) -> Self {
        self.payload_bytes = bound.map(i64::from);
        self
    }

    /// How many bytes the payloads of all its runs may have together.
    pub fn kept_bytes(mut self, bound: Option<u64>) -> Self {
        self.kept_bytes = bound.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        self
    }

    /// How many schedules it may have.
    pub fn schedules(mut self, bound: Option<u32>) -> Self {
        self.schedules = bound.map(|count| i32::try_from(count).unwrap_or(i32::MAX));
        self
    }
}

/// What an environment may use at most; none for no bound.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Quota {
    /// The environment's id.
    pub environment_id: String,
    /// How many of its runs may wait.
    pub queued_runs: Option<i64>,
    /// How many runs per second may be triggered on average.
    pub runs_per_second: Option<f64>,
    /// How many bytes a payload may have.
    pub payload_bytes: Option<i64>,
    /// How many bytes the payloads of all its runs may have together.
    pub kept_bytes: Option<i64>,
    /// How many schedules it may have.
    pub schedules: Option<i32>,
}

impl Quota {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            environment_id: row.try_get("environment_id")?,
            queued_runs: row.try_get("queued_runs")?,
            runs_per_second: row.try_get("runs_per_second")?,
            payload_bytes: row.try_get("payload_bytes")?,
            kept_bytes: row.try_get("kept_bytes")?,
            schedules: row.try_get("schedules")?,
        })
    }
}
