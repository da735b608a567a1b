//! What users see: every function checks its arguments, calls flow, and returns rows.
//!
//! NULL for a parameter with a default means the default; NULL for any other is refused with `22004`.

mod attempt;
mod batch;
mod batch_item;
mod block;
mod bulk;
mod cancel;
mod check;
mod checkpoint;
mod complete;
mod dequeue;
mod doctor;
mod environment;
mod event;
mod finished;
mod forget;
mod grant;
mod heartbeat;
mod idempotency;
mod lead;
mod machine;
mod metric;
mod observe;
mod quota;
mod redrive;
mod release;
mod replay;
mod reschedule;
mod retention;
mod row;
mod run_waitpoint;
mod schedule;
mod shard;
mod test_clock;
mod tick;
mod trigger;
mod unblock;
mod wait;
mod waitpoint;
mod work;
mod worker;
mod worker_report;

use engine_core::{Refusal, RunId, Timestamp, check_label};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::Value;

use crate::backend::{caller, isolation, value};
use crate::document::JsonB;
use crate::error::required;
use crate::store::row::Caller;
use crate::{flow, guc, version};

/// The first call of every function.
///
/// # Errors
/// [`Refusal::VersionMismatch`] (`RE007`), [`Refusal::NotGranted`] (`42501`).
fn enter() -> Result<(), Refusal> {
    version::check()?;
    flow::right::enter()
}

/// The first call of every function that writes.
///
/// # Errors
/// Those of [`enter`], [`Refusal::ReadOnly`] (`25006`), [`Refusal::InvalidValue`] (`22023`) for who acts.
fn enter_writing() -> Result<(), Refusal> {
    enter()?;
    caller::note_writing();
    isolation::check_writable()?;
    flow::audit::note()
}

/// The first call of every function that locks.
///
/// # Errors
/// Those of [`enter_writing`], [`Refusal::WrongIsolation`] (`RE006`).
fn enter_locking() -> Result<(), Refusal> {
    enter_writing()?;
    isolation::check()
}

/// Checks the caller's ids.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for an id of more than 1024 bytes.
fn caller<'a>(
    worker_id: Option<&'a str>,
    runner_id: Option<&'a str>,
) -> Result<Caller<'a>, Refusal> {
    Ok(Caller {
        worker_id: check_label("worker_id", worker_id)?,
        runner_id: check_label("runner_id", runner_id)?,
    })
}

/// Reads the id of a run about which the call is.
///
/// # Errors
/// [`Refusal::MissingValue`] (`22004`), [`Refusal::UnknownRun`] (`RE001`) for one of another tenant, and those of its shard:
/// [`Refusal::ShardElsewhere`] (`RE020`), [`Refusal::ShardMoving`] (`RE021`).
fn run_id(run_id: Option<&str>) -> Result<RunId, Refusal> {
    let run_id = required("run_id", run_id).map(RunId::parse)?;
    flow::right::run(&run_id)?;
    Ok(run_id)
}

/// Reads the id of a run that a call returns something about, or nothing if it does not exist.
///
/// # Errors
/// [`Refusal::MissingValue`] (`22004`), [`Refusal::ShardElsewhere`] (`RE020`).
fn run_id_to_read(run_id: Option<&str>) -> Result<RunId, Refusal> {
    let run_id = required("run_id", run_id).map(RunId::parse)?;
    flow::shard::check(run_id.shard())?;
    Ok(run_id)
}

/// Reads an array without NULLs.
///
/// # Errors
/// [`Refusal::MissingValue`] (`22004`), naming the parameter.
fn all_given<T>(parameter: &'static str) -> impl Fn(Vec<Option<T>>) -> Result<Vec<T>, Refusal> {
    move |values| {
        values
            .into_iter()
            .map(|value| required(parameter, value))
            .collect()
    }
}

/// Checks a document that is stored unchanged.
///
/// # Errors
/// [`Refusal::TooDeep`], [`Refusal::ReservedKey`] (`22032`), [`Refusal::TooLarge`] (`54000`).
fn document(parameter: &'static str, given: Option<JsonB>) -> Result<Option<Value>, Refusal> {
    if let Some(document) = &given {
        guc::trigger_limits().check_document(parameter, &document.0)?;
    }
    Ok(given.map(|document| document.0))
}

fn time(moment: Timestamp) -> TimestampWithTimeZone {
    value::time(moment)
}

/// Checks the optional moment at which a key expires.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) in the past, or outside the years 1 to 9999.
fn key_expires_at(time: Option<TimestampWithTimeZone>) -> Result<Option<Timestamp>, Refusal> {
    engine_core::check_key_expiry(moment("idempotency_key_expires_at", time)?, flow::now())
}

/// Checks an optional moment.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) outside the years 1 to 9999.
fn moment(
    parameter: &'static str,
    time: Option<TimestampWithTimeZone>,
) -> Result<Option<Timestamp>, Refusal> {
    time.map(|time| Timestamp::from_micros(time.into()).check(parameter))
        .transpose()
}
