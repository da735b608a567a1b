//! The functions of events and their readers.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::event::merge;
use crate::time::to_ms;
use crate::{Engine, Error, Event, EventReader, statement};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_events`: at most `max_events` events after a position, in order. 0 is before the first; `None` begins
    /// with the first that is kept.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let mut position = None;
    /// loop {
    ///     let events = engine.events(position, 1_000).await?;
    ///     let Some(last) = events.last() else { break };
    ///     position = Some(last.position);
    ///     for event in &events {
    ///         println!("{} {}", event.name, event.run_id);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for more than `engine.max_batch` events, and once a shard has come from
    /// another database; [`EventsRemoved`](crate::ErrorKind::EventsRemoved) if events after the position were removed.
    pub async fn events(
        &self,
        after: impl Into<Option<i64>>,
        max_events: i32,
    ) -> Result<Vec<Event>, Error> {
        self.events_in(after.into(), max_events, None).await
    }

    /// `engine_events` with `shard`: events of one shard, whose order stays when it is moved to another database: there a reader
    /// continues after the position that it has.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// for event in engine.events_of_shard(41, None, 1_000).await? {
    ///     println!("{} {}", event.name, event.run_id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`events`](Self::events); [`ShardElsewhere`](crate::ErrorKind::ShardElsewhere).
    pub async fn events_of_shard(
        &self,
        shard: u16,
        after: impl Into<Option<i64>>,
        max_events: i32,
    ) -> Result<Vec<Event>, Error> {
        self.events_in(after.into(), max_events, Some(shard)).await
    }

    /// The next events of several shards, put together: those of one shard in its order, of different ones the earlier first. At
    /// most `max_events` of each; none that may come after one that was not read. `after` has the position after which each is
    /// read; `None` begins with the first event of a shard that is kept.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// use std::collections::BTreeMap;
    ///
    /// let mut after = BTreeMap::from([(0, None), (41, None)]);
    /// for (shard, event) in engine.events_of_shards(&after, 1_000).await? {
    ///     println!("{} {}", event.name, event.run_id);
    ///     after.insert(shard, Some(event.position));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`events_of_shard`](Self::events_of_shard).
    pub async fn events_of_shards(
        &self,
        after: &BTreeMap<u16, Option<i64>>,
        max_events: i32,
    ) -> Result<Vec<(u16, Event)>, Error> {
        let mut pages = Vec::new();
        for (&shard, &after) in after {
            let events = self.events_in(after, max_events, Some(shard)).await?;
            pages.push((shard, events));
        }
        Ok(merge(pages, max_events))
    }

    async fn events_in(
        &self,
        after: Option<i64>,
        max_events: i32,
        shard: Option<u16>,
    ) -> Result<Vec<Event>, Error> {
        let shard = shard.map(i32::from);
        let rows = self
            .client
            .query_typed(
                statement::EVENTS,
                &[
                    (&after, Type::INT8),
                    (&max_events, Type::INT4),
                    (&shard, Type::INT4),
                ],
            )
            .await?;
        rows.iter().map(Event::from_row).collect()
    }

    /// `engine_event_reader`: a named reader of events, which is created if it does not exist. Events that it has not
    /// acknowledged are kept until they are `max_lag` old; without it, a new reader has two weeks.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let reader = engine.event_reader("warehouse", None).await?;
    /// let events = engine.events(reader.position, 1_000).await?;
    /// if let Some(last) = events.last() {
    ///     // Store them first: what is acknowledged may be removed.
    ///     engine.event_ack("warehouse", last.position).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn event_reader(
        &self,
        name: &str,
        max_lag: Option<Duration>,
    ) -> Result<EventReader, Error> {
        self.reader_of(name, max_lag, None).await
    }

    /// `engine_event_reader` with `after`: a new reader begins after this position; an existing one stays where it is.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, position: i64) -> Result<(), Error> {
    /// use std::time::Duration;
    ///
    /// // Continues where another system stopped; three days of silence are too many.
    /// let max_lag = Some(Duration::from_secs(3 * 86_400));
    /// let reader = engine.event_reader_after("warehouse", max_lag, position).await?;
    /// assert!(reader.position >= position);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`event_reader`](Self::event_reader), and [`EventsRemoved`](crate::ErrorKind::EventsRemoved) if events after
    /// the position were removed.
    pub async fn event_reader_after(
        &self,
        name: &str,
        max_lag: Option<Duration>,
        after: i64,
    ) -> Result<EventReader, Error> {
        self.reader_of(name, max_lag, Some(after)).await
    }

    async fn reader_of(
        &self,
        name: &str,
        max_lag: Option<Duration>,
        after: Option<i64>,
    ) -> Result<EventReader, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::EVENT_READER,
                &[
                    (&name, Type::TEXT),
                    (&max_lag.map(to_ms), Type::INT8),
                    (&after, Type::INT8),
                ],
            )
            .await?;
        EventReader::from_row(&row)
    }

    /// `engine_event_ack`: a named reader has handled all events up to a position. Call it in the transaction that
    /// handled them.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, position: i64) -> Result<(), Error> {
    /// let reader = engine.event_ack("warehouse", position).await?;
    /// println!("read up to {}", reader.position);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownEventReader`](crate::ErrorKind::UnknownEventReader), [`InvalidInput`](crate::ErrorKind::InvalidInput) for
    /// a position that no event has yet.
    pub async fn event_ack(&self, name: &str, up_to: i64) -> Result<EventReader, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::EVENT_ACK,
                &[(&name, Type::TEXT), (&up_to, Type::INT8)],
            )
            .await?;
        EventReader::from_row(&row)
    }

    /// `engine_delete_event_reader`: nothing is kept for it any more. Returns whether it existed.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let existed = engine.delete_event_reader("warehouse").await?;
    /// # drop(existed);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn delete_event_reader(&self, name: &str) -> Result<bool, Error> {
        let row = self
            .client
            .query_typed_one(statement::DELETE_EVENT_READER, &[(&name, Type::TEXT)])
            .await?;
        Ok(row.try_get("existed")?)
    }
}
