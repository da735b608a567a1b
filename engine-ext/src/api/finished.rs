//! Runs that begin finished: cancelled before they existed, or impossible to trigger.

use engine_core::{
    DEFAULT_REASON, Refusal, RunError, RunId, RunStatus, Transition, TriggerOptions, check_label,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use super::row::TriggeredRow;
use super::trigger::{existing, trigger};
use crate::backend::caller::entries;
use crate::backend::rows::Rows;
use crate::document::JsonB;
use crate::error::{OrRaise, required};
use crate::store::trigger::InitialState;
use crate::{api, flow, guc, store};

entries!(engine_create_cancelled_run, engine_create_failed_run);

/// Records a run that was cancelled before it could be triggered.
///
/// `run` is an object whose keys are the parameter names of `engine_trigger`. With a `run_id` the call may be repeated: an
/// existing cancelled run with that id is returned unchanged, with `is_cached`. Without `emit_event` there are no events.
///
/// # Errors
/// - As `engine_trigger`, and `23505` if a run of that id exists that is not cancelled.
#[pg_extern(sql = false)]
fn engine_create_cancelled_run(
    run: Option<JsonB>,
    cancelled_at: Option<TimestampWithTimeZone>,
    reason: Option<&str>,
    emit_event: Option<bool>,
) -> Rows<TriggeredRow> {
    api::enter_writing().or_raise();
    let reason = check_label("reason", reason).or_raise();
    let error = RunError::text(reason.unwrap_or(DEFAULT_REASON));
    let state = InitialState {
        transition: Transition::CreatedCanceled,
        run_status: RunStatus::Canceled,
        description: "Cancelled before it was triggered",
        completed_at: api::moment("cancelled_at", cancelled_at).or_raise(),
        error: Some(error.to_json()),
        is_silent: !emit_event.unwrap_or(true),
        ..InitialState::FINISHED
    };
    Rows::new(cancelled(run, &state).or_raise())
}

/// Records a run that could not be triggered, with its error.
///
/// `run` is an object whose keys are the parameter names of `engine_trigger`; `error` has one of the four types that a
/// failed attempt reports. The run ends as SYSTEM_FAILURE. Without `emit_event` there are no events. It has a snapshot, as
/// every run does.
///
/// # Errors
/// - As `engine_trigger`, and `22032` for a malformed error, `54000` for one over `engine.max_metadata_bytes`.
#[pg_extern(sql = false)]
fn engine_create_failed_run(
    run: Option<JsonB>,
    error: Option<JsonB>,
    emit_event: Option<bool>,
) -> Rows<TriggeredRow> {
    api::enter_writing().or_raise();
    let error = required("error", error)
        .and_then(|json| RunError::parse(&json.0))
        .and_then(|error| {
            guc::trigger_limits().check_document("error", &error.to_json())?;
            Ok(error)
        });
    let state = InitialState {
        transition: Transition::CreatedFailed,
        run_status: RunStatus::SystemFailure,
        description: "Failed before it was triggered",
        error: Some(error.or_raise().to_json()),
        is_silent: !emit_event.unwrap_or(true),
        ..InitialState::FINISHED
    };
    let options = options(run).or_raise();
    Rows::new(trigger(vec![options], &state, |_, refusal| refusal).or_raise())
}

fn options(run: Option<JsonB>) -> Result<TriggerOptions, Refusal> {
    TriggerOptions::from_json(required("run", run)?.0)
}

fn cancelled(run: Option<JsonB>, state: &InitialState) -> Result<Vec<TriggeredRow>, Refusal> {
    let options = options(run)?;
    let chosen = options.run_id.as_deref().map(RunId::parse);
    let refused = match trigger(vec![options], state, |_, refusal| refusal) {
        Err(refused @ Refusal::RunExists { .. }) => refused,
        answer => return answer,
    };
    let own = chosen.filter(|run_id| !flow::right::is_foreign_run(run_id));
    match own.and_then(|run_id| store::trigger::existing(&run_id)) {
        Some(run) => match run.run_status {
            Some(status) if status != RunStatus::Canceled => Err(Refusal::NotCancelled {
                run_id: run.run_id,
                status,
            }),
            _ => Ok(vec![existing(run)]),
        },
        None => Err(refused),
    }
}
