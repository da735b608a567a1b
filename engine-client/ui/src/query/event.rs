//! The newest transitions.

use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;

const LIST: &str = include_str!("sql/event_list.sql");

/// A transition of a run.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Event {
    pub(crate) run_id: String,
    pub(crate) at: Moment,
    pub(crate) transition: String,
    pub(crate) run_status: String,
    pub(crate) execution_status: String,
    pub(crate) attempt: Option<i64>,
    pub(crate) task: String,
    pub(crate) queue: String,
}

/// The newest transitions, the newest first.
pub(crate) async fn newest(
    reader: &Reader<'_>,
    environment: Option<&str>,
) -> Result<Vec<Event>, Fault> {
    reader.rows(LIST, &[(&environment, Type::TEXT)]).await
}
