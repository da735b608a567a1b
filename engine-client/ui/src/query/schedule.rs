//! Schedules.

use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;

const LIST: &str = include_str!("sql/schedule_list.sql");

/// A schedule.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Schedule {
    pub(crate) schedule_id: String,
    pub(crate) environment_id: String,
    pub(crate) task: String,
    pub(crate) cron: String,
    pub(crate) timezone: String,
    pub(crate) spread_window: Option<String>,
    pub(crate) is_active: bool,
    pub(crate) last_at: Option<Moment>,
    pub(crate) next_at: Option<Moment>,
    pub(crate) next_effective_at: Option<Moment>,
    /// The next tick in the schedule's own zone: day and time.
    pub(crate) next_local: Option<String>,
    pub(crate) last_run_id: Option<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) run_status: Option<String>,
    pub(crate) execution_status: Option<String>,
    /// Ticks of the next 24 hours, at most 41.
    pub(crate) upcoming: Option<Vec<Moment>>,
}

/// Schedules, active ones first.
pub(crate) async fn list(
    reader: &Reader<'_>,
    environment: Option<&str>,
) -> Result<Vec<Schedule>, Fault> {
    reader.rows(LIST, &[(&environment, Type::TEXT)]).await
}
