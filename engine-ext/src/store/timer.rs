//! What is due at a time.

use engine_core::{RunId, Shard, TimerKind, Timestamp};
use pgrx::JsonB;
use serde_json::Value;

use super::run::{column, time};
use super::statement::{Statement, arguments, statement};

static DUE: Statement = statement!("timer_due_lock.sql");
static SET: Statement = statement!("timer_set.sql");
static DELETE: Statement = statement!("timer_delete.sql");
static CANCEL_CHILDREN: Statement = statement!("children_cancel.sql");

/// A timer that is due, locked.
pub(crate) struct Due {
    /// What is to be done.
    pub(crate) kind: TimerKind,
    /// The run, waitpoint or batch that it is about.
    pub(crate) id: String,
    /// How.
    pub(crate) detail: Option<Value>,
}

/// Locks timers that are due.
pub(crate) fn lock_due(shard: Shard, max_items: i32, now: Timestamp) -> Vec<Due> {
    DUE.query(arguments![shard.number(), time(now), max_items], |cells| {
        Due {
            kind: match TimerKind::parse(&cells.value::<String>()) {
                Some(kind) => kind,
                None => unreachable!("the table checks the kind"),
            },
            id: cells.value(),
            detail: cells.nullable::<JsonB>().map(|json| json.0),
        }
    })
}

/// Sets timers of one kind about these runs, or moves those that are there.
pub(crate) fn set(kind: TimerKind, timers: &[(&RunId, Timestamp)]) {
    if timers.is_empty() {
        return;
    }
    SET.execute(arguments![
        kind.as_str(),
        column(timers, |(run_id, _)| run_id.shard().number()),
        column(timers, |(run_id, _)| run_id.as_str()),
        column(timers, |(_, due_at)| time(*due_at)),
    ]);
}

/// Takes locked timers away.
pub(crate) fn delete(shard: Shard, done: &[&Due]) {
    if done.is_empty() {
        return;
    }
    DELETE.execute(arguments![
        shard.number(),
        column(done, |due| due.kind.as_str()),
        column(done, |due| due.id.as_str()),
    ]);
}

/// Has the tick cancel the children of these runs.
pub(super) fn cancel_children(shard: Shard, runs: &[(&str, Value)], now: Timestamp) {
    CANCEL_CHILDREN.execute(arguments![
        shard.number(),
        time(now),
        column(runs, |(run_id, _)| *run_id),
        column(runs, |(_, detail)| JsonB(detail.clone())),
    ]);
}
