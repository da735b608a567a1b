//! The options of existing runs.

use engine_core::{RunId, TriggerOptions};

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
            task: cells.nullable(),
            payload: cells.nullable(),
            payload_type: cells.nullable(),
            queue: cells.nullable(),
            environment_id: cells.nullable(),
            worker_queue: cells.nullable(),
            concurrency_key: cells.nullable(),
            priority_ms: cells.nullable(),
            max_attempts: cells.nullable(),
            max_duration_seconds: cells.nullable(),
            machine: cells.nullable(),
            tags: cells.nullable(),
            metadata: cells.nullable(),
            is_test: cells.nullable(),
            trace_context: cells.nullable(),
            annotations: cells.nullable(),
            retry: cells.nullable(),
            replayed_from: Some(id.as_str().to_owned()),
            ..TriggerOptions::default()
        },
    )
    .pop()
}
