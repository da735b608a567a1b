//! When waiting runs enter their queues, and how their options change meanwhile. All runs here are locked.

use engine_core::{NewRun, Run, RunId, Shard, Timestamp, Timing};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::statement::{Cells, Statement, arguments, statement};
use crate::backend::value::{column, time};
use crate::document::JsonB;

static READ: Statement = statement!("timing_read.sql");
static RESCHEDULE: Statement = statement!("run_reschedule.sql");
static REDEFINE: Statement = statement!("run_redefine.sql");

/// The timings of these runs of one shard, in the order of their ids.
///
/// `is_sized` tells whether a queue, given with its environment, has a maximum size.
pub(crate) fn timings(
    shard: Shard,
    ids: &[&RunId],
    is_sized: impl Fn(&str, &str) -> bool,
) -> Vec<(RunId, Timing)> {
    let moment = |time: TimestampWithTimeZone| Timestamp::from_micros(time.into());
    READ.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells: &mut Cells| {
            let id = RunId::parse(&cells.value::<String>());
            let timing = Timing {
                delay_until: cells.nullable().map(moment),
                queue_timestamp: moment(cells.value()),
                priority_ms: cells.value(),
                ttl: cells.nullable(),
                is_sized: is_sized(&cells.value::<String>(), &cells.value::<String>()),
            };
            (id, timing)
        },
    )
}

/// Moves the due time of a run.
pub(crate) fn reschedule(run: &Run, timing: &Timing) {
    RESCHEDULE.execute(arguments![
        run.id.shard().number(),
        run.id.as_str(),
        timing.delay_until.map(time),
        time(timing.queue_timestamp),
    ]);
}

/// Replaces the options of a run by those of `new`.
pub(crate) fn redefine(run: &Run, new: &NewRun) {
    REDEFINE.execute(arguments![
        run.id.shard().number(),
        run.id.as_str(),
        new.payload.as_str(),
        new.payload_type.as_str(),
        new.metadata.clone().map(JsonB),
        (!new.tags.is_empty()).then(|| JsonB(new.tags.as_slice().into())),
        new.max_attempts,
        new.max_duration_seconds,
        new.machine.as_deref(),
    ]);
}
