//! Slots that dequeues are about to take, where an environment has a limit. They are in shared memory, so only where the
//! library is preloaded; elsewhere such a dequeue holds the environment's mutex exclusively, until its commit is on disk.
//!
//! A dequeue first adds what it wants to the environment's cell, and then counts the held slots, in a later statement. An
//! earlier dequeue is in that count if its transaction has ended, and in the cell if not, since it leaves the cell after its
//! end; a later one finds this one in the cell. So each sees all earlier ones, and takes only what fits beside them. A
//! transaction that is seen twice because it is just ending, or an environment that shares a cell with another, costs only
//! speed: the dequeue gets less, and retries.
//!
//! It need not count each time. The slots held at its last count, plus those taken since, are an upper bound: while even
//! that leaves room, there is room.
//!
//! The tables remain the truth: a server starts with empty cells, and no dequeue under way.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};

use engine_core::{Environment, Refusal};
use pgrx::{PgAtomic, pg_guard, pg_shmem_init, pg_sys};

use super::at_end::{self, Order};
use super::cell::{CELLS, cell};
use crate::backend::{cache, has_written};
use crate::error::OrRaise;

/// By cell: the slots that running transactions have reserved.
// SAFETY: the name is this library's own.
static RESERVED: PgAtomic<[AtomicI64; CELLS]> = unsafe { PgAtomic::new(c"engine_reserved") };

/// By cell: the slots ever taken by reservation; it only grows.
// SAFETY: as above.
static TAKEN: PgAtomic<[AtomicI64; CELLS]> = unsafe { PgAtomic::new(c"engine_taken") };

thread_local! {
    /// By cell: what this transaction has reserved.
    static OWN: RefCell<BTreeMap<usize, i64>> = const { RefCell::new(BTreeMap::new()) };

    /// By environment: this process's last count.
    static COUNTED: RefCell<HashMap<String, Count>> = RefCell::default();
}

/// One count.
struct Count {
    /// At most this many slots were held, or reserved by others, when `taken` had been taken.
    held: i64,
    taken: i64,
    /// Generation of the settings: when limits change, other slots count.
    generation: u64,
}

/// Requests the memory, while libraries are preloaded.
pub(super) fn request() {
    pg_shmem_init!(RESERVED = [const { AtomicI64::new(0) }; CELLS]);
    pg_shmem_init!(TAKEN = [const { AtomicI64::new(0) }; CELLS]);
}

/// Slots that a dequeue has reserved, until its transaction ends. The environment's mutex is shared meanwhile.
pub(crate) struct Reservation {
    cell: usize,
    slots: i64,
    kept: i64,
    /// What others had reserved before.
    before: i64,
    /// What had been taken before it reserved, and after.
    taken_before: i64,
    taken_after: i64,
}

impl Reservation {
    /// Reserves `slots` of an environment. Count the held slots after this.
    pub(crate) fn reserve(environment_id: &str, slots: i64) -> Self {
        at_end::call(Order::ReleaseReservations, transaction_ends);
        let cell = cell(environment_id);
        let own = add(cell, slots);
        // In this order: a dequeue that takes its slots in between is in at least one of the three.
        let taken_before = TAKEN.get()[cell].load(Ordering::SeqCst);
        let before = RESERVED.get()[cell].fetch_add(slots, Ordering::SeqCst) - own;
        let taken_after = TAKEN.get()[cell].load(Ordering::SeqCst);
        Self {
            cell,
            slots,
            kept: 0,
            before,
            taken_before,
            taken_after,
        }
    }

    /// Whether others had reserved slots before.
    pub(crate) fn has_others(&self) -> bool {
        self.before > 0
    }

    /// An upper bound of the slots that are held, or reserved by others, if one is known without counting.
    pub(crate) fn held_at_most(&self, environment_id: &str) -> Option<i64> {
        COUNTED.with_borrow(|counted| {
            let count = counted.get(environment_id)?;
            let is_current = count.generation == cache::generation();
            is_current.then(|| count.held + (self.taken_after - count.taken) + self.before)
        })
    }

    /// The upper bound after a count that found `held`. It is remembered, but not by a transaction that has written: slots
    /// that it has given back may be held again. Nor before rows are adapted to the limits: another session may be dequeuing
    /// without a reservation.
    pub(crate) fn counted(&self, environment: &Environment, held: i64) -> i64 {
        let held = held + self.before;
        if has_written() || !environment.is_fitted {
            return held;
        }
        let count = Count {
            held,
            taken: self.taken_before,
            generation: cache::generation(),
        };
        COUNTED.with_borrow_mut(|counted| counted.insert(environment.id.clone(), count));
        held
    }

    /// Gives back at once what exceeds `slots`.
    pub(crate) fn narrow(&mut self, slots: i64) {
        let rest = self.slots - slots;
        self.slots = slots;
        add(self.cell, -rest);
        RESERVED.get()[self.cell].fetch_sub(rest, Ordering::SeqCst);
    }

    /// Keeps what was taken until the transaction ends.
    pub(crate) fn keep(mut self, taken: i64) {
        TAKEN.get()[self.cell].fetch_add(taken, Ordering::SeqCst);
        self.kept = taken;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.narrow(self.kept);
    }
}

/// Adds to what this transaction has reserved; returns what it had before.
fn add(cell: usize, slots: i64) -> i64 {
    OWN.with_borrow_mut(|own| {
        let mine = own.entry(cell).or_default();
        let before = *mine;
        *mine += slots;
        before
    })
}

/// Gives everything back once the transaction has ended: sessions that count from then on see its commit.
fn transaction_ends(event: pg_sys::XactEvent::Type) {
    match event {
        pg_sys::XactEvent::XACT_EVENT_COMMIT | pg_sys::XactEvent::XACT_EVENT_ABORT => {
            for (cell, slots) in OWN.take() {
                RESERVED.get()[cell].fetch_sub(slots, Ordering::SeqCst);
            }
        }
        pg_sys::XactEvent::XACT_EVENT_PRE_PREPARE => check_none().or_raise(),
        _ => {}
    }
}

/// Refuses to prepare a transaction that has reserved slots: they would be in no count and in no cell.
fn check_none() -> Result<(), Refusal> {
    match OWN.with_borrow(|own| own.values().sum()) {
        0 => Ok(()),
        slots => Err(Refusal::ReservesSlots { slots }),
    }
}
