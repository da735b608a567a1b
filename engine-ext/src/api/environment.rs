//! Sets environments and queues: limits, pauses.

use engine_core::{
    Environment, EnvironmentChange, LimitChange, PauseChange, QueueChange, Shard, check_name,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::document::JsonB;
use crate::error::{OrRaise, required};
use crate::{api, flow};

entries!(engine_set_environment: engine_set_environment_0_2, engine_set_queue: engine_set_queue_0_2);

row! {
    /// An environment with its settings.
    EnvironmentRow {
        environment_id: String,
        r#type: &'static str,
        concurrency_limit: Option<i32>,
        burst_factor: f64,
        paused: bool,
        archived: bool,
        requires_version: bool,
        max_queue_size: Option<i32>,
        retry: Option<JsonB>,
        shard: i32,
        paused_at: Option<TimestampWithTimeZone>,
        paused_by: Option<String>,
        pause_reason: Option<String>,
    }

    /// A queue with its settings.
    QueueRow {
        name: String,
        environment_id: String,
        concurrency_limit: Option<i32>,
        paused: bool,
        override_limit: Option<i32>,
        max_size: Option<i32>,
        paused_at: Option<TimestampWithTimeZone>,
        paused_by: Option<String>,
        pause_reason: Option<String>,
    }
}

/// Creates or changes an environment, and returns it as it is after the commit.
///
/// What is not given keeps its value; a new environment is PRODUCTION, without limits. `concurrency_limit` is how many of
/// its runs may hold a slot at once, `burst_factor` the factor by which several queues together may exceed that (a single
/// queue never does), `max_queue_size` how many runs of one queue may be queued before triggers are refused; for these NULL
/// means no limit, and -1 keeps the value. `retry` is the retry policy of runs without one of their own or of their task,
/// from their next dequeue on; NULL keeps it, a JSON null or false removes it. `shard` is where a new environment lives,
/// for ever: the last two characters of its ids name it. NULL is shard 0, or the one of `engine.environment_shards` that its
/// name chooses; the environment "default" is on shard 0. Environments that share batches, or wait for each other's runs, need one shard.
/// With `paused`, `reason` says why; it is kept with the role and the time until the environment is resumed. Lowering a limit
/// interrupts nothing. Dequeues
/// that begin after the commit use the new values; those under way end as they began. It waits only for another session that
/// sets the same environment.
///
/// # Errors
/// - `22023` for an unknown type, a limit below -1, a burst factor outside 1..=1000, a `retry` that cannot be read,
///   a shard outside 0..=1295, or another one than that of an environment that exists, a reason without `paused` or of more
///   than 1024 bytes.
/// - `22032` for a `retry` that is too deep, `54000` for one over `engine.max_metadata_bytes`.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
/// - `RE020` if another database serves the shard, `RE021` while it is being moved.
/// - `55P03` if another transaction that has set the environment stays open for ten seconds, or for `lock_timeout`; the detail
///   names it.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn engine_set_environment_0_2(
    environment_id: Option<&str>,
    r#type: Option<String>,
    project_id: Option<String>,
    organization_id: Option<String>,
    concurrency_limit: Option<i32>,
    burst_factor: Option<f64>,
    paused: Option<bool>,
    archived: Option<bool>,
    requires_version: Option<bool>,
    max_queue_size: Option<i32>,
    retry: Option<JsonB>,
    shard: Option<i32>,
    reason: Option<&str>,
) -> Rows<EnvironmentRow> {
    api::enter_locking().or_raise();
    let id = check_name(
        "environment_id",
        required("environment_id", environment_id).or_raise(),
    );
    let id = id.or_raise();
    flow::right::environment(id).or_raise();
    let limit = |parameter, given| LimitChange::read(parameter, given).or_raise();
    let change = EnvironmentChange {
        kind: r#type,
        project_id,
        organization_id,
        concurrency_limit: limit("concurrency_limit", concurrency_limit),
        burst_factor,
        max_queue_size: limit("max_queue_size", max_queue_size),
        pause: PauseChange::read(paused, reason).or_raise(),
        requires_version,
        is_archived: archived,
        retry: retry.map(|retry| retry.0),
        shard: shard
            .map(|shard| Shard::check("shard", shard))
            .transpose()
            .or_raise(),
    };
    let set = flow::setting::environment(id, change).or_raise();
    let is_paused = set.pause.is_some();
    let pause = set.pause.unwrap_or_default();
    Rows::one(EnvironmentRow {
        environment_id: set.id.clone(),
        r#type: set.kind.as_str(),
        concurrency_limit: set.concurrency_limit,
        burst_factor: set.burst_factor,
        paused: is_paused,
        archived: set.is_archived,
        requires_version: set.requires_version,
        max_queue_size: set.max_queue_size,
        retry: set.retry.map(JsonB),
        shard: set.shard.number().into(),
        paused_at: pause.since.map(api::time),
        paused_by: pause.by,
        pause_reason: pause.reason,
    })
}

/// Creates or changes a queue, and returns it as it is after the commit.
///
/// What is not given keeps its value. `concurrency_limit` is how many runs of the queue, or of each of its concurrency keys,
/// may hold a slot at once, 0 for none; `override_limit` replaces it while it is set; `max_size` is how many may be queued
/// before triggers are refused; for these NULL means no limit, and -1 keeps the value. A paused queue accepts new runs, and
/// dequeues skip it; `reason` says why, and is kept with the role and the time until the queue is resumed. Waits as `engine_set_environment` does.
///
/// # Errors
/// - `22023` for a name of more than 128 characters, a limit below -1, a reason without `paused` or of more than 1024 bytes.
/// - `RE005` for an unknown environment.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
/// - `55P03` if another transaction that has set the environment stays open for ten seconds, or for `lock_timeout`; the detail
///   names it.
#[pg_extern(sql = false)]
fn engine_set_queue_0_2(
    name: Option<&str>,
    environment_id: Option<&str>,
    concurrency_limit: Option<i32>,
    paused: Option<bool>,
    override_limit: Option<i32>,
    max_size: Option<i32>,
    reason: Option<&str>,
) -> Rows<QueueRow> {
    api::enter_locking().or_raise();
    let name = check_name("name", required("name", name).or_raise()).or_raise();
    let id = environment_id.unwrap_or(Environment::DEFAULT_ID);
    flow::right::environment(id).or_raise();
    let limit = |parameter, given| LimitChange::read(parameter, given).or_raise();
    let change = QueueChange {
        concurrency_limit: limit("concurrency_limit", concurrency_limit),
        override_limit: limit("override_limit", override_limit),
        max_size: limit("max_size", max_size),
        pause: PauseChange::read(paused, reason).or_raise(),
    };
    let set = flow::setting::queue(id, name, change).or_raise();
    let is_paused = set.pause.is_some();
    let pause = set.pause.unwrap_or_default();
    Rows::one(QueueRow {
        name: name.to_owned(),
        environment_id: id.to_owned(),
        concurrency_limit: set.concurrency_limit,
        paused: is_paused,
        override_limit: set.override_limit,
        max_size: set.max_size,
        paused_at: pause.since.map(api::time),
        paused_by: pause.by,
        pause_reason: pause.reason,
    })
}
