//! Timers.

use engine_core::{RunId, Shard, TimerKind, Timestamp};
use serde_json::Value;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::document::JsonB;

statement!(DUE, "timer_due_lock.sql");
statement!(MOVE, "timer_move.sql");
statement!(DELETE, "timer_delete.sql");
statement!(SET, "timer_set.sql");
statement!(DELETE_ORPHANS, "timer_orphan_delete.sql");
statement!(CANCEL_CHILDREN, "children_cancel.sql");

/// A due timer, locked.
pub(crate) struct Due {
    pub(crate) shard: Shard,
    /// The action.
    pub(crate) kind: TimerKind,
    /// The run, waitpoint or batch that it is about, and for some kinds the event that happened to it.
    pub(crate) id: String,
    /// Details of the action.
    pub(crate) detail: Option<Value>,
}

impl Due {
    /// The run, waitpoint or batch that it is about.
    pub(crate) fn subject(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }
}

/// Locks due timers of all shards but these.
pub(crate) fn lock_due(unserved: &[Shard], max_items: i32, now: Timestamp) -> Vec<Due> {
    let arguments = arguments!(DUE {
        now,
        max_items,
        unserved: unserved.to_vec()
    });
    DUE.query(arguments, |cells| Due {
        shard: cell!(cells, DUE.shard),
        kind: cell!(cells, DUE.kind),
        id: cell!(cells, DUE.id),
        detail: cell!(cells, DUE.detail),
    })
}

/// A timer to set: subject, due time, detail.
pub(crate) type Timer<'a> = (Shard, &'a str, Timestamp, Option<Value>);

/// Sets timers of one kind, or moves existing ones.
pub(crate) fn move_to(kind: TimerKind, timers: &[Timer<'_>]) {
    if timers.is_empty() {
        return;
    }
    MOVE.execute(arguments!(MOVE {
        kind: kind.as_str(),
        shard: column(timers, |(shard, ..)| *shard),
        id: column(timers, |(_, id, ..)| *id),
        due_at: column(timers, |(_, _, due_at, _)| *due_at),
        detail: column(timers, |(.., detail)| detail.clone().map(JsonB))
    }));
}

/// Makes the tick end the delays of runs at their due times.
pub(crate) fn end_delays(runs: &[(&RunId, Timestamp)]) {
    let timers: Vec<Timer<'_>> = runs
        .iter()
        .map(|(run_id, at)| (run_id.shard(), run_id.as_str(), *at, None))
        .collect();
    move_to(TimerKind::EndDelay, &timers);
}

/// Deletes locked timers.
pub(crate) fn delete(shard: Shard, done: &[&Due]) {
    if done.is_empty() {
        return;
    }
    DELETE.execute(arguments!(DELETE {
        shard,
        kinds: column(done, |due| due.kind.as_str()),
        ids: column(done, |due| due.id.as_str())
    }));
}

/// Deletes the timers among these locked ones whose subject does not exist.
pub(crate) fn delete_orphans(shard: Shard, kept: &[&Due]) {
    if kept.is_empty() {
        return;
    }
    DELETE_ORPHANS.execute(arguments!(DELETE_ORPHANS {
        shard,
        kinds: column(kept, |due| due.kind.as_str()),
        ids: column(kept, |due| due.id.as_str())
    }));
}

/// Sets timers of one kind: subject, due time, detail.
pub(crate) fn set(shard: Shard, kind: TimerKind, timers: &[(&str, Timestamp, Option<Value>)]) {
    if timers.is_empty() {
        return;
    }
    SET.execute(arguments!(SET {
        shard,
        kind: kind.as_str(),
        id: column(timers, |(id, ..)| *id),
        due_at: column(timers, |(_, due_at, _)| *due_at),
        detail: column(timers, |(.., detail)| detail.clone().map(JsonB))
    }));
}

/// Makes the tick cancel the children of these runs.
pub(crate) fn cancel_children(shard: Shard, runs: &[(&str, Value)], now: Timestamp) {
    CANCEL_CHILDREN.execute(arguments!(CANCEL_CHILDREN {
        shard,
        now,
        run_id: column(runs, |(run_id, _)| *run_id),
        detail: column(runs, |(_, detail)| JsonB(detail.clone()))
    }));
}
