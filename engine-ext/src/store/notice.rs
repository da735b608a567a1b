//! Events without a transition.

use engine_core::{RunId, Timestamp};
use serde_json::Value;

use crate::backend::parameter::arguments;
use crate::backend::position::Positions;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::document::JsonB;

statement!(INSERT, "notice_insert.sql");

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
    INSERT.execute(arguments!(INSERT {
        now,
        horizon: positions.horizon,
        shard: column(notices, |notice| notice.run_id.shard()),
        position: positions.column(notices.len()),
        run_id: column(notices, |notice| notice.run_id.as_str()),
        name: column(notices, |notice| notice.name),
        body: column(notices, |notice| JsonB(notice.body.clone()))
    }));
}
