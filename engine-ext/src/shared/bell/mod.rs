//! Bells: a waiting dequeue sleeps until a commit queues a run for it. They are in shared memory, so only where the library
//! is preloaded; elsewhere, and for a run that becomes due without a commit, a dequeue polls.
//!
//! No wake-up is lost between a look and the sleep: a waiter records that it waits *before* it looks, and a session that
//! queues a run rings *after* its commit, once others see the settings that it has changed. So either the look sees the run,
//! or the ringer sees the waiter.

#![allow(unsafe_code)]

mod ring;

use std::cell::Cell;
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use pgrx::{PgAtomic, pg_guard, pg_shmem_init, pg_sys};

use self::ring::{Kind, ONE_OF_EACH, bell, ring, version_of};
pub(crate) use self::ring::{Takers, ring_all_at_commit, ring_at_commit, ring_times_at_commit};
use super::cell::is_available;

/// Processes that can wait for a bell; those with greater numbers poll.
const PROCESSES: usize = 4096;

/// By the number of a process: the bell that it waits for, or 0.
// SAFETY: the name is this library's own.
static WAITING: PgAtomic<[AtomicU64; PROCESSES]> = unsafe { PgAtomic::new(c"engine_waiting") };

/// By the number of a process: the version that it states when it looks, or stated when it last looked.
// SAFETY: as above.
static VERSIONS: PgAtomic<[AtomicU64; PROCESSES]> = unsafe { PgAtomic::new(c"engine_versions") };

/// By the number of a process: for which runs its bell has rung last, the bell of their environment and their version. A
/// ringer writes it right after it has rung.
// SAFETY: as above.
static RUNG_FOR: PgAtomic<[[AtomicU64; 2]; PROCESSES]> =
    unsafe { PgAtomic::new(c"engine_rung_for") };

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
}

/// Requests the memory, while libraries are preloaded.
pub(super) fn request() {
    pg_shmem_init!(WAITING = [const { AtomicU64::new(0) }; PROCESSES]);
    pg_shmem_init!(VERSIONS = [const { AtomicU64::new(0) }; PROCESSES]);
    pg_shmem_init!(RUNG_FOR = [const { [const { AtomicU64::new(0) }; 2] }; PROCESSES]);
    pg_shmem_init!(LATCHES = [const { AtomicUsize::new(0) }; PROCESSES]);
    pg_shmem_init!(END = AtomicUsize::new(0));
}

/// This process, while it waits for the bell of a worker queue.
pub(crate) struct Listener(());

/// What a process listens for.
#[derive(Clone, Copy)]
struct Listening {
    process: usize,
    bell: u64,
    /// The bell of all environments of the worker queue.
    of_all: u64,
    /// The version that it states.
    version: u64,
    /// The runs for which the bell has rung, unless it has looked since.
    woken_for: Option<Kind>,
}

impl Listening {
    /// The runs for which the bell has rung last. Until the ringer has said so, or if it rings just now, that is not known.
    fn rung_for(self) -> Kind {
        let [environment, version] = &RUNG_FOR.get()[self.process];
        Kind {
            of_environment: match environment.swap(0, Ordering::SeqCst) {
                // Of a bell of one environment it is known.
                0 if self.bell != self.of_all => self.bell,
                environment => environment,
            },
            of_all: self.of_all,
            version: version.swap(ONE_OF_EACH, Ordering::SeqCst),
        }
    }
}

impl Listener {
    /// Begins to listen for runs of a worker queue, of an environment or all, and of a version or all; `None` if there are no
    /// bells.
    pub(crate) fn new(
        worker_queue: &str,
        environment_id: Option<&str>,
        version: Option<&str>,
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
        let listening = Listening {
            process,
            bell,
            of_all: ring::bell(worker_queue, None),
            version: version_of(version),
            woken_for: None,
        };
        LISTENING.set(Some(listening));
        let [_, rung_for] = &RUNG_FOR.get()[process];
        rung_for.store(ONE_OF_EACH, Ordering::SeqCst);
        LATCHES.get()[process].store(latch.expose_provenance(), Ordering::SeqCst);
        VERSIONS.get()[process].store(listening.version, Ordering::SeqCst);
        WAITING.get()[process].store(bell, Ordering::SeqCst);
        END.get().fetch_max(process + 1, Ordering::SeqCst);
        Some(Self(()))
    }

    /// Listens, again if the bell has rung. Look for runs after this, then sleep.
    #[expect(clippy::unused_self, reason = "only a listener can listen again")]
    pub(crate) fn listen(&self) {
        change_listening(|listening| {
            let process = &WAITING.get()[listening.process];
            if process.swap(listening.bell, Ordering::SeqCst) == 0 {
                listening.woken_for = Some(listening.rung_for());
            }
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
        let waiting = WAITING.get()[..end].iter().zip(VERSIONS.get());
        waiting
            .filter(|(bell, version)| {
                bell.load(Ordering::Relaxed) == own.bell
                    && version.load(Ordering::Relaxed) == own.version
            })
            .count()
    }

    /// Records that this process has looked: it has seen what it was woken for.
    #[expect(clippy::unused_self, reason = "only a listener is woken")]
    pub(crate) fn has_looked(&self) {
        change_listening(|listening| listening.woken_for = None);
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

/// A woken process that stops looking, since it has found a run, was cancelled, or ends, wakes another one that takes the
/// same runs.
fn stop_listening() {
    if let Some(listening) = LISTENING.take() {
        let waited_for = WAITING.get()[listening.process].swap(0, Ordering::SeqCst);
        let woken_for = match waited_for {
            0 => Some(listening.rung_for()),
            _ => listening.woken_for,
        };
        if let Some(kind) = woken_for {
            ring(kind, 1);
        }
    }
}

/// The listener of a session that is terminated while it waits is never dropped.
#[pg_guard]
unsafe extern "C-unwind" fn process_ends(_code: c_int, _argument: pg_sys::Datum) {
    stop_listening();
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
