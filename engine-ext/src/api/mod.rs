//! What users see: every function is arguments → core → store → rows.
//!
//! NULL for a parameter that has a default means the default; NULL for one that has none is refused with `22004`.

mod arrival;
mod assign;
mod attempt;
mod batch;
mod batch_item;
mod block;
mod cancel;
mod check;
mod checkpoint;
mod claim;
mod claim_limit;
mod complete;
mod debounce;
mod dequeue;
mod entrance;
mod environment;
mod event;
mod finished;
mod hand_out;
mod heartbeat;
mod idempotency;
mod key;
mod lead;
mod machine;
mod observe;
mod parent;
mod promote;
mod redrive;
mod release;
mod replay;
mod reschedule;
mod round;
mod run_waitpoint;
mod schedule;
mod start;
mod tick;
mod trigger;
mod unblock;
mod wait;
mod waitpoint;
mod worker;

use std::rc::Rc;

use engine_core::{Environment, Refusal, Run, RunId, Settings, Timestamp, check_label};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::Value;

use crate::document::JsonB;
use crate::error::required;
use crate::store::run::Caller;
use crate::{clock, guc, isolation, store, version};

/// First thing in every function.
///
/// # Errors
/// [`Refusal::VersionMismatch`] (`RE007`).
fn enter() -> Result<(), Refusal> {
    version::check()
}

/// First thing in every function that writes.
///
/// # Errors
/// [`Refusal::VersionMismatch`] (`RE007`), [`Refusal::ReadOnly`] (`25006`).
fn enter_writing() -> Result<(), Refusal> {
    version::check()?;
    isolation::check_writable()
}

/// First thing in every function that locks.
///
/// # Errors
/// [`Refusal::VersionMismatch`] (`RE007`), [`Refusal::ReadOnly`] (`25006`), [`Refusal::WrongIsolation`] (`RE006`).
fn enter_locking() -> Result<(), Refusal> {
    enter_writing()?;
    isolation::check()
}

/// The clock of a call that may write queue items and deadlines: scans rely on it that these are never written at a time
/// before their writer has announced itself.
fn now() -> Timestamp {
    store::claim::announce_items();
    store::heartbeat::announce_deadlines();
    clock::now()
}

/// What decisions go by in a call at `now`.
fn settings(now: Timestamp) -> Settings {
    guc::settings(now, store::machine::all())
}

/// Who calls.
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

/// A run under lock.
///
/// # Errors
/// [`Refusal::MissingValue`] (`22004`), [`Refusal::UnknownRun`] (`RE001`).
fn lock(run_id: Option<&str>) -> Result<Run, Refusal> {
    let run_id = RunId::parse(required("run_id", run_id)?);
    store::run::lock(&run_id).ok_or(Refusal::UnknownRun { run_id })
}

/// An environment.
///
/// # Errors
/// [`Refusal::UnknownEnvironment`] (`RE005`).
fn environment(id: &str) -> Result<Rc<Environment>, Refusal> {
    store::environment::find(id).ok_or_else(|| Refusal::UnknownEnvironment {
        environment_id: id.to_owned(),
    })
}

/// An environment as it is now, for who has it for setting.
///
/// # Errors
/// [`Refusal::UnknownEnvironment`] (`RE005`).
fn environment_fresh(id: &str) -> Result<Rc<Environment>, Refusal> {
    store::environment::find_fresh(id).ok_or_else(|| Refusal::UnknownEnvironment {
        environment_id: id.to_owned(),
    })
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

/// A document that is kept as it is.
///
/// # Errors
/// [`Refusal::TooDeep`] (`22032`), [`Refusal::TooLarge`] (`54000`).
fn document(parameter: &'static str, given: Option<JsonB>) -> Result<Option<Value>, Refusal> {
    if let Some(document) = &given {
        guc::trigger_limits().check_document(parameter, &document.0)?;
    }
    Ok(given.map(|document| document.0))
}

fn time(moment: Timestamp) -> TimestampWithTimeZone {
    store::run::time(moment)
}

/// A moment that a caller gives, if one was given.
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
