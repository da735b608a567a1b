//! The wait that holds nothing: a procedure, since a function cannot release the snapshot of the statement that calls it.

use engine_core::{DequeueRequest, Refusal, Shards};
use pgrx::{pg_extern, pg_sys};

use crate::backend::procedure::Procedure;
use crate::error::OrRaise;
use crate::flow::dequeue::Request;
use crate::flow::dequeue::wait::Wait;
use crate::store::row::Caller;
use crate::{api, backend, guc, store};

/// Longest wait, and the default, milliseconds.
const DEFAULT_WAIT_MS: i32 = 60_000;

/// Waits until a dequeue would return a run, or for `wait_ms` milliseconds, and holds nothing meanwhile.
///
/// Its arguments are those of `engine_dequeue`, which should be called next, whatever ended the wait; another session may be
/// faster then. It commits before it sleeps, so it has no snapshot, no lock and no transaction that others could wait for.
/// It claims nothing: it looks as a dequeue does, within all limits, and rolls that back. Call it as a separate statement:
/// `call engine_wait('main', wait_ms => 60000)`.
///
/// # Errors
/// - `25001` in a transaction block, or in a query of several statements.
/// - `22023` if `wait_ms` is outside 0..=60000.
/// - `RE005` for an unknown environment.
/// - `RE006` where a stricter isolation level than READ COMMITTED is the default.
/// - `RE020`, `RE021` if the shard of the environment is not here, or is being moved. Without an environment the wait ends when a
///   shard is set.
#[pg_extern(sql = false)]
fn engine_wait(
    worker_queue: Option<&str>,
    environment_id: Option<&str>,
    worker_version: Option<&str>,
    wait_ms: Option<i32>,
    call: pg_sys::FunctionCallInfo,
) {
    let procedure = Procedure::begin("engine_wait", call).or_raise();
    let request = procedure.as_owner(|| {
        let request = DequeueRequest::new(1, wait_ms.unwrap_or(DEFAULT_WAIT_MS), guc::max_batch());
        api::enter_locking()
            .and(request)
            .map(|request| (request, store::shard::all()))
            .or_raise()
    });
    if let Some((request, shards)) = request {
        let mut wait = Wait::begin(
            worker_queue.unwrap_or("main"),
            environment_id,
            worker_version,
            request.wait_ms,
        );
        let mut is_tidied = false;
        loop {
            let seen = wait.look(|| {
                procedure.as_owner(|| {
                    look(worker_queue, environment_id, worker_version, &shards).or_raise()
                })
            });
            match seen {
                // The extension was dropped: there is nothing to wait for.
                None => break,
                Some(Seen::Run) => {
                    procedure.roll_back();
                    break;
                }
                Some(Seen::OtherShards) => {
                    procedure.commit();
                    break;
                }
                Some(seen) => {
                    procedure.commit();
                    // There may be runs behind those that were set aside; but a wait never does only that.
                    let looks_again = seen == Seen::Disorder && !is_tidied;
                    is_tidied = looks_again;
                    if !looks_again && !wait.sleep() {
                        break;
                    }
                }
            }
        }
    }
    procedure.end();
}

/// The outcome of a look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// A run that can be dequeued.
    Run,
    /// Runs that could not be dequeued, and were set aside.
    Disorder,
    Nothing,
    /// Nothing, and other shards are served than when the wait began.
    OtherShards,
}

/// Dequeues a run to see whether there is one.
fn look(
    worker_queue: Option<&str>,
    environment_id: Option<&str>,
    worker_version: Option<&str>,
    shards: &Shards,
) -> Result<Seen, Refusal> {
    api::enter_locking()?;
    let from = Request::new(worker_queue, environment_id, worker_version, 1)?.only_looking();
    let (runs, _) = from.dequeue(Caller::default());
    Ok(match runs.is_empty() {
        false => Seen::Run,
        true if backend::has_written() => Seen::Disorder,
        true if from.has_lost(shards)? => Seen::OtherShards,
        true => Seen::Nothing,
    })
}
