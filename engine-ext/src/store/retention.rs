//! Retention policies.

use std::cell::RefCell;
use std::rc::Rc;

use engine_core::{KeptRun, KeptRuns, Retention, RunOutcome, Timestamp};

use crate::backend::cache::{self, Known, known};
use crate::backend::cells::{Cells, cell};
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::store::row::kept_run;

statement!(READ, "retention_read.sql");
statement!(SET, "retention_set.sql");
statement!(DELETE, "retention_delete.sql");
statement!(COUNT, "retention_count.sql", reading_everything);

thread_local! {
    static POLICIES: Known<Retention> = const { RefCell::new(None) };
}

/// The policies that hold now.
pub(crate) fn all() -> Rc<Retention> {
    known(&POLICIES, cache::fresh_generation(), || {
        Retention::new(READ.query(arguments!(READ {}), policy))
    })
}

/// Sets how long runs are kept, for every session from this commit on.
pub(crate) fn set(runs: &KeptRuns, keep_ms: Option<i64>, now: Timestamp) {
    SET.execute(arguments!(SET {
        environment_id: name(&runs.environment_id),
        task: name(&runs.task),
        queue: name(&runs.queue),
        outcome: runs.outcome.map_or("", RunOutcome::as_str),
        keep_ms,
        now
    }));
    cache::changed();
}

/// Deletes a policy; returns whether it existed.
pub(crate) fn delete(runs: &KeptRuns) -> bool {
    let deleted = DELETE.execute(arguments!(DELETE {
        environment_id: name(&runs.environment_id),
        task: name(&runs.task),
        queue: name(&runs.queue),
        outcome: runs.outcome.map_or("", RunOutcome::as_str)
    }));
    cache::changed();
    deleted > 0
}

/// Runs of one kind that have ended.
pub(crate) struct EndedRuns {
    pub(crate) run: KeptRun,
    pub(crate) count: i64,
    /// When the first of them ended.
    pub(crate) first: Timestamp,
}

/// How many runs have ended in which way.
pub(crate) fn count() -> Vec<EndedRuns> {
    COUNT.query(arguments!(COUNT {}), |cells| EndedRuns {
        run: kept_run!(cells, COUNT),
        count: cell!(cells, COUNT.run_count),
        first: cell!(cells, COUNT.first_at),
    })
}

fn policy(cells: &Cells<READ>) -> (KeptRuns, Option<i64>) {
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let runs = KeptRuns {
        environment_id: given(cell!(cells, READ.environment_id)),
        task: given(cell!(cells, READ.task)),
        queue: given(cell!(cells, READ.queue)),
        outcome: RunOutcome::parse(&cell!(cells, READ.outcome as String)),
    };
    (runs, cell!(cells, READ.keep_ms))
}

fn name(name: &Option<String>) -> &str {
    name.as_deref().unwrap_or_default()
}
