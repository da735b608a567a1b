//! Idempotency keys to forget.

use engine_core::{Environment, KeyKind, digest_of};
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::error::{OrRaise, required};
use crate::{api, flow, store};

entries!(engine_reset_idempotency_key);

/// Forgets an idempotency key, so that the next trigger with it makes a new run; returns whether the key existed.
///
/// # Errors
/// - `22004` without a task or a key.
/// - `RE005` for an unknown environment.
#[pg_extern(sql = false)]
fn engine_reset_idempotency_key(
    task: Option<&str>,
    idempotency_key: Option<&str>,
    environment_id: Option<&str>,
) -> bool {
    api::enter_writing().or_raise();
    let task = required("task", task).or_raise();
    let key = required("idempotency_key", idempotency_key).or_raise();
    let environment_id = environment_id.unwrap_or(Environment::DEFAULT_ID);
    flow::right::environment(environment_id).or_raise();
    let environment = flow::environment(environment_id).or_raise();
    let digest = digest_of(&[&environment.id, task, key]);
    store::trigger_key::reset(KeyKind::Idempotency, environment.shard, digest)
}
