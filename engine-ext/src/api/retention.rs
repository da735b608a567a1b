//! Retention: how long runs are kept after they have ended, and the sweep that removes them.

use engine_core::{KeptRuns, Refusal, RunOutcome, check_keep};
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::backend::value;
use crate::error::OrRaise;
use crate::{api, flow};

entries!(
    engine_set_retention,
    engine_delete_retention,
    engine_sweep,
    engine_retention
);

row! {
    /// A policy; null for every environment, task, queue or outcome, and for ever.
    PolicyRow {
        environment_id: Option<String>,
        task: Option<String>,
        queue: Option<String>,
        outcome: Option<&'static str>,
        keep: Option<Interval>,
    }

    /// A policy, and the runs for which it holds.
    HeldPolicyRow {
        policy: PolicyRow,
        is_built_in: bool,
        ended_runs: i64,
        next_removal_at: Option<TimestampWithTimeZone>,
    }
}

/// Sets how long runs are kept after they have ended, and returns the policy.
///
/// NULL stands for every environment, task, queue or outcome, and as `keep` for ever. The policy of a task comes before that
/// of a queue, that before one of an environment, and that before one of all; of the policies of one subject that of the
/// outcome comes first: `COMPLETED`, `CANCELED`, `EXPIRED`, `FAILED`, or `DEAD_LETTER` for runs that the engine gave up. What is
/// set comes before what is built in: 7 days for completed, cancelled and expired runs, 30 for failed ones and dead letters, one
/// for runs of DEVELOPMENT environments and for test runs. Holds for runs that have ended as well, from the commit on.
///
/// # Errors
/// - `22023` for a name of more than 128 characters, a task and a queue together, an unknown outcome, or a time below 0 or
///   above 36500 days.
#[pg_extern(sql = false)]
fn engine_set_retention(
    environment_id: Option<String>,
    task: Option<String>,
    queue: Option<String>,
    outcome: Option<String>,
    keep: Option<Interval>,
) -> Rows<PolicyRow> {
    api::enter_writing().or_raise();
    let runs = KeptRuns::check(environment_id, task, queue, outcome.as_deref()).or_raise();
    let keep = keep.map(|keep| (keep.months(), keep.days(), keep.micros()));
    let keep_ms = check_keep(keep).or_raise();
    check_scope(&runs).or_raise();
    flow::retention::set(&runs, keep_ms);
    Rows::one(policy(runs, keep_ms))
}

/// Deletes a retention policy; returns whether it existed.
///
/// Its runs are kept as the next policy says that holds for them, or as is built in.
///
/// # Errors
/// As `engine_set_retention`.
#[pg_extern(sql = false)]
fn engine_delete_retention(
    environment_id: Option<String>,
    task: Option<String>,
    queue: Option<String>,
    outcome: Option<String>,
) -> bool {
    api::enter_writing().or_raise();
    let runs = KeptRuns::check(environment_id, task, queue, outcome.as_deref()).or_raise();
    check_scope(&runs).or_raise();
    flow::retention::delete(&runs)
}

/// Returns the retention policies, set and built in, each with the runs for which it holds and when it removes the next.
///
/// Of the built-in ones those that hold for a run. Runs whose trigger says how long they are kept follow none of them. Reads every run:
/// call it in a quiet hour.
#[pg_extern(sql = false)]
fn engine_retention() -> Rows<HeldPolicyRow> {
    api::enter().or_raise();
    let rows = flow::retention::all()
        .into_iter()
        .map(|(found, held)| HeldPolicyRow {
            policy: policy(found.runs, found.keep_ms),
            is_built_in: found.is_built_in,
            ended_runs: held.count,
            next_removal_at: held.next_at.map(api::time),
        });
    Rows::new(rows)
}

/// Removes runs that have ended and whose time has come, at most `max_runs`, and returns how many.
///
/// The tick does the same, a step at a time: call this to remove many at once. Everything that belongs to a run goes with it.
/// What another session works on stays for the next call, and so does what something else still needs: a child of a run that
/// has not ended, a run of a batch that has not, a run whose children are there, a run that a named reader of events has not read. Returns 0 while another session sweeps.
///
/// # Errors
/// - `22023` if `max_runs` is outside 1..=100000.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_sweep(max_runs: Option<i32>) -> i32 {
    api::enter_locking().or_raise();
    let removed = flow::sweep::by_hand(max_runs.unwrap_or(1000)).or_raise();
    i32::try_from(removed).unwrap_or(i32::MAX)
}

/// Refuses a policy of an environment in which the call may not act, or whose shard is not here.
fn check_scope(runs: &KeptRuns) -> Result<(), Refusal> {
    let environment_id = runs.environment_id.as_deref();
    flow::right::environment_or_all(environment_id)?;
    environment_id.map_or(Ok(()), flow::shard::check_environment)
}

fn policy(runs: KeptRuns, keep_ms: Option<i64>) -> PolicyRow {
    PolicyRow {
        environment_id: runs.environment_id,
        task: runs.task,
        queue: runs.queue,
        outcome: runs.outcome.map(RunOutcome::as_str),
        keep: keep_ms.map(value::interval),
    }
}
