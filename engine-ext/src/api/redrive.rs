//! Second chances: a run that its handler did not end goes back into its queue.

use engine_core::{Command, Refusal, Run, decide};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern, search_path};

use crate::error::OrRaise;
use crate::store::run::Caller;
use crate::store::transition::Transitions;
use crate::{api, store};

/// Puts a run back into its queue that ended although its handler had not said so, and returns its latest snapshot.
///
/// Such a run came back too often because its worker was lost, or crashed, took or waited too long: SYSTEM_FAILURE, CRASHED,
/// TIMED_OUT, EXPIRED, INTERRUPTED. It keeps its identity and its attempts, has one more at least, and the queue counts anew.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE004` for a run that has not ended, or by its handler or a cancel: `engine_replay` does its work again as a new run.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn engine_redrive(
    run_id: Option<&str>,
) -> TableIterator<
    'static,
    (
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
    redrive(&run).or_raise();
    let execution = store::observe::execution(&run.id);
    TableIterator::once((
        execution.run_id,
        execution.snapshot_id,
        execution.execution_status,
        execution.run_status,
        execution.attempt_number,
        execution.description,
        execution.created_at,
    ))
}

fn redrive(run: &Run) -> Result<(), Refusal> {
    let settings = api::settings(api::now());
    let plan = decide(run, Command::Redrive, &settings)?;
    let mut transitions = Transitions::new(run.id.shard(), Caller::default(), &settings);
    transitions.add_after(run, store::run::last_ordinal(run), plan);
    transitions.apply();
    Ok(())
}
