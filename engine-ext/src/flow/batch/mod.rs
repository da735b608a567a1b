//! Batches: created, sealed, ended.

pub(crate) mod end;
pub(crate) mod item;

use engine_core::{
    Batch, BatchId, Environment, NewBatch, Refusal, Run, RunId, Settings, TimerKind,
};
use serde_json::Value;

use crate::flow::wait::block::Wait;
use crate::store::row::Caller;
use crate::store::waitpoint::insert::{Of, WaitpointRow};
use crate::{backend, flow, mint, store};

/// How often a call retries while other sessions take or release its key.
const ATTEMPTS: usize = 5;

/// A new batch as its caller describes it, besides its size and its key.
pub(crate) struct Asked<'a> {
    pub(crate) new: NewBatch,
    pub(crate) parent_run_id: Option<RunId>,
    pub(crate) resume_parent: bool,
    pub(crate) options: Option<Value>,
    pub(crate) caller: Caller<'a>,
}

/// Writes a batch, or finds the one with its key, and makes the parent wait.
pub(crate) fn create(environment_id: &str, asked: &Asked<'_>) -> Result<(Batch, bool), Refusal> {
    let environment = flow::trigger::check::environment(environment_id)?;
    backend::isolation::check()?;
    let settings = flow::settings(flow::now());
    let parent = match &asked.parent_run_id {
        Some(run_id) => Some(parent(&environment, run_id, asked.resume_parent)?),
        None => None,
    };
    let (id, is_cached) = write(&environment, asked, &settings)?;
    if let Some(Some(parent)) = parent {
        wait(&environment, &parent, &id, asked.caller, &settings)?;
    }
    Ok((lock(&id)?, is_cached))
}

/// Seals a batch if all its items have been added, and ends it if nothing is left to come; returns its state after that.
///
/// # Errors
/// [`Refusal::UnknownBatch`] (`RE011`).
pub(crate) fn seal(id: &BatchId) -> Result<Batch, Refusal> {
    let mut batch = lock(id)?;
    let settings = flow::settings(flow::now());
    let shard = id.shard();
    if !batch.seal() {
        return Ok(batch);
    }
    store::batch::update(shard, &[&batch], settings.now);
    flow::settle::batches(shard, &[(id.clone(), "seal".to_owned())], &settings);
    lock(id)
}

/// Locks a batch.
///
/// # Errors
/// [`Refusal::UnknownBatch`] (`RE011`).
pub(crate) fn lock(id: &BatchId) -> Result<Batch, Refusal> {
    let locked = store::batch::lock(id.shard(), &[id]).pop();
    locked.ok_or_else(|| Refusal::UnknownBatch {
        batch_id: id.clone(),
    })
}

/// The parent of a batch, locked if it is to wait.
fn parent(
    environment: &Environment,
    run_id: &RunId,
    resume_parent: bool,
) -> Result<Option<Run>, Refusal> {
    let unknown = || Refusal::UnknownRun {
        run_id: run_id.clone(),
    };
    if run_id.shard() != environment.shard {
        return Err(Refusal::other_shard(environment.shard, run_id.shard()));
    }
    flow::right::run(run_id)?;
    if resume_parent {
        return store::run::lock(run_id).map(Some).ok_or_else(unknown);
    }
    if store::run::existing(&[run_id]).is_empty() {
        Err(unknown())
    } else {
        Ok(None)
    }
}

/// Writes a batch, or finds the one with its key.
fn write(
    environment: &Environment,
    asked: &Asked<'_>,
    settings: &Settings,
) -> Result<(BatchId, bool), Refusal> {
    let (shard, now) = (environment.shard, settings.now);
    for _ in 0..ATTEMPTS {
        if let Some(key) = &asked.new.key
            && let Some((id, expires_at)) = store::batch::by_key(shard, &environment.id, key)
        {
            if expires_at.is_none_or(|at| now <= at) {
                return Ok((id, true));
            }
            store::batch::rotate(&id, key);
        }
        let id = mint::batch_id(shard);
        let parent = asked.parent_run_id.as_ref();
        let (resume_parent, options) = (asked.resume_parent, asked.options.clone());
        let is_written = store::batch::insert(
            &id,
            &environment.id,
            &asked.new,
            parent,
            resume_parent,
            options,
            now,
        );
        if is_written {
            if let Some(at) = asked.new.expires_at {
                store::timer::set(shard, TimerKind::ExpireBatch, &[(id.as_str(), at, None)]);
            }
            return Ok((id, false));
        }
    }
    Err(Refusal::KeyContended { attempts: ATTEMPTS })
}

/// Makes a locked run wait for a batch and for all the runs that it already has. A batch gets its waitpoint when a run first
/// waits for it.
fn wait(
    environment: &Environment,
    parent: &Run,
    id: &BatchId,
    caller: Caller<'_>,
    settings: &Settings,
) -> Result<(), Refusal> {
    let own = store::batch::waitpoints(id);
    if own.iter().all(|(_, index)| index.is_some()) {
        let batch = lock(id)?;
        let waitpoint_id = mint::waitpoint_id(environment.shard);
        let row = WaitpointRow {
            id: &waitpoint_id,
            environment_id: &environment.id,
            of: Of::Batch(id),
            output: batch.output(),
        };
        flow::wait::waitpoint::insert(environment.shard, &[row], settings.now);
    }
    let wait = Wait {
        waitpoints: store::batch::waitpoints(id),
        batch_id: Some(id),
        timeout_at: None,
        span_id: None,
        snapshot_id: None,
    };
    flow::wait::block::locked(parent, &wait, caller, settings).map(|_| ())
}
