//! Events.

use engine_core::{Refusal, Shard, check_max_events, check_name};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::document::Stored;
use crate::error::{OrRaise, required};
use crate::store::event_reader::Reader;
use crate::{api, flow, guc, store};

entries!(
    engine_events: engine_events_0_2,
    engine_event_reader,
    engine_event_ack,
    engine_delete_event_reader
);

row! {
    /// An event.
    EventRow {
        position: i64,
        name: String,
        run_id: String,
        time: TimestampWithTimeZone,
        body: Stored,
    }

    /// A named reader.
    EventReaderRow {
        name: String,
        position: i64,
        max_lag_ms: i64,
        created_at: TimestampWithTimeZone,
        acknowledged_at: Option<TimestampWithTimeZone>,
    }
}

/// Returns the next events after a position, in order, at most `max_events`.
///
/// Pass NULL to begin with the first event that is kept, and then the greatest `position` returned so far. Events come in the order in which the engine
/// decided, and none is ever skipped: an event whose transaction has not ended yet holds back those after it. No other
/// transaction does, except on a standby and in REPEATABLE READ, where any running one may. Names and keys are those of the
/// run engine of trigger.dev. With `shard`, only events of runs of that shard come; their order stays when the shard is moved to
/// another database. Without it the events of all shards come in one order, until a shard has come from another database.
///
/// # Errors
/// - `22023` if `max_events` is outside 1..=`engine.max_batch`, or `shard` outside 0..=1295; without `shard`, once one has come from
///   another database.
/// - `RE020` for a shard that is not here.
/// - `RE015` if events after the position were removed; the detail names the first position that can be read.
#[pg_extern(sql = false)]
fn engine_events_0_2(
    after: Option<i64>,
    max_events: Option<i32>,
    shard: Option<i32>,
) -> Rows<EventRow> {
    api::enter().or_raise();
    let max_events = check_max_events(max_events.unwrap_or(100), guc::max_batch()).or_raise();
    let shard = shard.map(|shard| Shard::check("shard", shard));
    let shard = shard.transpose().or_raise();
    let events = flow::event::read(after, max_events, shard).or_raise();
    Rows::new(events.into_iter().map(|event| EventRow {
        position: event.position,
        name: event.name,
        run_id: event.run_id,
        time: event.time,
        body: event.body,
    }))
}

/// Returns a named reader of events, and creates it if it does not exist.
///
/// Events that it has not acknowledged are kept until they are `max_lag_ms` old: by default two weeks; a value that is given
/// changes an existing reader. A new reader begins after the position `after`, or with the first event that is kept.
///
/// # Errors
/// - `22004` without a name, `22023` for one of more than 128 characters, a `max_lag_ms` outside a second and ten years, or a
///   position that no event has yet.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
/// - `RE015` if events after `after` were removed.
#[pg_extern(sql = false)]
fn engine_event_reader(
    name: Option<&str>,
    max_lag_ms: Option<i64>,
    after: Option<i64>,
) -> Rows<EventReaderRow> {
    api::enter_locking().or_raise();
    let name = reader_name(name).or_raise();
    let reader = flow::event::reader(name, max_lag_ms, after).or_raise();
    Rows::one(reader_row(name, reader))
}

/// Acknowledges all events up to a position for a named reader, and returns the reader.
///
/// Call it in the transaction that does what the events ask for: the reader continues after the position that it returns. A
/// smaller position than before changes nothing.
///
/// # Errors
/// - `22004` without a name or a position, `22023` for a name that no reader can have, or a position that no event has yet.
/// - `RE016` for an unknown reader.
#[pg_extern(sql = false)]
fn engine_event_ack(name: Option<&str>, up_to: Option<i64>) -> Rows<EventReaderRow> {
    api::enter_writing().or_raise();
    let name = reader_name(name).or_raise();
    let up_to = required("up_to", up_to).or_raise();
    let reader = flow::event::acknowledge(name, up_to).or_raise();
    Rows::one(reader_row(name, reader))
}

/// Deletes a named reader of events, for which nothing is kept any more; returns whether it existed.
///
/// # Errors
/// - `22004` without a name, `22023` for one that no reader can have.
#[pg_extern(sql = false)]
fn engine_delete_event_reader(name: Option<&str>) -> bool {
    api::enter_writing().or_raise();
    store::event_reader::delete(reader_name(name).or_raise())
}

fn reader_name(name: Option<&str>) -> Result<&str, Refusal> {
    let name = required("name", name)?;
    check_name("name", name)?;
    Ok(name)
}

fn reader_row(name: &str, reader: Reader) -> EventReaderRow {
    EventReaderRow {
        name: name.to_owned(),
        position: reader.position,
        max_lag_ms: reader.max_lag_ms,
        created_at: reader.created_at,
        acknowledged_at: reader.acknowledged_at,
    }
}
