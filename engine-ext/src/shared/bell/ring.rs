//! What rings: commits that queue runs, and sessions that stop looking before they have seen what they were woken for.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ptr;
use std::sync::atomic::Ordering;

use pgrx::pg_sys;

use super::{END, LATCHES, RUNG_FOR, VERSIONS, WAITING};
use crate::shared::at_end::{self, Order};
use crate::shared::cell::is_available;

thread_local! {
    /// How often the bells ring for each kind of run once this transaction commits.
    static PENDING: RefCell<BTreeMap<Kind, usize>> = const { RefCell::new(BTreeMap::new()) };

    /// Whether all bells ring then.
    static RINGS_ALL: Cell<bool> = const { Cell::new(false) };
}

/// Which sessions take a run, by the version that they state when they ask.
#[derive(Clone, Copy)]
pub(crate) enum Takers<'a> {
    /// All: the run is bound to no version.
    All,
    /// Those of one version, and those that state none.
    Of(&'a str),
    /// It is not known which run it is: one session of each version looks.
    OneOfEach,
}

/// Runs that the same sessions take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    /// The bell of their worker queue and environment; 0 if the environment is not known.
    pub(super) of_environment: u64,
    /// The bell of their worker queue, for sessions that look in all environments.
    pub(super) of_all: u64,
    /// [`ALL`], [`ONE_OF_EACH`], or the version's.
    pub(super) version: u64,
}

/// Stands for sessions of all versions; also that of a session that states none.
pub(super) const ALL: u64 = 0;

/// Stands for one session of each version.
pub(super) const ONE_OF_EACH: u64 = u64::MAX;

/// Wakes one session that waits for runs of a worker queue and an environment, once this transaction commits.
pub(crate) fn ring_at_commit(worker_queue: &str, environment_id: &str, takers: Takers<'_>) {
    ring_times_at_commit(worker_queue, environment_id, takers, 1);
}

/// Wakes up to `times` sessions that wait for runs of a worker queue and an environment, once this transaction commits.
pub(crate) fn ring_times_at_commit(
    worker_queue: &str,
    environment_id: &str,
    takers: Takers<'_>,
    times: usize,
) {
    if !rings_at_commit() {
        return;
    }
    let kind = Kind {
        of_environment: bell(worker_queue, Some(environment_id)),
        of_all: bell(worker_queue, None),
        version: match takers {
            Takers::All => ALL,
            Takers::Of(version) => version_of(Some(version)),
            Takers::OneOfEach => ONE_OF_EACH,
        },
    };
    PENDING.with_borrow_mut(|pending| *pending.entry(kind).or_default() += times);
}

/// Wakes every session that waits for runs once this transaction commits, those of other databases as well: they look again.
pub(crate) fn ring_all_at_commit() {
    RINGS_ALL.set(rings_at_commit());
}

/// Makes the pending bells ring once this transaction commits; returns whether there are bells.
fn rings_at_commit() -> bool {
    if !is_available() {
        return false;
    }
    at_end::call(Order::ForgetBells, transaction_ends);
    at_end::call_once_seen(ring_pending);
    true
}

/// Forgets the pending bells of a transaction that does not commit here.
fn transaction_ends(event: pg_sys::XactEvent::Type) {
    match event {
        // The session that commits a prepared transaction cannot ring for it.
        pg_sys::XactEvent::XACT_EVENT_ABORT | pg_sys::XactEvent::XACT_EVENT_PREPARE => {
            PENDING.take();
            RINGS_ALL.set(false);
        }
        _ => {}
    }
}

/// Rings the pending bells. Runs that were queued and then taken back ring, too: a process woken without a run continues
/// waiting.
fn ring_pending() {
    for (kind, times) in PENDING.take() {
        ring(kind, times);
    }
    if RINGS_ALL.take() {
        ring_all();
    }
}

/// Wakes every process that waits.
fn ring_all() {
    let end = END.get().load(Ordering::SeqCst);
    for (process, waits_for) in WAITING.get()[..end].iter().enumerate() {
        if waits_for.swap(0, Ordering::SeqCst) != 0 {
            set_latch(process);
        }
    }
}

fn set_latch(process: usize) {
    let latch = ptr::with_exposed_provenance_mut(LATCHES.get()[process].load(Ordering::SeqCst));
    // SAFETY: latches stay in shared memory. Setting that of a process that has ended since is harmless.
    unsafe { pg_sys::SetLatch(latch) };
}

/// Wakes up to `times` processes that take such runs; if it is not known which version takes them, up to `times` of each.
pub(super) fn ring(kind: Kind, times: usize) {
    let end = END.get().load(Ordering::SeqCst);
    let mut left = BTreeMap::new();
    for process in 0..end {
        let version = VERSIONS.get()[process].load(Ordering::SeqCst);
        let (takes, counted_as) = match kind.version {
            ALL => (true, ALL),
            ONE_OF_EACH => (true, version),
            bound => (version == ALL || version == bound, bound),
        };
        let left = left.entry(counted_as).or_insert(times);
        if takes && *left > 0 && wake(process, kind) {
            // It may have begun to wait for another version since, and then there is no run for it.
            if VERSIONS.get()[process].load(Ordering::SeqCst) == version {
                *left -= 1;
            }
        }
        if *left == 0 && kind.version != ONE_OF_EACH {
            return;
        }
    }
}

/// Wakes a process if it waits for one of these bells.
fn wake(process: usize, kind: Kind) -> bool {
    let waits_for = &WAITING.get()[process];
    let stops_waiting = |bell: u64| {
        bell != 0
            && waits_for
                .compare_exchange(bell, 0, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
    };
    if !stops_waiting(kind.of_environment) && !stops_waiting(kind.of_all) {
        return false;
    }
    let [environment, version] = &RUNG_FOR.get()[process];
    environment.store(kind.of_environment, Ordering::SeqCst);
    version.store(kind.version, Ordering::SeqCst);
    set_latch(process);
    true
}

/// The bell for runs of a worker queue of this database, and of an environment or all; never 0.
pub(super) fn bell(worker_queue: &str, environment_id: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    // SAFETY: a plain value of this process.
    unsafe { pg_sys::MyDatabaseId }.hash(&mut hasher);
    (worker_queue, environment_id).hash(&mut hasher);
    hasher.finish().max(1)
}

/// Stands for the sessions that state this version, or none.
pub(super) fn version_of(version: Option<&str>) -> u64 {
    let Some(version) = version else {
        return ALL;
    };
    let mut hasher = DefaultHasher::new();
    version.hash(&mut hasher);
    hasher.finish().clamp(1, ONE_OF_EACH - 1)
}
