//! Batches and waitpoints that no run takes along.

use engine_core::{EnvironmentType, Shard, Timestamp};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(BATCHES, "leftover_batch_find.sql");
statement!(WAITPOINTS, "leftover_waitpoint_find.sql");

/// A batch or a waitpoint.
pub(crate) struct Leftover {
    pub(crate) shard: Shard,
    pub(crate) id: String,
    pub(crate) environment_id: String,
    pub(crate) environment_type: EnvironmentType,
    /// When it ended, if no run is left that it belongs to.
    pub(crate) ended_at: Option<Timestamp>,
}

/// Batches behind one, in the order of shards and ids.
pub(crate) fn batches(after: (Shard, &str), max_items: i32) -> Vec<Leftover> {
    BATCHES.query(
        arguments!(BATCHES {
            after_shard: after.0,
            after_id: after.1,
            max_items
        }),
        |cells| Leftover {
            shard: cell!(cells, BATCHES.shard),
            id: cell!(cells, BATCHES.id),
            environment_id: cell!(cells, BATCHES.environment_id),
            environment_type: cell!(cells, BATCHES.environment_type),
            ended_at: cell!(cells, BATCHES.ended_at),
        },
    )
}

/// Waitpoints behind one, in the order of shards and ids.
pub(crate) fn waitpoints(after: (Shard, &str), max_items: i32) -> Vec<Leftover> {
    WAITPOINTS.query(
        arguments!(WAITPOINTS {
            after_shard: after.0,
            after_id: after.1,
            max_items
        }),
        |cells| Leftover {
            shard: cell!(cells, WAITPOINTS.shard),
            id: cell!(cells, WAITPOINTS.id),
            environment_id: cell!(cells, WAITPOINTS.environment_id),
            environment_type: cell!(cells, WAITPOINTS.environment_type),
            ended_at: cell!(cells, WAITPOINTS.ended_at),
        },
    )
}
