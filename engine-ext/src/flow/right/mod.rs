//! What the present call may do, and where.
//!
//! A call begins with [`enter`], which refuses a caller that has none of the capabilities of its function. One that has them
//! for some environments only sees nothing of the others: their runs, waitpoints and batches do not exist for it.

mod grant;
mod known_run;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use engine_core::{
    BatchId, Capabilities, EVERYWHERE, Refusal, Rights, RunFilter, RunId, Scope, WaitpointId,
    is_of_the_database,
};
use pgrx::pg_sys;

use crate::backend::{cache, caller, isolation};
use crate::{flow, store, version};

pub(crate) use self::grant::{Grantee, grant, revoke};

/// Caller, owner and capabilities of a call: they determine its scope.
type Key = (pg_sys::Oid, pg_sys::Oid, Capabilities);

/// The scopes known so far, as of one generation of the settings, which include the grants, and one of the roles.
#[derive(Default)]
struct Known {
    generation: (u64, u64),
    scopes: HashMap<Key, Option<Rc<Scope>>>,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();

    /// The scope of the latest call.
    static SCOPE: RefCell<Option<(Key, Rc<Scope>)>> = const { RefCell::new(None) };
}

/// Begins a call.
///
/// # Errors
/// [`Refusal::NotGranted`] (`42501`); [`Refusal::VersionMismatch`] (`RE007`) if the catalog is not of this release.
pub(crate) fn enter() -> Result<(), Refusal> {
    known_run::begin();
    let call = caller::call().ok_or_else(version::mismatch)?;
    match scope(call) {
        Some(scope) if *scope != Scope::Everywhere && is_of_the_database(call.routine) => {
            Err(not_granted(Some(EVERYWHERE)))
        }
        Some(scope) => {
            SCOPE.set(Some((key(call), scope)));
            Ok(())
        }
        None => Err(not_granted(None)),
    }
}

/// The scope of the present call. A trigger that it has fired may have made other calls since it began.
fn present() -> Rc<Scope> {
    let nowhere = || Rc::new(Scope::In(BTreeSet::new()));
    let Some(call) = caller::call() else {
        return nowhere();
    };
    SCOPE.with_borrow_mut(|last| match last {
        Some((of, scope)) if *of == key(call) => Rc::clone(scope),
        _ => {
            let scope = scope(call).unwrap_or_else(nowhere);
            *last = Some((key(call), Rc::clone(&scope)));
            scope
        }
    })
}

fn key(call: caller::Call) -> Key {
    (call.role, call.owner, call.capabilities)
}

fn scope(call: caller::Call) -> Option<Rc<Scope>> {
    let generation = (cache::generation(), cache::role_generation());
    let key = key(call);
    let known = KNOWN.with_borrow(|known| {
        if known.generation == generation {
            known.scopes.get(&key).cloned()
        } else {
            None
        }
    });
    known.unwrap_or_else(|| {
        let scope = read(call).scope(call.capabilities).map(Rc::new);
        if !isolation::sees_commits() {
            return scope;
        }
        // The generation is that from before the read: if it has changed in between, the next call reads again.
        KNOWN.with_borrow_mut(|known| {
            if known.generation != generation {
                (known.generation, known.scopes) = (generation, HashMap::new());
            }
            known.scopes.insert(key, scope.clone());
        });
        scope
    })
}

fn read(call: caller::Call) -> Rights {
    if call.is_by_owner() {
        return Rights {
            is_owner: true,
            grants: Vec::new(),
        };
    }
    Rights {
        is_owner: false,
        grants: store::grant::held_by(call.role),
    }
}

fn not_granted(environment_id: Option<&str>) -> Refusal {
    match caller::call() {
        Some(call) => Refusal::NotGranted {
            routine: call.routine,
            role: call.role_name(),
            capabilities: call.capabilities,
            environment_id: environment_id.map(str::to_owned),
        },
        None => version::mismatch(),
    }
}

/// Whether the present call may act in this environment.
pub(crate) fn allows(environment_id: &str) -> bool {
    present().allows(environment_id)
}

/// The environments in which the present call may act, if they are not all.
pub(crate) fn environments() -> Option<Vec<String>> {
    match &*present() {
        Scope::Everywhere => None,
        Scope::In(environments) => Some(environments.iter().cloned().collect()),
    }
}

/// Refuses an environment that the caller names, whether it exists or not.
///
/// # Errors
/// [`Refusal::NotGranted`] (`42501`).
pub(crate) fn environment(id: &str) -> Result<(), Refusal> {
    if allows(id) {
        return Ok(());
    }
    Err(not_granted(Some(id)))
}

/// Refuses an environment that the caller names, or all of them if it names none.
///
/// # Errors
/// [`Refusal::NotGranted`] (`42501`).
pub(crate) fn environment_or_all(id: Option<&str>) -> Result<(), Refusal> {
    match (id, &*present()) {
        (Some(id), _) => environment(id),
        (None, Scope::Everywhere) => Ok(()),
        (None, Scope::In(_)) => Err(not_granted(Some(EVERYWHERE))),
    }
}

/// Refuses a filter that names an environment in which the call may not act, or something whose shard is not here.
///
/// # Errors
/// [`Refusal::NotGranted`] (`42501`), and those of [`flow::shard::check`].
pub(crate) fn filter(filter: &RunFilter) -> Result<(), Refusal> {
    for id in filter.environment_ids.iter().flatten() {
        environment(id)?;
        flow::shard::check_environment(id)?;
    }
    let runs = filter.run_ids.iter().flatten().chain(&filter.parent_run_id);
    let of_runs = runs.map(RunId::shard);
    let of_batch = filter.batch_id.iter().map(BatchId::shard);
    of_runs.chain(of_batch).try_for_each(flow::shard::check)
}

/// The runs among these that are of environments in which the call may not act.
pub(crate) fn foreign_runs<'a>(ids: impl IntoIterator<Item = &'a RunId>) -> BTreeSet<RunId> {
    let scope = present();
    if *scope == Scope::Everywhere {
        return BTreeSet::new();
    }
    let ids: Vec<&RunId> = ids.into_iter().collect();
    if ids.is_empty() {
        return BTreeSet::new();
    }
    let foreign = known_run::foreign(&ids, |environment_id| scope.allows(environment_id));
    foreign.into_iter().cloned().collect()
}

/// Notes runs that the present call has dequeued, each with its environment: calls about them follow.
pub(crate) fn note_dequeued<'a>(runs: impl Iterator<Item = (&'a RunId, &'a str)>) {
    if *present() != Scope::Everywhere {
        known_run::note_dequeued(runs);
    }
}

/// Whether a run is of an environment in which the call may not act.
pub(crate) fn is_foreign_run(id: &RunId) -> bool {
    !foreign_runs([id]).is_empty()
}

/// The runs among these about which the call may not be, and why: their shard is not here, or they are of environments in which
/// the call may not act.
pub(crate) fn refused_runs<'a>(
    ids: impl Iterator<Item = &'a RunId> + Clone,
) -> BTreeMap<RunId, Refusal> {
    let foreign = foreign_runs(ids.clone()).into_iter();
    let unknown = |run_id: RunId| (run_id.clone(), Refusal::UnknownRun { run_id });
    let mut refused: BTreeMap<RunId, Refusal> = foreign.map(unknown).collect();
    refused.extend(ids.filter_map(|id| {
        let refusal = flow::shard::check(id.shard()).err()?;
        Some((id.clone(), refusal))
    }));
    refused
}

/// Refuses a run whose shard is not here, and one of another environment as one that does not exist.
///
/// # Errors
/// Those of [`flow::shard::check`], [`Refusal::UnknownRun`] (`RE001`).
pub(crate) fn run(id: &RunId) -> Result<(), Refusal> {
    flow::shard::check(id.shard())?;
    if is_foreign_run(id) {
        return Err(Refusal::UnknownRun { run_id: id.clone() });
    }
    Ok(())
}

/// Whether a waitpoint is of an environment in which the call may not act.
pub(crate) fn is_foreign_waitpoint(id: &WaitpointId) -> bool {
    environments().is_some() && store::waitpoint::environment(id).is_some_and(|id| !allows(&id))
}

/// Whether a batch is of an environment in which the call may not act.
pub(crate) fn is_foreign_batch(id: &BatchId) -> bool {
    environments().is_some() && store::batch::environment(id).is_some_and(|id| !allows(&id))
}

/// Refuses a waitpoint whose shard is not here, and one of another environment as one that does not exist.
///
/// # Errors
/// Those of [`flow::shard::check`], [`Refusal::UnknownWaitpoint`] (`RE010`).
pub(crate) fn waitpoint(id: &WaitpointId) -> Result<(), Refusal> {
    flow::shard::check(id.shard())?;
    if is_foreign_waitpoint(id) {
        return Err(Refusal::UnknownWaitpoint {
            waitpoint_id: id.clone(),
        });
    }
    Ok(())
}

/// Refuses a batch whose shard is not here, and one of another environment as one that does not exist.
///
/// # Errors
/// Those of [`flow::shard::check`], [`Refusal::UnknownBatch`] (`RE011`).
pub(crate) fn batch(id: &BatchId) -> Result<(), Refusal> {
    flow::shard::check(id.shard())?;
    if is_foreign_batch(id) {
        return Err(Refusal::UnknownBatch {
            batch_id: id.clone(),
        });
    }
    Ok(())
}
