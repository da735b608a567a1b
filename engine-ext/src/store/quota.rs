//! Quotas, and what environments have used of them.

use engine_core::{Environment, Quota, QuotaUse, RunId, Timestamp};

use crate::backend::cache;
use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(SET, "quota_set.sql");
statement!(INSERT, "quota_use_insert.sql");
statement!(LOCK, "quota_use_lock.sql");
statement!(LOCK_FREE, "quota_use_lock_free.sql");
statement!(WRITE, "quota_use_write.sql");
statement!(TAKE, "quota_return_take.sql");
statement!(REPLACED, "quota_return_replaced.sql");
statement!(QUEUED, "quota_queued_count.sql");
statement!(MEASURE, "quota_kept_measure.sql", reading_everything);
statement!(SCHEDULES, "schedule_count.sql");

/// Writes the quota of an environment, for every session from this commit on.
pub(crate) fn set(environment_id: &str, quota: &Quota, now: Timestamp) {
    SET.execute(arguments!(SET {
        environment_id,
        queued_runs: quota.queued_runs,
        runs_per_second: quota.runs_per_second,
        payload_bytes: quota.payload_bytes,
        kept_bytes: quota.kept_bytes,
        schedules: quota.schedules,
        now
    }));
    cache::changed();
}

/// Makes the row that triggers of an environment lock, if there is none.
pub(crate) fn insert(environment_id: &str, now: Timestamp) {
    INSERT.execute(arguments!(INSERT {
        environment_id,
        now
    }));
}

/// Locks what these environments have used, and reads it.
pub(crate) fn lock(environment_ids: &[&str]) -> Vec<(String, QuotaUse)> {
    LOCK.query(arguments!(LOCK { environment_ids }), |cells| {
        let used = QuotaUse {
            tokens: cell!(cells, LOCK.tokens),
            refilled_at: cell!(cells, LOCK.refilled_at),
            queued_bound: cell!(cells, LOCK.queued_bound),
            kept_bytes: cell!(cells, LOCK.kept_bytes),
        };
        (cell!(cells, LOCK.environment_id), used)
    })
}

/// Locks what an environment has used, unless another session has; returns whether it did.
pub(crate) fn try_lock(environment_id: &str) -> bool {
    let arguments = arguments!(LOCK_FREE { environment_id });
    let locked: Vec<String> = LOCK_FREE.query(arguments, cell!(LOCK_FREE.environment_id));
    !locked.is_empty()
}

/// Writes what a locked environment has used.
pub(crate) fn write(environment_id: &str, used: &QuotaUse) {
    WRITE.execute(arguments!(WRITE {
        environment_id,
        tokens: used.tokens,
        refilled_at: used.refilled_at,
        queued_bound: used.queued_bound,
        kept_bytes: used.kept_bytes
    }));
}

/// Takes what was given back of a locked environment's bytes away from those that it keeps; returns how many.
pub(crate) fn take_returned(environment_id: &str) -> i64 {
    let taken = TAKE.query(arguments!(TAKE { environment_id }), cell!(TAKE.bytes));
    taken.into_iter().next().unwrap_or(0)
}

/// Gives back the bytes of a run's payload, which is about to be replaced, for those of the new one.
pub(crate) fn replaced(run_id: &RunId, payload: &str) {
    REPLACED.execute(arguments!(REPLACED {
        shard: run_id.shard(),
        run_id: run_id.as_str(),
        payload
    }));
}

/// How many runs of an environment wait, counted up to `cap`.
pub(crate) fn queued(environment: &Environment, cap: i64) -> i64 {
    let arguments = arguments!(QUEUED {
        shard: environment.shard,
        environment_id: environment.id.as_str(),
        cap
    });
    let count: Option<i64> = QUEUED.query(arguments, cell!(QUEUED.count)).pop();
    count.unwrap_or(0)
}

/// How many bytes the payloads of an environment's runs have.
pub(crate) fn measure(environment: &Environment) -> i64 {
    let arguments = arguments!(MEASURE {
        shard: environment.shard,
        environment_id: environment.id.as_str()
    });
    let bytes: Option<i64> = MEASURE.query(arguments, cell!(MEASURE.bytes)).pop();
    bytes.unwrap_or(0)
}

/// How many schedules an environment has beside one.
pub(crate) fn schedules(environment_id: &str, id: &str) -> i64 {
    let arguments = arguments!(SCHEDULES { environment_id, id });
    let count: Option<i64> = SCHEDULES.query(arguments, cell!(SCHEDULES.count)).pop();
    count.unwrap_or(0)
}
