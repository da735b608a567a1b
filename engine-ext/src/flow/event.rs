//! Events: what readers read, what they have acknowledged, and what may be removed.

use engine_core::{
    DEFAULT_MAX_LAG_MS, EVENTS_PER_ROW, EventScope, Refusal, Shard, check_kept, check_max_lag,
    check_reached,
};

use crate::backend::locks;
use crate::flow;
use crate::store;
use crate::store::event::Event;
use crate::store::event_reader::{Reached, Reader};

/// Up to `max_events` events after position `after`, or from the first that is kept: of a shard, or of all that are here.
///
/// # Errors
/// [`Refusal::EventsRemoved`] (`RE015`) if events after `after` were removed. Of a shard [`Refusal::ShardElsewhere`] (`RE020`), of all
/// [`Refusal::InvalidValue`] (`22023`) if they have no order.
pub(crate) fn read(
    after: Option<i64>,
    max_events: i32,
    of_shard: Option<Shard>,
) -> Result<Vec<Event>, Refusal> {
    let scope = &match of_shard {
        Some(shard) => {
            flow::shard::check(shard)?;
            EventScope::OfShard(shard)
        }
        None => store::shard::all_fresh().in_one_order()?,
    };
    let Some(position) = after else {
        // Read after the snapshot: whatever that does not show any more was removed up to here.
        let first_kept = || store::event_horizon::read(scope);
        return Ok(store::event::after(first_kept, max_events, scope));
    };
    let start = position.max(0);
    let events = store::event::after(|| start, max_events, scope);
    // Read after the events, so that it covers every removal whose effect they show.
    check_kept(start, store::event_horizon::read(scope))?;
    Ok(events)
}

/// Returns a named reader. A new one begins after `after`, or with the first event that is kept.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`), [`Refusal::EventsRemoved`] (`RE015`).
pub(crate) fn reader(
    name: &str,
    max_lag_ms: Option<i64>,
    after: Option<i64>,
) -> Result<Reader, Refusal> {
    let max_lag_ms = max_lag_ms.map(check_max_lag).transpose()?;
    match store::event_reader::find(name) {
        Some(reader) if max_lag_ms.is_none_or(|given| given == reader.max_lag_ms) => {
            return Ok(reader);
        }
        Some(_) => (),
        None => create(name, max_lag_ms.unwrap_or(DEFAULT_MAX_LAG_MS), after)?,
    }
    if let Some(max_lag_ms) = max_lag_ms {
        store::event_reader::change(name, max_lag_ms);
    }
    find(name)
}

fn find(name: &str) -> Result<Reader, Refusal> {
    store::event_reader::find(name).ok_or_else(|| Refusal::UnknownEventReader {
        name: name.to_owned(),
    })
}

fn create(name: &str, max_lag_ms: i64, after: Option<i64>) -> Result<(), Refusal> {
    // A removal that is under way ends before; later ones see the reader.
    locks::keep_from_sweep();
    let (now, shards) = (flow::moment(), store::shard::in_use());
    let horizon = store::event_horizon::read(&store::shard::all_fresh().here());
    let start = reached("after", after.unwrap_or(horizon))?;
    check_kept(start.position, horizon)?;
    store::event_reader::insert(&shards, name, start, max_lag_ms, now);
    Ok(())
}

/// Moves a named reader forward to an event that it has handled, and returns it.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`), [`Refusal::UnknownEventReader`] (`RE016`).
pub(crate) fn acknowledge(name: &str, up_to: i64) -> Result<Reader, Refusal> {
    store::event_reader::acknowledge(name, reached("up_to", up_to)?, flow::moment());
    find(name)
}

/// The last event that a reader has read, and the last row of which it has read every event.
fn reached(parameter: &'static str, position: i64) -> Result<Reached, Refusal> {
    let position = check_reached(parameter, position, store::event::last())?;
    let row = position / EVENTS_PER_ROW;
    let row_position = if store::event::has_more(row, position) {
        row - 1
    } else {
        row
    };
    Ok(Reached {
        position,
        row_position,
    })
}
