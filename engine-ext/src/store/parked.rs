//! Parked runs.

use engine_core::{Environment, RunId, Shard, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::time;

static INSERT: Statement = statement!("parked_insert.sql");
static DELETE: Statement = statement!("parked_delete.sql");
static FIND: Statement = statement!("parked_find.sql");

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
        INSERT.execute(arguments![shard.number(), parked]);
    }
    if !gone.is_empty() {
        DELETE.execute(arguments![shard.number(), gone]);
    }
}

/// Parked runs of an environment, first triggered first, after a position.
pub(crate) fn find(
    environment: &Environment,
    after: Option<&TriggerOrder>,
    max_runs: i32,
) -> Vec<Parked> {
    let moment = |time: TimestampWithTimeZone| Timestamp::from_micros(time.into());
    FIND.query(
        arguments![
            environment.shard.number(),
            environment.id.as_str(),
            after.map_or(TimestampWithTimeZone::negative_infinity(), |after| time(
                after.created_at
            )),
            after.map_or("", |after| after.run_id.as_str()),
            max_runs,
        ],
        |cells| {
            let run_id = RunId::parse(&cells.value::<String>());
            Parked {
                order: TriggerOrder {
                    created_at: moment(cells.value()),
                    run_id,
                },
                task: cells.value(),
                queue: cells.value(),
                version: cells.nullable(),
            }
        },
    )
}
