//! When waiting runs enter their queues, and how their options change meanwhile. All runs here are locked.

use engine_core::{NewRun, Run, RunId, Shard, Timestamp, Timing};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::document::JsonB;

statement!(READ, "timing_read.sql");
statement!(RESCHEDULE, "run_reschedule.sql");
statement!(REDEFINE, "run_redefine.sql");
statement!(PLACE, "run_place_read.sql");
statement!(TRANSFER, "run_transfer.sql");

/// The timings of these runs of one shard, in the order of their ids.
///
/// `is_sized` tells whether a queue, given with its environment, has a maximum size.
pub(crate) fn timings(
    shard: Shard,
    ids: &[&RunId],
    is_sized: impl Fn(&str, &str) -> bool,
) -> Vec<(RunId, Timing)> {
    let _moment = |time: TimestampWithTimeZone| Timestamp::from_micros(time.into());
    READ.query(
        arguments!(READ {
            shard,
            run_ids: ids
        }),
        |cells| {
            let id: RunId = cell!(cells, READ.id);
            let timing = Timing {
                delay_until: cell!(cells, READ.delay_until),
                queue_timestamp: cell!(cells, READ.queue_timestamp),
                priority_ms: cell!(cells, READ.priority_ms),
                ttl: cell!(cells, READ.ttl),
                is_sized: is_sized(
                    &cell!(cells, READ.environment_id as String),
                    &cell!(cells, READ.queue as String),
                ),
            };
            (id, timing)
        },
    )
}

/// Moves the due time of a run.
pub(crate) fn reschedule(run: &Run, timing: &Timing) {
    RESCHEDULE.execute(arguments!(RESCHEDULE {
        shard: run.id.shard(),
        run_id: run.id.as_str(),
        delay_until: timing.delay_until,
        queue_timestamp: timing.queue_timestamp
    }));
}

/// Replaces the options of a run by those of `new`.
pub(crate) fn redefine(run: &Run, new: &NewRun) {
    let options = &new.options;
    let tags = options.tags.as_deref().filter(|tags| !tags.is_empty());
    REDEFINE.execute(arguments!(REDEFINE {
        shard: run.id.shard(),
        run_id: run.id.as_str(),
        payload: new.payload.as_str(),
        payload_type: new.payload_type.as_str(),
        metadata: options.metadata.clone().map(JsonB),
        tags: tags.map(|tags| JsonB(tags.into())),
        max_attempts: options.max_attempts,
        max_duration_seconds: options.max_duration_seconds,
        machine: options.machine.as_deref(),
        keep_ms: new.keep_ms()
    }));
}

/// The environment and the queue of a run.
pub(crate) fn place(id: &RunId) -> (String, String) {
    let rows = PLACE.query(
        arguments!(PLACE {
            shard: id.shard(),
            run_id: id.as_str()
        }),
        |cells| {
            (
                cell!(cells, PLACE.environment_id),
                cell!(cells, PLACE.queue),
            )
        },
    );
    match rows.into_iter().next() {
        Some(place) => place,
        None => unreachable!("a run that has a state is there"),
    }
}

/// Changes the queue of a run, or its priority.
pub(crate) fn transfer(id: &RunId, queue: Option<&str>, priority_ms: Option<i64>) {
    TRANSFER.execute(arguments!(TRANSFER {
        shard: id.shard(),
        run_id: id.as_str(),
        queue,
        priority_ms
    }));
}
