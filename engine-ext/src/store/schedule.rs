//! Schedules.

use engine_core::{Beginning, Phase, RunId, Schedule, Shard, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::statement::{Cells, Statement, arguments, statement};
use crate::backend::value::{column, time};
use crate::document::JsonB;

static LOCK: Statement = statement!("schedule_lock.sql");
static READ: Statement = statement!("schedule_read.sql");
static DUE: Statement = statement!("schedule_due_lock.sql");
static SET: Statement = statement!("schedule_set.sql");
static DELETE: Statement = statement!("schedule_delete.sql");
static ADVANCE: Statement = statement!("schedule_advance.sql");

/// Locks a schedule.
pub(crate) fn lock(id: &str) -> Option<Schedule> {
    LOCK.query(arguments![id], schedule).pop()
}

/// Reads a schedule.
pub(crate) fn find(id: &str) -> Option<Schedule> {
    READ.query(arguments![id], schedule).pop()
}

/// Locks due schedules.
pub(crate) fn lock_due(shard: Shard, max_items: i32, now: Timestamp) -> Vec<Schedule> {
    DUE.query(arguments![shard.number(), time(now), max_items], schedule)
}

/// Reads the columns of a schedule, which three statements select in the same order.
fn schedule(cells: &mut Cells) -> Schedule {
    Schedule {
        id: cells.value(),
        environment_id: cells.value(),
        task: cells.value(),
        cron: cells.value(),
        timezone: cells.value(),
        spread_window: cells.nullable(),
        is_active: cells.value(),
        external_id: cells.nullable(),
        payload: cells.nullable::<JsonB>().map(|json| json.0),
        options: cells.nullable::<JsonB>().map(|json| json.0),
        phase: cells.nullable().and_then(Phase::new),
        last_nominal_at: moment(cells),
        next: match (moment(cells), moment(cells), moment(cells)) {
            (Some(nominal_at), Some(effective_at), Some(at)) => Some(Beginning {
                nominal_at,
                effective_at,
                at,
            }),
            _ => None,
        },
    }
}

fn moment(cells: &mut Cells) -> Option<Timestamp> {
    let time = cells.nullable::<TimestampWithTimeZone>()?;
    Some(Timestamp::from_micros(time.into()))
}

/// Writes a schedule whose environment lives on `shard`.
pub(crate) fn set(schedule: &Schedule, shard: Shard, now: Timestamp) {
    let next = schedule.next;
    SET.execute(arguments![
        schedule.id.as_str(),
        shard.number(),
        schedule.environment_id.as_str(),
        schedule.task.as_str(),
        schedule.cron.as_str(),
        schedule.timezone.as_str(),
        schedule.spread_window.as_deref(),
        schedule.is_active,
        schedule.external_id.as_deref(),
        schedule.payload.clone().map(JsonB),
        schedule.options.clone().map(JsonB),
        schedule.phase.map(Phase::number),
        next.map(|next| time(next.nominal_at)),
        next.map(|next| time(next.effective_at)),
        next.map(|next| time(next.at)),
        time(now),
    ]);
}

/// Deletes a schedule; returns whether it existed.
pub(crate) fn delete(id: &str) -> bool {
    DELETE.execute(arguments![id]) > 0
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
    ADVANCE.execute(arguments![
        column(schedules, |advance| advance.schedule.id.as_str()),
        column(schedules, |advance| advance
            .made
            .as_ref()
            .map(|(at, _)| time(*at))),
        column(schedules, |advance| advance
            .made
            .as_ref()
            .map(|(_, run_id)| run_id.as_str())),
        column(schedules, |advance| advance
            .schedule
            .phase
            .map(Phase::number)),
        next(|next| next.nominal_at),
        next(|next| next.effective_at),
        next(|next| next.at),
        column(schedules, |advance| advance.error.as_deref()),
    ]);
}
