//! Waitpoints that callers create: moments, and tokens.

use engine_core::{Environment, NewWaitpoint, Output, Refusal, WaitpointId};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::document::Stored;
use crate::error::{OrRaise, required};
use crate::{api, flow, guc, store};

entries!(
    engine_create_datetime_waitpoint,
    engine_create_manual_waitpoint,
    engine_complete_waitpoint,
    engine_waitpoint_data,
);

row! {
    /// A waitpoint that was created, or found by its key.
    WaitpointRow {
        waitpoint_id: String,
        status: &'static str,
        is_cached: bool,
        completed_after: Option<TimestampWithTimeZone>,
        created_at: TimestampWithTimeZone,
    }

    /// A waitpoint that is completed.
    CompletedWaitpointRow {
        waitpoint_id: String,
        status: &'static str,
        completed_at: Option<TimestampWithTimeZone>,
        output: Option<String>,
        output_type: String,
        output_is_error: bool,
        already_completed: bool,
    }
}

/// Creates a waitpoint that completes itself at a moment, and returns it.
///
/// The tick completes it, without an output; a past moment is due at once. If a waitpoint of the environment, of any type,
/// has the `idempotency_key`, that one is returned unchanged, with `is_cached`, until its key expires. Works in the caller's
/// transaction, in any isolation level.
///
/// # Errors
/// - `22004` without a moment, `22023` for an infinite one, or a key that is empty or has more than 2048 characters.
/// - `RE005` for an unknown environment.
#[pg_extern(sql = false)]
fn engine_create_datetime_waitpoint(
    completed_after: Option<TimestampWithTimeZone>,
    environment_id: Option<&str>,
    idempotency_key: Option<String>,
    idempotency_key_expires_at: Option<TimestampWithTimeZone>,
) -> Rows<WaitpointRow> {
    api::enter_writing().or_raise();
    let at = api::moment("completed_after", completed_after)
        .and_then(|at| required("completed_after", at))
        .or_raise();
    let expires_at = api::key_expires_at(idempotency_key_expires_at).or_raise();
    let new = NewWaitpoint::date_time(at, idempotency_key, expires_at).or_raise();
    Rows::one(create(environment_id, &new).or_raise())
}

/// Creates a waitpoint for a caller to complete, and returns it.
///
/// Complete it with `engine_complete_waitpoint`. At `timeout_at` the tick completes it with an error whose code is
/// TRIGGER_WAITPOINT_TIMEOUT. Keys work as in `engine_create_datetime_waitpoint`. Works in the caller's transaction, in any
/// isolation level.
///
/// # Errors
/// - `22023` for an infinite timeout, a key that is empty or has more than 2048 characters, or bad tags.
/// - `RE005` for an unknown environment.
#[pg_extern(sql = false)]
fn engine_create_manual_waitpoint(
    timeout_at: Option<TimestampWithTimeZone>,
    environment_id: Option<&str>,
    idempotency_key: Option<String>,
    idempotency_key_expires_at: Option<TimestampWithTimeZone>,
    tags: Option<Vec<Option<String>>>,
) -> Rows<WaitpointRow> {
    api::enter_writing().or_raise();
    let new = NewWaitpoint::manual(
        api::moment("timeout_at", timeout_at).or_raise(),
        idempotency_key,
        api::key_expires_at(idempotency_key_expires_at).or_raise(),
        api::all_given("tags")(tags.unwrap_or_default()).or_raise(),
    );
    Rows::one(create(environment_id, &new.or_raise()).or_raise())
}

/// Completes a waitpoint, and returns it; runs that have nothing left to wait for resume.
///
/// The first output wins: a completed waitpoint is returned unchanged, with `already_completed`. Waits for sessions that are
/// about to wait for the waitpoint, and never for a run: one that another session has locked resumes at the next tick.
///
/// # Errors
/// - `RE010` for an unknown waitpoint.
/// - `54000` for an output over `engine.max_payload_bytes`, `22023` for a media type of more than 1024 bytes.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_complete_waitpoint(
    waitpoint_id: Option<&str>,
    output: Option<String>,
    output_type: Option<String>,
    is_error: Option<bool>,
    environment_id: Option<&str>,
) -> Rows<CompletedWaitpointRow> {
    api::enter_locking().or_raise();
    let limits = guc::trigger_limits();
    let is_error = is_error.unwrap_or(false);
    let output = Output::given(output, output_type, is_error, &limits).or_raise();
    let id = required("waitpoint_id", waitpoint_id).map(WaitpointId::parse);
    let id = id.or_raise();
    flow::right::waitpoint(&id).or_raise();
    let (waitpoint, was_pending) =
        flow::wait::waitpoint::complete(&id, output, environment_id).or_raise();
    Rows::one(CompletedWaitpointRow {
        waitpoint_id: waitpoint.id.as_str().to_owned(),
        status: waitpoint.status.as_str(),
        completed_at: waitpoint.completed_at,
        output: waitpoint.output,
        output_type: waitpoint.output_type,
        output_is_error: waitpoint.output_is_error,
        already_completed: !was_pending,
    })
}

/// Returns a waitpoint with the runs that wait for it, or null if there is no such waitpoint.
///
/// With `environment_id`, a waitpoint of another environment counts as missing. `blockingTaskRuns` are the runs that wait
/// now, `connectedRuns` all that ever did, at most a hundred each.
///
/// # Errors
/// - `22004` without a waitpoint id.
#[pg_extern(sql = false)]
fn engine_waitpoint_data(
    waitpoint_id: Option<&str>,
    environment_id: Option<&str>,
) -> Option<Stored> {
    api::enter().or_raise();
    let id = WaitpointId::parse(required("waitpoint_id", waitpoint_id).or_raise());
    flow::shard::check(id.shard()).or_raise();
    store::waitpoint::data(&id, environment_id).filter(|_| !flow::right::is_foreign_waitpoint(&id))
}

fn create(environment_id: Option<&str>, new: &NewWaitpoint) -> Result<WaitpointRow, Refusal> {
    let environment_id = environment_id.unwrap_or(Environment::DEFAULT_ID);
    let (waitpoint, is_cached) = flow::wait::waitpoint::create(environment_id, new)?;
    Ok(WaitpointRow {
        waitpoint_id: waitpoint.id.as_str().to_owned(),
        status: waitpoint.status.as_str(),
        is_cached,
        completed_after: waitpoint.completed_after,
        created_at: waitpoint.created_at,
    })
}
