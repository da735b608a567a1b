//! Environments that are at their limits. A session that found one full does not look at it again until a slot is given back
//! or its limit changes, so its backlog costs dequeues of other environments nothing. This is known through shared memory,
//! so only where the library is preloaded; elsewhere each dequeue counts again.
//!
//! Nothing is missed: the number of slots given back is read *before* the slots are counted, and grows *after* the commit
//! that gives one back. So either the count sees the slot free, or the number differs at the next look.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

use engine_core::Timestamp;
use pgrx::{PgAtomic, pg_guard, pg_shmem_init, pg_sys};

use super::at_end::{self, Order};
use super::cell::{CELLS, cell, is_available};
use crate::backend::{cache, has_written};

/// After this time a session counts again anyway: the session that commits a prepared transaction cannot update the cell.
const VALID_MS: i64 = 1_000;

/// By cell: how often committed transactions gave slots back.
// SAFETY: the name is this library's own.
static GIVEN_BACK: PgAtomic<[AtomicU64; CELLS]> = unsafe { PgAtomic::new(c"engine_given_back") };

thread_local! {
    /// Cells whose slots this transaction gives back.
    static PENDING: RefCell<BTreeSet<usize>> = const { RefCell::new(BTreeSet::new()) };

    /// Environments that this process found full.
    static FULL: RefCell<HashMap<String, Look>> = RefCell::default();
}

/// The state of an environment when it was looked at.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    given_back: u64,
    /// Generation of the settings: when limits change, slots may be free.
    generation: u64,
    at: Timestamp,
}

impl Look {
    /// A look at an environment. Count its slots after this.
    pub(crate) fn now(environment_id: &str, now: Timestamp) -> Option<Self> {
        is_available().then(|| Self {
            given_back: GIVEN_BACK.get()[cell(environment_id)].load(Ordering::SeqCst),
            generation: cache::generation(),
            at: now,
        })
    }

    /// Remembers that it found the environment full; but not for a transaction that has written: its own slots may never be
    /// held.
    pub(crate) fn found_full(self, environment_id: &str) {
        if !has_written() {
            FULL.with_borrow_mut(|full| full.insert(environment_id.to_owned(), self));
        }
    }

    /// Whether nothing has changed since `earlier`.
    fn is_as(&self, earlier: &Self) -> bool {
        let age = self.at.ms_since(earlier.at);
        (self.given_back, self.generation) == (earlier.given_back, earlier.generation)
            && (0..VALID_MS).contains(&age)
    }
}

/// Whether an environment is still as full as this backend found it; not for a transaction that has written: it may itself
/// have given slots back.
pub(crate) fn is_full(environment_id: &str, now: Timestamp) -> bool {
    let earlier = FULL.with_borrow(|full| full.get(environment_id).copied());
    match (earlier, Look::now(environment_id, now)) {
        (Some(earlier), Some(look)) => look.is_as(&earlier) && !has_written(),
        _ => false,
    }
}

/// Notifies all sessions, once this transaction commits, that a slot of an environment was given back.
pub(crate) fn give_back_at_commit(environment_id: &str) {
    if is_available() {
        at_end::call(Order::AnnounceFreeSlots, transaction_ends);
        PENDING.with_borrow_mut(|pending| pending.insert(cell(environment_id)));
    }
}

fn transaction_ends(event: pg_sys::XactEvent::Type) {
    match event {
        pg_sys::XactEvent::XACT_EVENT_COMMIT => {
            for cell in PENDING.take() {
                GIVEN_BACK.get()[cell].fetch_add(1, Ordering::SeqCst);
            }
        }
        pg_sys::XactEvent::XACT_EVENT_ABORT | pg_sys::XactEvent::XACT_EVENT_PREPARE => {
            PENDING.take();
        }
        _ => {}
    }
}

/// Requests the memory, while libraries are preloaded.
pub(super) fn request() {
    pg_shmem_init!(GIVEN_BACK = [const { AtomicU64::new(0) }; CELLS]);
}
