//! Creates and completes waitpoints, and sets their timers.

use engine_core::{
    Environment, NewWaitpoint, Output, Refusal, Shard, TimerKind, Timestamp, WaitpointId,
};
use serde_json::{Value, json};

use crate::store::waitpoint::Waitpoint;
use crate::store::waitpoint::insert::{Of, WaitpointRow};
use crate::{flow, mint, store};

/// How often a call retries while other sessions take or release its key.
const ATTEMPTS: usize = 5;

/// Writes a waitpoint, or finds the one with its key; returns it, and whether it existed before.
///
/// # Errors
/// [`Refusal::UnknownEnvironment`] (`RE005`), [`Refusal::KeyContended`].
pub(crate) fn create(
    environment_id: &str,
    new: &NewWaitpoint,
) -> Result<(Waitpoint, bool), Refusal> {
    let environment = flow::trigger::check::environment(environment_id)?;
    let now = flow::now();
    for _ in 0..ATTEMPTS {
        if let Some(key) = &new.key
            && let Some(cached) = cached(&environment, key, now)
        {
            return Ok((cached, true));
        }
        let id = mint::waitpoint_id(environment.shard);
        let row = WaitpointRow {
            id: &id,
            environment_id: &environment.id,
            of: Of::Caller(new),
            output: None,
        };
        if insert(environment.shard, &[row], now) > 0
            && let Some(created) = store::waitpoint::read(&id, None)
        {
            return Ok((created, false));
        }
    }
    Err(Refusal::KeyContended { attempts: ATTEMPTS })
}

/// The waitpoint with this key; an expired key is taken from its waitpoint.
fn cached(environment: &Environment, key: &str, now: Timestamp) -> Option<Waitpoint> {
    let (id, expires_at) = store::waitpoint::by_key(environment.shard, &environment.id, key)?;
    if expires_at.is_some_and(|at| now > at) {
        store::waitpoint::rotate(&id, key, &mint::stand_in_for_key());
        return None;
    }
    store::waitpoint::read(&id, None)
}

/// Completes a waitpoint, and settles what follows; returns it, and whether it was pending.
///
/// # Errors
/// [`Refusal::UnknownWaitpoint`] (`RE010`).
pub(crate) fn complete(
    id: &WaitpointId,
    output: Output,
    environment_id: Option<&str>,
) -> Result<(Waitpoint, bool), Refusal> {
    let unknown = || Refusal::UnknownWaitpoint {
        waitpoint_id: id.clone(),
    };
    if environment_id.is_some() && store::waitpoint::read(id, environment_id).is_none() {
        return Err(unknown());
    }
    let settings = flow::settings(flow::now());
    let completed = flow::settle::complete(id.shard(), &[(id.clone(), output)], &settings);
    match store::waitpoint::read(id, environment_id) {
        Some(waitpoint) => Ok((waitpoint, !completed.is_empty())),
        None => Err(unknown()),
    }
}

/// Writes waitpoints of one shard, with timers for those that have a time. Returns the number written: a waitpoint whose
/// key, run or batch already has one is skipped.
pub(crate) fn insert(shard: Shard, new: &[WaitpointRow<'_>], now: Timestamp) -> usize {
    let written = store::waitpoint::insert::insert(shard, new, now);
    let timers: Vec<_> = new
        .iter()
        .filter(|new| written.contains(new.id))
        .filter_map(|new| {
            let asked = new.asked()?;
            let at = asked.completed_after?;
            Some((new.id, at, asked.due_output(at)))
        })
        .collect();
    set_timers(shard, &timers);
    written.len()
}

/// Makes the tick complete waitpoints at their times.
pub(crate) fn set_timers(shard: Shard, timers: &[(&WaitpointId, Timestamp, Output)]) {
    let timers: Vec<_> = timers
        .iter()
        .map(|(id, at, output)| {
            let detail = output.is_error.then(|| json!({"error": output.value}));
            (id.as_str(), *at, detail)
        })
        .collect();
    store::timer::set(shard, TimerKind::FinishWaitpoint, &timers);
}

/// The output with which a timer completes a waitpoint.
pub(crate) fn output_of_timer(detail: Option<&Value>) -> Output {
    match detail.and_then(|detail| detail["error"].as_str()) {
        Some(error) => Output {
            value: Some(error.to_owned()),
            media_type: None,
            is_error: true,
        },
        None => Output::default(),
    }
}
