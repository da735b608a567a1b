//! Registrations of worker versions.

use engine_core::{Environment, Registration};
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::document::JsonB;
use crate::error::{OrRaise, required};
use crate::flow::setting::worker::Registered;
use crate::{api, flow, guc};

entries!(engine_register_worker, engine_promote_worker);

row! {
    /// A version of a worker.
    WorkerRow {
        environment_id: String,
        version: String,
        is_current: bool,
        promoted_runs: i32,
    }
}

/// Registers a version of a worker with its tasks and queues, and promotes runs that wait for it.
///
/// `tasks` is an array of objects with an `id`, and optionally `retry`, `machine`, `maxDuration` in seconds and `ttl`, the
/// defaults of their runs; `queues` is an array of objects with a `name`, and optionally a `concurrencyLimit`, which becomes
/// the limit of the queue while it is neither paused nor overridden. A task brings the queue `task/<id>`. The version
/// becomes current unless `promote` is false or a higher one is current; versions are compared part by part, numbers as
/// numbers. In development the version that registered last executes all runs. Registering a version again replaces its
/// tasks and queues. Waits as `engine_set_environment` does.
///
/// # Errors
/// - `22004` without a version.
/// - `22023` for a version of more than 128 characters, an image of more than 1024 bytes, or tasks or queues that cannot be read.
/// - `54000` for tasks or queues of more than `engine.max_payload_bytes`.
/// - `RE005` for an unknown environment.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
/// - `55P03` if another transaction that has set the environment stays open for ten seconds, or for `lock_timeout`; the detail
///   names it.
#[pg_extern(sql = false)]
fn engine_register_worker(
    environment_id: Option<&str>,
    version: Option<&str>,
    tasks: Option<JsonB>,
    queues: Option<JsonB>,
    image: Option<&str>,
    promote: Option<bool>,
) -> Rows<WorkerRow> {
    api::enter_locking().or_raise();
    let id = environment_id.unwrap_or(Environment::DEFAULT_ID);
    flow::right::environment(id).or_raise();
    let version = required("version", version).or_raise();
    let (tasks, queues) = (tasks.map(|json| json.0), queues.map(|json| json.0));
    let limits = guc::trigger_limits();
    let registration = Registration::read(version, tasks.as_ref(), queues.as_ref(), image, &limits);
    let registered =
        flow::setting::worker::register(id, registration.or_raise(), promote.unwrap_or(true));
    Rows::one(row(registered.or_raise()))
}

/// Makes a version of a worker current, whichever is current now, and promotes runs that wait for it.
///
/// This is the way back to an older version. Waits as `engine_set_environment` does.
///
/// # Errors
/// - `RE005` for an unknown environment, `RE013` for a version that has not registered.
/// - `RE005` for an unknown environment, `RE013` for a version that has not registered.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
/// - `55P03` if another transaction that has set the environment stays open for ten seconds, or for `lock_timeout`; the detail
///   names it.
#[pg_extern(sql = false)]
fn engine_promote_worker(environment_id: Option<&str>, version: Option<&str>) -> Rows<WorkerRow> {
    api::enter_locking().or_raise();
    let id = environment_id.unwrap_or(Environment::DEFAULT_ID);
    flow::right::environment(id).or_raise();
    let version = required("version", version).or_raise();
    let promoted = flow::setting::worker::promote(id, version);
    Rows::one(row(promoted.or_raise()))
}

fn row(registered: Registered) -> WorkerRow {
    WorkerRow {
        environment_id: registered.environment_id,
        version: registered.version,
        is_current: registered.is_current,
        promoted_runs: registered.promoted_runs,
    }
}
