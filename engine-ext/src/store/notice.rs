//! Events without a transition.

use engine_core::{RunId, Timestamp};
use serde_json::Value;

use crate::backend::position::Positions;
use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::{column, time};
use crate::document::JsonB;

static INSERT: Statement = statement!("notice_insert.sql");

/// An event without a transition.
pub(crate) struct Notice {
    /// The run that it belongs to.
    pub(crate) run_id: RunId,
    /// The event's name.
    pub(crate) name: &'static str,
    /// The event's details.
    pub(crate) body: Value,
}

/// Writes events.
pub(crate) fn insert(notices: &[Notice], positions: &mut Positions, now: Timestamp) {
    if notices.is_empty() {
        return;
    }
    INSERT.execute(arguments![
        time(now),
        positions.horizon,
        column(notices, |notice| notice.run_id.shard().number()),
        positions.column(notices.len()),
        column(notices, |notice| notice.run_id.as_str()),
        column(notices, |notice| notice.name),
        column(notices, |notice| JsonB(notice.body.clone())),
    ]);
}
