//! Bulk actions.

use std::collections::BTreeMap;

use engine_core::{BulkId, Refusal, RunId, Shard, Timestamp};
use serde_json::{Value, json};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::document::JsonB;

statement!(INSERT, "bulk_insert.sql");
statement!(DUE, "bulk_due_lock.sql");
statement!(ADVANCE, "bulk_advance.sql");
statement!(STOP, "bulk_stop.sql");
statement!(SAMPLE, "bulk_sample.sql");
statement!(MARK, "run_bulk_mark.sql");

/// A bulk action that begins.
pub(crate) struct NewBulkAction<'a> {
    pub(crate) id: &'a BulkId,
    pub(crate) shard: Shard,
    pub(crate) action: &'static str,
    pub(crate) filter: Value,
    pub(crate) options: Option<Value>,
    pub(crate) reason: Option<&'a str>,
    /// The environments in which its caller may act; `None` for all.
    pub(crate) environment_ids: Option<Vec<String>>,
    pub(crate) created_by: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) total: i64,
    pub(crate) is_total_exact: bool,
}

/// Starts a bulk action.
pub(crate) fn insert(new: NewBulkAction<'_>) {
    INSERT.execute(arguments!(INSERT {
        id: new.id.as_str(),
        shard: new.shard,
        action: new.action,
        filter: JsonB(new.filter),
        options: JsonB(new.options.unwrap_or_else(|| json!({}))),
        reason: new.reason,
        environment_ids: new.environment_ids,
        created_by: new.created_by,
        now: new.now,
        total: new.total,
        is_total_exact: new.is_total_exact
    }));
}

/// A bulk action, locked for its next step.
pub(crate) struct Due {
    pub(crate) id: BulkId,
    /// Where it is.
    pub(crate) shard: Shard,
    /// The last run that it has looked at.
    pub(crate) after: String,
    pub(crate) action: String,
    pub(crate) filter: Value,
    pub(crate) options: Value,
    pub(crate) reason: Option<String>,
    pub(crate) environment_ids: Option<Vec<String>>,
    pub(crate) created_at: Timestamp,
    /// Runs that other sessions had locked.
    pub(crate) locked: Vec<RunId>,
}

/// Locks the bulk action that has waited longest for its next step.
pub(crate) fn lock_due() -> Option<Due> {
    let rows = DUE.query(arguments!(DUE {}), |cells| Due {
        id: BulkId::parse(&cell!(cells, DUE.id as String)),
        shard: cell!(cells, DUE.shard),
        after: cell!(cells, DUE.after_id),
        action: cell!(cells, DUE.action),
        filter: cell!(cells, DUE.filter),
        options: cell!(cells, DUE.options),
        reason: cell!(cells, DUE.reason),
        environment_ids: cell!(cells, DUE.environment_ids),
        created_at: cell!(cells, DUE.created_at),
        locked: cell!(cells, DUE.locked_ids as Vec<String>)
            .iter()
            .map(|id| RunId::parse(id))
            .collect(),
    });
    rows.into_iter().next()
}

/// What a step of a bulk action has done.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) done: i64,
    /// Runs that had moved on.
    pub(crate) skipped: i64,
    /// How many were refused, by SQLSTATE.
    pub(crate) refused: BTreeMap<String, i64>,
    /// Runs that other sessions have locked.
    pub(crate) locked: Vec<RunId>,
}

impl Tally {
    /// Counts a refused run.
    pub(crate) fn refuse(&mut self, sqlstate: &str) {
        *self.refused.entry(sqlstate.to_owned()).or_default() += 1;
    }

    /// Counts a run on which the bulk action acts, or that is refused.
    pub(crate) fn count<T>(&mut self, answer: Result<T, Refusal>) -> Option<T> {
        match answer {
            Ok(done) => {
                self.done += 1;
                Some(done)
            }
            Err(refusal) => {
                self.refuse(refusal.sqlstate());
                None
            }
        }
    }

    /// Adds what another part of the step has done.
    pub(crate) fn add(&mut self, other: Self) {
        self.done += other.done;
        self.skipped += other.skipped;
        for (sqlstate, count) in other.refused {
            *self.refused.entry(sqlstate).or_default() += count;
        }
        self.locked.extend(other.locked);
    }
}

/// Records a step: what it has done, and where the next one continues; `None` if there is none.
pub(crate) fn advance(id: &BulkId, step: &Tally, next: Option<(Shard, &str)>, now: Timestamp) {
    let (shard, after) = next.unwrap_or((Shard::FIRST, ""));
    ADVANCE.execute(arguments!(ADVANCE {
        id: id.as_str(),
        shard,
        after_id: after,
        locked_ids: column(&step.locked, RunId::as_str),
        done: step.done,
        skipped: step.skipped,
        refused: step.refused.values().sum::<i64>(),
        refused_by: JsonB(json!(step.refused)),
        is_last: next.is_none(),
        now
    }));
}

/// Stops a bulk action that is about these environments at most, or about any; returns whether it was running, or `None` if there
/// is none.
pub(crate) fn stop(
    id: &BulkId,
    environment_ids: Option<Vec<String>>,
    now: Timestamp,
) -> Option<bool> {
    let arguments = arguments!(STOP {
        id: id.as_str(),
        environment_ids,
        now
    });
    STOP.query(arguments, cell!(STOP.was_running)).pop()
}

/// Some runs, as their caller sees them before it acts on them.
pub(crate) fn sample(ids: &[&RunId]) -> Vec<Value> {
    SAMPLE.query(
        arguments!(SAMPLE {
            shards: column(ids, |id| id.shard()),
            run_ids: ids
        }),
        cell!(SAMPLE.run),
    )
}

/// Records on runs that they were part of a bulk action.
pub(crate) fn mark(shard: Shard, ids: &[&RunId], id: &BulkId) {
    if ids.is_empty() {
        return;
    }
    MARK.execute(arguments!(MARK {
        shard,
        run_ids: ids,
        bulk_action_id: id.friendly()
    }));
}
