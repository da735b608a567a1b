//! Unblock: a run goes on that has nothing left to wait for.

use engine_core::{Plan, Refusal, Run, Unblocking, unblock};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern, search_path};

use crate::error::OrRaise;
use crate::store::run::Caller;
use crate::store::transition::Transitions;
use crate::{api, store};

/// Goes on with a run if all that it waits for is completed, and tells why not otherwise.
///
/// `status` is `unblocked`, `blocked`, or `skipped` for a run that does not wait, with the reason in `reason`. Nobody needs to
/// call it: completions go on with the runs that waited, and the tick with those that they could not have.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE004` for a run that is suspended without a checkpoint.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn engine_unblock(
    run_id: Option<&str>,
) -> TableIterator<
    'static,
    (
        name!(status, &'static str),
        name!(reason, Option<&'static str>),
        name!(run_id, String),
        name!(snapshot_id, Option<String>),
        name!(execution_status, Option<String>),
        name!(run_status, Option<String>),
        name!(attempt_number, Option<i32>),
        name!(description, Option<String>),
        name!(created_at, Option<TimestampWithTimeZone>),
    ),
> {
    api::enter_locking().or_raise();
    let run = api::lock(run_id).or_raise();
    let (status, reason) = go_on(&run).or_raise();
    let execution = store::observe::execution(&run.id);
    TableIterator::once((
        status,
        reason,
        execution.run_id,
        execution.snapshot_id,
        execution.execution_status,
        execution.run_status,
        execution.attempt_number,
        execution.description,
        execution.created_at,
    ))
}

/// Goes on with a locked run; gives the status and the reason of the answer.
fn go_on(run: &Run) -> Result<(&'static str, Option<&'static str>), Refusal> {
    let settings = api::settings(api::now());
    let shard = run.id.shard();
    let Some(waiting) = store::wait::blockers(shard, &[&run.id]).remove(&run.id) else {
        unreachable!("there is a row for each run")
    };
    Ok(match unblock(run, &waiting)? {
        Unblocking::Unblocked(moved) => {
            let mut transitions = Transitions::new(shard, Caller::default(), &settings);
            transitions.add(run, Plan::Move(moved));
            transitions.apply();
            ("unblocked", None)
        }
        Unblocking::Blocked => ("blocked", None),
        Unblocking::Skipped(reason) => ("skipped", Some(reason)),
    })
}
