//! Bells: a waiting dequeue sleeps until a commit queues a run for it. They are in shared memory, so only where the library
//! is preloaded; elsewhere, and for a run that becomes due without a commit, a dequeue polls.
//!
//! No wake-up is lost between a look and the sleep: a waiter records that it waits *before* it looks, and a session that
//! queues a run rings *after* its commit, once others see the settings that it has changed. So either the look sees the run,
//! or the ringer sees the waiter.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::c_int;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use pgrx::{PgAtomic, pg_guard, pg_shmem_init, pg_sys};

use super::at_end::{self, Order};
use super::cell::is_available;

/// Processes that can wait for a bell; those with greater numbers poll.
const PROCESSES: usize = 4096;

/// By the number of a process: the bell that it waits for, or 0.
// SAFETY: the name is this library's own.
static WAITING: PgAtomic<[AtomicU64; PROCESSES]> = unsafe { PgAtomic::new(c"engine_waiting") };

/// By the number of a process: what it looks for when it looks, or what it last looked for.
// SAFETY: as above.
static LOOKING: PgAtomic<[AtomicU64; PROCESSES]> = unsafe { PgAtomic::new(c"engine_looking") };

/// By the number of a process: the address of its latch, which is the same in every process.
// SAFETY: as above.
static LATCHES: PgAtomic<[AtomicUsize; PROCESSES]> = unsafe { PgAtomic::new(c"engine_latches") };

/// One more than the greatest number of a process that ever waited.
// SAFETY: as above.
static END: PgAtomic<AtomicUsize> = unsafe { PgAtomic::new(c"engine_waiting_end") };

/// Whether this process tidies up when it ends.
static IS_TIDIED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static LISTENING: Cell<Option<Listening>> = const { Cell::new(None) };

    /// How often the bells of each kind of run ring once this transaction commits.
    static PENDING: RefCell<BTreeMap<Bells, usize>> = const { RefCell::new(BTreeMap::new()) };
}

/// Requests the memory, while libraries are preloaded.
pub(super) fn request() {
    pg_shmem_init!(WAITING = [const { AtomicU64::new(0) }; PROCESSES]);
    pg_shmem_init!(LOOKING = [const { AtomicU64::new(0) }; PROCESSES]);
    pg_shmem_init!(LATCHES = [const { AtomicUsize::new(0) }; PROCESSES]);
    pg_shmem_init!(END = AtomicUsize::new(0));
}

/// The bells that ring for a run: the one of its environment, and the one of all.
type Bells = [u64; 2];

/// This process, while it waits for the bell of a worker queue.
pub(crate) struct Listener(());

/// What a process listens for.
#[derive(Clone, Copy)]
struct Listening {
    process: usize,
    bell: u64,
    /// The runs that it looks for.
    filter: u64,
    /// Whether the bell has rung for it, and it has not looked since.
    is_woken: bool,
}

impl Listener {
    /// Begins to listen for runs of a worker queue, and of an environment or all, that match `filter`; `None` if there are no
    /// bells.
    pub(crate) fn new(
        worker_queue: &str,
        environment_id: Option<&str>,
        filter: &impl Hash,
    ) -> Option<Self> {
        let process = process_number();
        if !is_available() || process >= PROCESSES {
            return None;
        }
        if !IS_TIDIED.swap(true, Ordering::Relaxed) {
            // SAFETY: a function pointer of this process, which stays valid. It is called once the transaction has ended.
            unsafe { pg_sys::on_shmem_exit(Some(process_ends), pg_sys::Datum::from(0)) };
        }
        // SAFETY: the latch of this process.
        let latch = unsafe { pg_sys::MyLatch };
        let bell = bell(worker_queue, environment_id);
        let filter = filter_of(bell, filter);
        LISTENING.set(Some(Listening {
            process,
            bell,
            filter,
            is_woken: false,
        }));
        LATCHES.get()[process].store(latch.expose_provenance(), Ordering::SeqCst);
        LOOKING.get()[process].store(filter, Ordering::SeqCst);
        WAITING.get()[process].store(bell, Ordering::SeqCst);
        END.get().fetch_max(process + 1, Ordering::SeqCst);
        Some(Self(()))
    }

    /// Listens, again if the bell has rung. Look for runs after this, then sleep.
    #[expect(clippy::unused_self, reason = "only a listener can listen again")]
    pub(crate) fn listen(&self) {
        change_listening(|listening| {
            let process = &WAITING.get()[listening.process];
            listening.is_woken |= process.swap(listening.bell, Ordering::SeqCst) == 0;
        });
    }

    /// Whether the bell has rung since this process listened.
    #[expect(clippy::unused_self, reason = "it rings only for a listener")]
    pub(crate) fn has_rung(&self) -> bool {
        LISTENING.get().is_some_and(|listening| {
            WAITING.get()[listening.process].load(Ordering::SeqCst) != listening.bell
        })
    }

    /// Number of processes that wait for the same runs, including this one.
    #[expect(clippy::unused_self, reason = "the listener is one of them")]
    pub(crate) fn waiting_alike(&self) -> usize {
        let Some(own) = LISTENING.get() else {
            return 0;
        };
        let end = END.get().load(Ordering::Relaxed);
        let waiting = WAITING.get()[..end].iter().zip(LOOKING.get());
        waiting
            .filter(|(bell, filter)| {
                bell.load(Ordering::Relaxed) == own.bell
                    && filter.load(Ordering::Relaxed) == own.filter
            })
            .count()
    }

    /// Records that this process has looked: it has seen what it was woken for.
    #[expect(clippy::unused_self, reason = "only a listener is woken")]
    pub(crate) fn has_looked(&self) {
        change_listening(|listening| listening.is_woken = false);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        stop_listening();
    }
}

fn change_listening(change: impl FnOnce(&mut Listening)) {
    if let Some(mut listening) = LISTENING.get() {
        change(&mut listening);
        LISTENING.set(Some(listening));
    }
}

/// A woken process that stops looking, since it has found a run, was cancelled, or ends, wakes another one.
fn stop_listening() {
    if let Some(listening) = LISTENING.take() {
        let waited_for = WAITING.get()[listening.process].swap(0, Ordering::SeqCst);
        if waited_for == 0 || listening.is_woken {
            ring([listening.bell; 2], 1);
        }
    }
}

/// The listener of a session that is terminated while it waits is never dropped.
#[pg_guard]
unsafe extern "C-unwind" fn process_ends(_code: c_int, _argument: pg_sys::Datum) {
    stop_listening();
}

/// Wakes one process that waits for runs of a worker queue and an environment, once this transaction commits.
pub(crate) fn ring_at_commit(worker_queue: &str, environment_id: &str) {
    ring_times_at_commit(worker_queue, environment_id, 1);
}

/// Wakes up to `times` processes that wait for runs of a worker queue and an environment, once this transaction commits.
pub(crate) fn ring_times_at_commit(worker_queue: &str, environment_id: &str, times: usize) {
    if !is_available() {
        return;
    }
    at_end::call(Order::ForgetBells, transaction_ends);
    at_end::call_once_seen(ring_pending);
    let bells = [
        bell(worker_queue, Some(environment_id)),
        bell(worker_queue, None),
    ];
    PENDING.with_borrow_mut(|pending| *pending.entry(bells).or_default() += times);
}

/// Forgets the pending bells of a transaction that does not commit here.
fn transaction_ends(event: pg_sys::XactEvent::Type) {
    match event {
        // The session that commits a prepared transaction cannot ring for it.
        pg_sys::XactEvent::XACT_EVENT_ABORT | pg_sys::XactEvent::XACT_EVENT_PREPARE => {
            PENDING.take();
        }
        _ => {}
    }
}

/// Rings the pending bells. Runs that were queued and then taken back ring, too: a process woken without a run continues
/// waiting.
fn ring_pending() {
    for (bells, times) in PENDING.take() {
        ring(bells, times);
    }
}

/// Wakes up to `times` processes that wait for one of these bells.
fn ring(bells: Bells, mut times: usize) {
    let end = END.get().load(Ordering::SeqCst);
    let waiting = WAITING.get()[..end].iter().zip(LATCHES.get());
    for (waits_for, latch) in waiting {
        if times == 0 {
            return;
        }
        let stops_waiting = |bell| {
            waits_for
                .compare_exchange(bell, 0, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
        };
        if bells.into_iter().any(stops_waiting) {
            let latch = ptr::with_exposed_provenance_mut(latch.load(Ordering::SeqCst));
            // SAFETY: latches stay in shared memory. Setting that of a process that has ended since is harmless.
            unsafe { pg_sys::SetLatch(latch) };
            times -= 1;
        }
    }
}

/// The bell for runs of a worker queue of this database, and of an environment or all; never 0.
fn bell(worker_queue: &str, environment_id: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    // SAFETY: a plain value of this process.
    unsafe { pg_sys::MyDatabaseId }.hash(&mut hasher);
    (worker_queue, environment_id).hash(&mut hasher);
    hasher.finish().max(1)
}

/// Identifies processes that look for the same runs.
fn filter_of(bell: u64, filter: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    bell.hash(&mut hasher);
    filter.hash(&mut hasher);
    hasher.finish()
}

/// The number of this process among those of the server.
fn process_number() -> usize {
    #[cfg(any(feature = "pg17", feature = "pg18"))]
    // SAFETY: a plain value of this process.
    let number = unsafe { pg_sys::MyProcNumber };
    #[cfg(not(any(feature = "pg17", feature = "pg18")))]
    // SAFETY: a process that executes a statement has an entry.
    let number = unsafe { (*pg_sys::MyProc).pgprocno };
    usize::try_from(number).unwrap_or(PROCESSES)
}
