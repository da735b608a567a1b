//! Parked runs.

use engine_core::{Environment, RunId, Shard, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::time;

statement!(INSERT, "parked_insert.sql");
statement!(DELETE, "parked_delete.sql");
statement!(FIND, "parked_find.sql");

/// A parked run.
pub(crate) struct Parked {
    /// The run's position in the order of triggers.
    pub(crate) order: TriggerOrder,
    pub(crate) task: String,
    pub(crate) queue: String,
    /// The version that it is bound to.
    pub(crate) version: Option<String>,
}

/// A position in the order in which runs were triggered.
#[derive(Clone)]
pub(crate) struct TriggerOrder {
    pub(crate) created_at: Timestamp,
    pub(crate) run_id: RunId,
}

/// Updates the list of parked runs: locked runs, each with whether it was parked and whether it is now.
pub(crate) fn note<'a>(shard: Shard, changes: impl Iterator<Item = (&'a RunId, bool, bool)>) {
    let (mut parked, mut gone) = (Vec::new(), Vec::new());
    for (id, waited, waits) in changes {
        match (waited, waits) {
            (false, true) => parked.push(id.as_str()),
            (true, false) => gone.push(id.as_str()),
            (true, true) | (false, false) => {}
        }
    }
    if !parked.is_empty() {
        INSERT.execute(arguments!(INSERT {
            shard,
            run_ids: parked
        }));
    }
    if !gone.is_empty() {
        DELETE.execute(arguments!(DELETE {
            shard,
            run_ids: gone
        }));
    }
}

/// Parked runs of an environment, first triggered first, after a position.
pub(crate) fn find(
    environment: &Environment,
    after: Option<&TriggerOrder>,
    max_runs: i32,
) -> Vec<Parked> {
    let _moment = |time: TimestampWithTimeZone| Timestamp::from_micros(time.into());
    FIND.query(
        arguments!(FIND {
            shard: environment.shard,
            environment_id: environment.id.as_str(),
            after_created_at: after.map_or(TimestampWithTimeZone::negative_infinity(), |after| {
                time(after.created_at)
            }),
            after_run_id: after.map_or("", |after| after.run_id.as_str()),
            max_runs
        }),
        |cells| {
            let run_id: RunId = cell!(cells, FIND.run_id);
            Parked {
                order: TriggerOrder {
                    created_at: cell!(cells, FIND.created_at),
                    run_id,
                },
                task: cell!(cells, FIND.task),
                queue: cell!(cells, FIND.queue),
                version: cell!(cells, FIND.version),
            }
        },
    )
}
