//! Schedules.

use engine_core::check_max_items;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use super::row::TriggeredRow;
use super::trigger::row as triggered_row;
use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::document::JsonB;
use crate::error::{OrRaise, required};
use crate::flow::schedule::Change;
use crate::{api, flow, store};

entries!(
    engine_set_schedule,
    engine_run_schedule,
    engine_delete_schedule,
    engine_upcoming_runs
);

row! {
    /// A schedule with its settings and its next tick.
    ScheduleRow {
        id: String,
        environment_id: String,
        task: String,
        cron: String,
        timezone: String,
        spread_window: Option<String>,
        active: bool,
        next_nominal_at: Option<TimestampWithTimeZone>,
        next_effective_at: Option<TimestampWithTimeZone>,
    }

    /// A tick that is to come.
    UpcomingRow {
        nominal_at: TimestampWithTimeZone,
        effective_at: TimestampWithTimeZone,
    }
}

/// Creates or changes a schedule, which makes a run at each tick of its cron expression, and returns it.
///
/// `cron` has five fields, minute, hour, day of month, month and day of week, or six if seconds come first; L is the last
/// day. What is not given keeps its value; a new schedule needs `task` and `cron`, and is active, in UTC, in the environment
/// "default". The payload of each run is a JSON object with its tick (`timestamp`), the previous one (`lastTimestamp`), the
/// next ten (`upcoming`), `scheduleId`, `externalId`, `timezone`, and your `payload` under that key; `options` are other
/// options of the runs, as in `engine_trigger_many`. A schedule that is spread (`engine.schedule_spread`) begins up to a
/// minute after its ticks, or up to `spread_window`: `30m`, `2h`, `10%` of the time between two ticks. If the tick function
/// is not called, the tick that was due is caught up on later, and past ones after it are skipped. Warns if it should be
/// spread and `engine.schedule_secret` is not set.
///
/// # Errors
/// - `22004` without an id, or without a task or an expression for a new schedule.
/// - `22023` for a value that no schedule can have, or an expression that never occurs.
/// - `54000` and others for a payload or options with which no run could be triggered.
/// - `RE005` for an unknown environment.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn engine_set_schedule(
    id: Option<String>,
    task: Option<String>,
    cron: Option<String>,
    timezone: Option<String>,
    environment_id: Option<String>,
    payload: Option<JsonB>,
    external_id: Option<String>,
    spread_window: Option<String>,
    active: Option<bool>,
    options: Option<JsonB>,
) -> Rows<ScheduleRow> {
    api::enter_locking().or_raise();
    let id = required("id", id).or_raise();
    let change = Change {
        task,
        cron,
        timezone,
        environment_id,
        payload: payload.map(|json| json.0),
        external_id,
        spread_window,
        active,
        options: options.map(|json| json.0),
    };
    let set = flow::schedule::set(id, change).or_raise();
    Rows::one(ScheduleRow {
        id: set.id,
        environment_id: set.environment_id,
        task: set.task,
        cron: set.cron,
        timezone: set.timezone,
        spread_window: set.spread_window,
        active: set.is_active,
        next_nominal_at: set.next.map(|next| api::time(next.nominal_at)),
        next_effective_at: set.next.map(|next| api::time(next.effective_at)),
    })
}

/// Triggers a run of a schedule now, beside those of its ticks, and returns it.
///
/// Its payload and options are those of a run of a tick, with the present moment as `timestamp`. The next tick stays when it is, and
/// so does what the schedule says of its last one. A schedule that is not active makes one as well.
///
/// # Errors
/// - `22004` without an id.
/// - `RE014` for an unknown schedule.
/// - `RE005` for an archived environment, `RE008`, `RE017` and others of a trigger.
#[pg_extern(sql = false)]
fn engine_run_schedule(id: Option<&str>) -> Rows<TriggeredRow> {
    api::enter_writing().or_raise();
    let id = required("id", id).or_raise();
    let now = flow::now();
    let triggered = flow::schedule::run(id, now).or_raise();
    Rows::new(
        triggered
            .into_iter()
            .map(move |run| triggered_row(run, now)),
    )
}

/// Deletes a schedule; returns whether it existed.
///
/// Runs that it has made stay as they are.
///
/// # Errors
/// - `22004` without an id.
#[pg_extern(sql = false)]
fn engine_delete_schedule(id: Option<&str>) -> bool {
    api::enter_writing().or_raise();
    let id = required("id", id).or_raise();
    let environments = flow::right::environments();
    if let Some(schedule) = store::schedule::find(id) {
        flow::shard::check_environment(&schedule.environment_id).or_raise();
    }
    store::schedule::delete(id, environments.as_deref())
}

/// Returns the next ticks of a schedule, and the earliest dequeue of each run.
///
/// One that is not active has none. `engine.next_run` has the very next one of each schedule.
///
/// # Errors
/// - `22004` without an id, `22023` if `max_runs` is outside 1..=100000.
/// - `RE014` for an unknown schedule.
#[pg_extern(sql = false)]
fn engine_upcoming_runs(id: Option<&str>, max_runs: Option<i32>) -> Rows<UpcomingRow> {
    api::enter().or_raise();
    let id = required("id", id).or_raise();
    let max_runs = check_max_items("max_runs", max_runs.unwrap_or(10)).or_raise();
    let upcoming = flow::schedule::upcoming(id, max_runs).or_raise();
    Rows::new(upcoming.into_iter().map(|begins| UpcomingRow {
        nominal_at: api::time(begins.nominal_at),
        effective_at: api::time(begins.effective_at),
    }))
}
