//! The event log.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio_postgres::Row;

use crate::time::from_ms;
use crate::{Error, RunId};

/// An event of the engine's log.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Position in the log. Continue after the greatest one that you have handled.
    pub position: i64,
    /// The event's name, such as `runSucceeded`.
    pub name: String,
    /// The run that it belongs to.
    pub run_id: RunId,
    /// When it happened, by the server's clock.
    pub time: SystemTime,
    /// Details, with the keys listed in the engine's documentation.
    pub body: Value,
}

impl Event {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            position: row.try_get("position")?,
            name: row.try_get("name")?,
            run_id: row.try_get("run_id")?,
            time: row.try_get("time")?,
            body: row.try_get("body")?,
        })
    }
}

/// The events of several shards, put together: of those that are next in their shards the earliest comes first. Ends where a shard
/// has none left and may have more, because its page is full: the next one may be the earliest.
pub(crate) fn merge(pages: Vec<(u16, Vec<Event>)>, max_events: i32) -> Vec<(u16, Event)> {
    let mut queues: Vec<_> = pages
        .into_iter()
        .map(|(shard, events)| {
            let may_have_more = i32::try_from(events.len()).is_ok_and(|count| count >= max_events);
            (shard, may_have_more, events.into_iter().peekable())
        })
        .collect();
    let mut merged = Vec::new();
    loop {
        let mut first = None;
        for (shard, may_have_more, events) in &mut queues {
            match events.peek() {
                Some(event) => {
                    let key = (event.time, *shard);
                    if first.as_ref().is_none_or(|(earliest, _)| key < *earliest) {
                        first = Some((key, events));
                    }
                }
                None if *may_have_more => return merged,
                None => {}
            }
        }
        let Some(((_, shard), events)) = first else {
            return merged;
        };
        merged.extend(events.next().map(|event| (shard, event)));
    }
}

/// A named reader of events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventReader {
    /// Its name.
    pub name: String,
    /// The last event that it has acknowledged: continue after it.
    pub position: i64,
    /// Age up to which events are kept for it.
    pub max_lag: Duration,
    /// When it was created.
    pub created_at: SystemTime,
    /// When it acknowledged last.
    pub acknowledged_at: Option<SystemTime>,
}

impl EventReader {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            name: row.try_get("name")?,
            position: row.try_get("position")?,
            max_lag: from_ms(row.try_get("max_lag_ms")?),
            created_at: row.try_get("created_at")?,
            acknowledged_at: row.try_get("acknowledged_at")?,
        })
    }
}

/// A violated invariant: a row of `engine_check`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Name of the invariant.
    pub kind: String,
    /// The run that violates it, if there is one.
    pub run_id: Option<RunId>,
    /// The violation, in words.
    pub detail: String,
}

impl Violation {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            kind: row.try_get("kind")?,
            run_id: row.try_get("run_id")?,
            detail: row.try_get("detail")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn event(position: i64, seconds: u64) -> Event {
        Event {
            position,
            name: "runSucceeded".to_owned(),
            run_id: "r".into(),
            time: UNIX_EPOCH + Duration::from_secs(seconds),
            body: Value::Null,
        }
    }

    fn merged(pages: Vec<(u16, Vec<Event>)>, max_events: i32) -> Vec<(u16, i64)> {
        let merged = merge(pages, max_events);
        let order = merged.iter().map(|(shard, event)| (*shard, event.position));
        order.collect()
    }

    #[test]
    fn merged_events_keep_the_order_of_each_shard_and_come_by_time() {
        // The clock of shard 7 went back.
        let seven = vec![event(10, 5), event(11, 2), event(12, 9)];
        let nine = vec![event(3, 1), event(4, 6)];
        let pages = vec![(7, seven), (9, nine), (11, Vec::new())];
        assert_eq!(
            merged(pages, 100),
            [(9, 3), (7, 10), (7, 11), (9, 4), (7, 12)]
        );
    }

    #[test]
    fn no_event_comes_before_one_that_was_not_read() {
        let seven = vec![event(10, 1), event(11, 3)];
        let nine = vec![event(3, 2), event(4, 9)];
        // Both may have more: that of shard 7 comes first, at an unknown time after 3.
        let pages = vec![(7, seven), (9, nine.clone())];
        assert_eq!(merged(pages, 2), [(7, 10), (9, 3), (7, 11)]);
        assert_eq!(merged(vec![(9, nine)], 2), [(9, 3), (9, 4)]);
    }
}
