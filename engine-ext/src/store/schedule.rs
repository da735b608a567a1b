//! Schedules.

use engine_core::{Beginning, Phase, RunId, Schedule, Shard, Timestamp};

use crate::backend::cells::{Cells, cell};
use crate::backend::parameter::arguments;
use crate::backend::statement::{columns, statement};
use crate::backend::value::{column, time};
use crate::document::JsonB;

statement!(LOCK, "schedule_lock.sql" -> SCHEDULE);
statement!(READ, "schedule_read.sql" -> SCHEDULE);
statement!(DUE, "schedule_due_lock.sql" -> SCHEDULE);
columns!(SCHEDULE, "schedule.sql");
statement!(SET, "schedule_set.sql");
statement!(DELETE, "schedule_delete.sql");
statement!(ADVANCE, "schedule_advance.sql");

/// Locks a schedule.
pub(crate) fn lock(id: &str) -> Option<Schedule> {
    LOCK.query(arguments!(LOCK { id }), schedule).pop()
}

/// Reads a schedule.
pub(crate) fn find(id: &str) -> Option<Schedule> {
    READ.query(arguments!(READ { id }), schedule).pop()
}

/// Locks due schedules of all shards but these.
pub(crate) fn lock_due(unserved: &[Shard], max_items: i32, now: Timestamp) -> Vec<Schedule> {
    let arguments = arguments!(DUE {
        now,
        max_items,
        unserved: unserved.to_vec()
    });
    DUE.query(arguments, schedule)
}

fn schedule(cells: &Cells<SCHEDULE>) -> Schedule {
    Schedule {
        id: cell!(cells, SCHEDULE.id),
        environment_id: cell!(cells, SCHEDULE.environment_id),
        task: cell!(cells, SCHEDULE.task),
        cron: cell!(cells, SCHEDULE.cron),
        timezone: cell!(cells, SCHEDULE.timezone),
        spread_window: cell!(cells, SCHEDULE.spread_window),
        is_active: cell!(cells, SCHEDULE.is_active),
        external_id: cell!(cells, SCHEDULE.external_id),
        payload: cell!(cells, SCHEDULE.payload),
        options: cell!(cells, SCHEDULE.options),
        phase: cell!(cells, SCHEDULE.phase as Option<i32>).and_then(Phase::new),
        last_nominal_at: cell!(cells, SCHEDULE.last_nominal_at),
        next: match (
            cell!(cells, SCHEDULE.next_nominal_at),
            cell!(cells, SCHEDULE.next_effective_at),
            cell!(cells, SCHEDULE.next_at),
        ) {
            (Some(nominal_at), Some(effective_at), Some(at)) => Some(Beginning {
                nominal_at,
                effective_at,
                at,
            }),
            _ => None,
        },
    }
}

/// Writes a schedule whose environment lives on `shard`.
pub(crate) fn set(schedule: &Schedule, shard: Shard, now: Timestamp) {
    let next = schedule.next;
    SET.execute(arguments!(SET {
        id: schedule.id.as_str(),
        shard,
        environment_id: schedule.environment_id.as_str(),
        task: schedule.task.as_str(),
        cron: schedule.cron.as_str(),
        time_zone: schedule.timezone.as_str(),
        window: schedule.spread_window.as_deref(),
        active: schedule.is_active,
        external_id: schedule.external_id.as_deref(),
        payload: schedule.payload.clone().map(JsonB),
        options: schedule.options.clone().map(JsonB),
        phase: schedule.phase.map(Phase::number),
        next_tick: next.map(|next| next.nominal_at),
        effective_at: next.map(|next| next.effective_at),
        at: next.map(|next| next.at),
        now
    }));
}

/// Deletes a schedule of one of these environments, or of any; returns whether it existed.
pub(crate) fn delete(id: &str, environment_ids: Option<&[String]>) -> bool {
    DELETE.execute(arguments!(DELETE {
        id,
        environment_ids
    })) > 0
}

/// How a due schedule continues.
pub(crate) struct Advance {
    /// The schedule, with its next run.
    pub(crate) schedule: Schedule,
    /// The tick for which it has made a run, and that run.
    pub(crate) made: Option<(Timestamp, RunId)>,
    /// Why it has made none.
    pub(crate) error: Option<String>,
}

/// Advances locked schedules.
pub(crate) fn advance(schedules: &[Advance]) {
    let next = |part: fn(Beginning) -> Timestamp| {
        column(schedules, |advance| {
            advance.schedule.next.map(|next| time(part(next)))
        })
    };
    ADVANCE.execute(arguments!(ADVANCE {
        id: column(schedules, |advance| advance.schedule.id.as_str()),
        nominal_at: column(schedules, |advance| advance
            .made
            .as_ref()
            .map(|(at, _)| *at)),
        run_id: column(schedules, |advance| advance
            .made
            .as_ref()
            .map(|(_, run_id)| run_id.as_str())),
        phase: column(schedules, |advance| advance
            .schedule
            .phase
            .map(Phase::number)),
        next_nominal_at: next(|next| next.nominal_at),
        next_effective_at: next(|next| next.effective_at),
        next_at: next(|next| next.at),
        error: column(schedules, |advance| advance.error.as_deref())
    }));
}
