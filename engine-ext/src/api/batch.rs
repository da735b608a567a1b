//! Batches: made, sealed, read.

use engine_core::{
    Batch, BatchId, Environment, NewBatch, Refusal, Run, RunId, Settings, TimerKind,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{default, name, pg_extern, search_path};
use serde_json::Value;

use super::arrival::environment;
use super::block::{Wait, block};
use crate::document::{JsonB, Stored};
use crate::error::{OrRaise, required};
use crate::store::run::Caller;
use crate::store::waitpoint::{Minted, Of};
use crate::{api, guc, isolation, mint, store};

/// How often a call tries again whose key somebody else takes or gives back meanwhile.
const ATTEMPTS: usize = 5;

/// What a caller says of a new batch, besides its size and its key.
struct Asked<'a> {
    new: NewBatch,
    parent_run_id: Option<RunId>,
    resume_parent: bool,
    options: Option<Value>,
    caller: Caller<'a>,
}

/// Creates a batch, whose items are added in later calls, and returns it.
///
/// `run_count` is the number of its items; without it, `engine_seal_batch` says when all are there. With `resume_parent` the
/// parent waits, from the same commit on, for the batch and for each of its runs. At `expires_at` a batch that is not sealed is
/// aborted, and its parent goes on. With an `idempotency_key` that a batch of the environment has, that one is returned, with
/// `is_cached`, and the parent waits for all of it. `options` are kept with it.
///
/// # Errors
/// - `22023` for a count outside 1..=`engine.max_batch`, or a bad key; `54000` for options over `engine.max_metadata_bytes`.
/// - `RE001` for an unknown parent, `RE005` for an unknown environment.
/// - With `resume_parent`: `RE003` for a parent that is finished, `RE004` for one of which no attempt runs.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity, clippy::too_many_arguments)]
fn engine_create_batch(
    run_count: default!(Option<i32>, "NULL"),
    environment_id: default!(Option<&str>, "'default'"),
    parent_run_id: default!(Option<&str>, "NULL"),
    resume_parent: default!(Option<bool>, "false"),
    idempotency_key: default!(Option<String>, "NULL"),
    idempotency_key_expires_at: default!(Option<TimestampWithTimeZone>, "NULL"),
    expires_at: default!(Option<TimestampWithTimeZone>, "NULL"),
    options: default!(Option<JsonB>, "NULL"),
    worker_id: default!(Option<&str>, "NULL"),
    runner_id: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(batch_id, String),
        name!(status, &'static str),
        name!(is_cached, bool),
        name!(run_count, Option<i32>),
        name!(item_count, i32),
        name!(waitpoint_id, Option<String>),
    ),
> {
    api::enter_locking().or_raise();
    let new = NewBatch::new(
        run_count,
        idempotency_key,
        api::moment("idempotency_key_expires_at", idempotency_key_expires_at).or_raise(),
        api::moment("expires_at", expires_at).or_raise(),
        guc::max_batch(),
    );
    let asked = Asked {
        new: new.or_raise(),
        resume_parent: resume_parent.unwrap_or(false) && parent_run_id.is_some(),
        parent_run_id: parent_run_id.map(RunId::parse),
        options: api::document("options", options).or_raise(),
        caller: api::caller(worker_id, runner_id).or_raise(),
    };
    let environment = environment(environment_id.unwrap_or(Environment::DEFAULT_ID)).or_raise();
    let (batch, is_cached) = create(&environment, &asked).or_raise();
    let own = store::batch::waitpoints(&batch.id);
    let waitpoint = own.into_iter().find(|(_, place)| place.is_none());
    TableIterator::once((
        batch.id.as_str().to_owned(),
        batch.status.as_str(),
        is_cached,
        batch.run_count,
        batch.item_count,
        waitpoint.map(|(id, _)| id.as_str().to_owned()),
    ))
}

/// Seals a batch if all its items are there, and returns it.
///
/// A batch without a `run_count` has all that were added. If some are missing, `sealed` is false and nothing happens: add them,
/// then call again. A batch that has its `run_count` of items is sealed by the call that adds the last one. Its status is then
/// PROCESSING, PARTIAL_FAILED if some of its items could not be triggered, or ABORTED if none could; once all its runs have ended
/// it is COMPLETED, unless it was aborted.
///
/// # Errors
/// - `RE011` for an unknown batch.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn engine_seal_batch(
    batch_id: Option<&str>,
) -> TableIterator<
    'static,
    (
        name!(batch_id, String),
        name!(sealed, bool),
        name!(status, &'static str),
        name!(run_count, Option<i32>),
        name!(item_count, i32),
        name!(successful_run_count, i32),
        name!(failed_run_count, i32),
    ),
> {
    api::enter_locking().or_raise();
    let id = BatchId::parse(required("batch_id", batch_id).or_raise());
    let batch = lock(&id).or_raise();
    let batch = seal(batch, &api::settings(api::now()));
    TableIterator::once((
        batch.id.as_str().to_owned(),
        batch.is_sealed,
        batch.status.as_str(),
        batch.run_count,
        batch.item_count,
        batch.item_count - batch.failed_count,
        batch.failed_count,
    ))
}

/// Returns all about a batch with its runs and failures, or null if there is no such batch.
///
/// With `environment_id`, a batch of another environment is as good as none. `runs` are in the order of the items, `failures` those
/// items that could not be triggered.
///
/// # Errors
/// - `22004` without a batch id.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn engine_batch_data(
    batch_id: Option<&str>,
    environment_id: default!(Option<&str>, "NULL"),
) -> Option<Stored> {
    api::enter().or_raise();
    let id = BatchId::parse(required("batch_id", batch_id).or_raise());
    store::batch::data(&id, environment_id)
}

/// A batch under lock.
///
/// # Errors
/// [`Refusal::UnknownBatch`] (`RE011`).
pub(super) fn lock(id: &BatchId) -> Result<Batch, Refusal> {
    let locked = store::batch::lock(id.shard(), &[id]).pop();
    locked.ok_or_else(|| Refusal::UnknownBatch {
        batch_id: id.clone(),
    })
}

/// Seals a locked batch if all its items are there, and ends it if nothing is left to come; gives it as it is then.
fn seal(mut batch: Batch, settings: &Settings) -> Batch {
    let shard = batch.id.shard();
    if batch.seal() {
        store::batch::update(shard, &[&batch], settings.now);
        store::batch::changed(shard, &[(batch.id.clone(), "seal")], settings);
        if let Some(now) = store::batch::lock(shard, &[&batch.id]).pop() {
            return now;
        }
    }
    batch
}

/// Writes a batch, or finds the one that has its key, and has the parent wait.
fn create(environment: &Environment, asked: &Asked<'_>) -> Result<(Batch, bool), Refusal> {
    isolation::check()?;
    let settings = api::settings(api::now());
    let parent = match &asked.parent_run_id {
        Some(run_id) => Some(parent(environment, run_id, asked.resume_parent)?),
        None => None,
    };
    let (id, is_cached) = write(environment, asked, &settings)?;
    if let Some(Some(parent)) = parent {
        wait(environment, &parent, &id, asked.caller, &settings)?;
    }
    Ok((lock(&id)?, is_cached))
}

/// The parent of a batch; one that is to wait is locked.
fn parent(
    environment: &Environment,
    run_id: &RunId,
    resume_parent: bool,
) -> Result<Option<Run>, Refusal> {
    let unknown = || Refusal::UnknownRun {
        run_id: run_id.clone(),
    };
    if run_id.shard() != environment.shard {
        return Err(Refusal::other_shard());
    }
    if resume_parent {
        return store::run::lock(run_id).map(Some).ok_or_else(unknown);
    }
    if store::run::existing(&[run_id]).is_empty() {
        Err(unknown())
    } else {
        Ok(None)
    }
}

/// Writes a batch, or finds the one that has its key.
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

/// Has a locked run wait for a batch and for all the runs that this has already. A batch gets its waitpoint when somebody first
/// waits for it.
fn wait(
    environment: &Environment,
    parent: &Run,
    id: &BatchId,
    caller: Caller<'_>,
    settings: &Settings,
) -> Result<(), Refusal> {
    let own = store::batch::waitpoints(id);
    if own.iter().all(|(_, place)| place.is_some()) {
        let batch = lock(id)?;
        let waitpoint_id = mint::waitpoint_id(environment.shard);
        let minted = Minted {
            id: &waitpoint_id,
            environment_id: &environment.id,
            of: Of::Batch(id),
            output: batch.output(),
        };
        store::waitpoint::insert(environment.shard, &[minted], settings.now);
    }
    let wait = Wait {
        waitpoints: store::batch::waitpoints(id),
        batch_id: Some(id),
        timeout_at: None,
        span_id: None,
    };
    block(parent, &wait, caller, settings).map(|_| ())
}
