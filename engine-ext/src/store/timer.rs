//! What is due at a time.

use engine_core::{RunId, Shard, TimerKind, Timestamp};
use serde_json::Value;

use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::{column, time};
use crate::document::JsonB;

static DUE: Statement = statement!("timer_due_lock.sql");
static MOVE: Statement = statement!("timer_move.sql");
static DELETE: Statement = statement!("timer_delete.sql");
static SET: Statement = statement!("timer_set.sql");
static DELETE_ORPHANS: Statement = statement!("timer_orphan_delete.sql");
static CANCEL_CHILDREN: Statement = statement!("children_cancel.sql");

/// A timer that is due, locked.
pub(crate) struct Due {
    /// What is to be done.
    pub(crate) kind: TimerKind,
    /// The run, waitpoint or batch that it is about, and perhaps what happened to it.
    pub(crate) id: String,
    /// How.
    pub(crate) detail: Option<Value>,
}

impl Due {
    /// The run, waitpoint or batch that it is about.
    pub(crate) fn subject(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }
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

/// A timer to be set: what it is about, when it is due, and how.
pub(crate) type Timer<'a> = (Shard, &'a str, Timestamp, Option<Value>);

/// Sets timers of one kind, or moves those that are there.
pub(crate) fn move_to(kind: TimerKind, timers: &[Timer<'_>]) {
    if timers.is_empty() {
        return;
    }
    MOVE.execute(arguments![
        kind.as_str(),
        column(timers, |(shard, ..)| shard.number()),
        column(timers, |(_, id, ..)| *id),
        column(timers, |(_, _, due_at, _)| time(*due_at)),
        column(timers, |(.., detail)| detail.clone().map(JsonB)),
    ]);
}

/// Has the tick look at runs when their time has come.
pub(crate) fn end_delays(runs: &[(&RunId, Timestamp)]) {
    let timers: Vec<Timer<'_>> = runs
        .iter()
        .map(|(run_id, at)| (run_id.shard(), run_id.as_str(), *at, None))
        .collect();
    move_to(TimerKind::EndDelay, &timers);
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

/// Takes those of these locked timers away whose subject does not exist.
pub(crate) fn delete_orphans(shard: Shard, kept: &[&Due]) {
    if kept.is_empty() {
        return;
    }
    DELETE_ORPHANS.execute(arguments![
        shard.number(),
        column(kept, |due| due.kind.as_str()),
        column(kept, |due| due.id.as_str()),
    ]);
}

/// Sets timers of one kind: subject, moment, detail.
pub(crate) fn set(shard: Shard, kind: TimerKind, timers: &[(&str, Timestamp, Option<Value>)]) {
    if timers.is_empty() {
        return;
    }
    SET.execute(arguments![
        shard.number(),
        kind.as_str(),
        column(timers, |(id, ..)| *id),
        column(timers, |(_, due_at, _)| time(*due_at)),
        column(timers, |(.., detail)| detail.clone().map(JsonB)),
    ]);
}

/// Has the tick cancel the children of these runs.
pub(crate) fn cancel_children(shard: Shard, runs: &[(&str, Value)], now: Timestamp) {
    CANCEL_CHILDREN.execute(arguments![
        shard.number(),
        time(now),
        column(runs, |(run_id, _)| *run_id),
        column(runs, |(_, detail)| JsonB(detail.clone())),
    ]);
}
