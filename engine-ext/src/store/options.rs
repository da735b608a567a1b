//! The options of existing runs.

use engine_core::{RunId, TriggerOptions};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "run_options_read.sql");

/// The options of a run, for one that replays it; `None` if there is no such run.
pub(crate) fn of_replay(id: &RunId) -> Option<TriggerOptions> {
    READ.query(
        arguments!(READ {
            shard: id.shard(),
            run_id: id.as_str()
        }),
        |cells| TriggerOptions {
            task: cell!(cells, READ.task),
            payload: cell!(cells, READ.payload),
            payload_type: cell!(cells, READ.payload_type),
            queue: cell!(cells, READ.queue),
            environment_id: cell!(cells, READ.environment_id),
            worker_queue: cell!(cells, READ.worker_queue),
            concurrency_key: cell!(cells, READ.concurrency_key),
            priority_ms: cell!(cells, READ.priority_ms),
            max_attempts: cell!(cells, READ.max_attempts),
            max_duration_seconds: cell!(cells, READ.max_duration_seconds),
            machine: cell!(cells, READ.machine),
            tags: cell!(cells, READ.tags),
            metadata: cell!(cells, READ.metadata),
            is_test: cell!(cells, READ.is_test),
            trace_context: cell!(cells, READ.trace_context),
            annotations: cell!(cells, READ.annotations),
            retry: cell!(cells, READ.retry),
            replayed_from: Some(id.as_str().to_owned()),
            ..TriggerOptions::default()
        },
    )
    .pop()
}
