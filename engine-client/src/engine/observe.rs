//! The functions that only read.

use std::time::Duration;

use serde_json::Value;
use tokio_postgres::GenericClient;
use tokio_postgres::types::{Json, Type};

use crate::time::to_ms;
use crate::{
    Engine, Error, Event, EventReader, Finding, Metric, RunId, RunResult, SnapshotId, Violation,
    statement,
};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_run_result`: a run's status, with its output or error once it has ended; none if there is no such
    /// run in that environment.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId) -> Result<(), Error> {
    /// if let Some(result) = engine.run_result(&run_id, None).await?
    ///     && result.is_success()
    /// {
    ///     let receipt: String = result.output()?;
    ///     println!("{receipt}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn run_result(
        &self,
        run_id: &RunId,
        environment_id: Option<&str>,
    ) -> Result<Option<RunResult>, Error> {
        let row = self
            .client
            .query_typed_opt(
                statement::RUN_RESULT,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&environment_id, Type::TEXT),
                ],
            )
            .await?;
        row.as_ref().map(RunResult::from_row).transpose()
    }

    /// `engine_execution_data`: everything about a run's latest snapshot, or none if there is no such run in that
    /// environment.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId) -> Result<(), Error> {
    /// if let Some(data) = engine.execution_data(&run_id, None).await? {
    ///     println!("{}", data["snapshot"]["executionStatus"]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn execution_data(
        &self,
        run_id: &RunId,
        environment_id: Option<&str>,
    ) -> Result<Option<Value>, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::EXECUTION_DATA,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&environment_id, Type::TEXT),
                ],
            )
            .await?;
        Ok(row.try_get("execution_data")?)
    }

    /// `engine_snapshots_since`: the run's valid snapshots after `snapshot_id`, oldest first, at most the
    /// newest fifty, or none if there is no such run or snapshot in that environment.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, SnapshotId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId, seen: SnapshotId) -> Result<(), Error> {
    /// let snapshots = engine.snapshots_since(&run_id, &seen, None).await?;
    /// for snapshot in snapshots.unwrap_or_default() {
    ///     println!("{}", snapshot["snapshot"]["description"]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn snapshots_since(
        &self,
        run_id: &RunId,
        snapshot_id: &SnapshotId,
        environment_id: Option<&str>,
    ) -> Result<Option<Vec<Value>>, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::SNAPSHOTS_SINCE,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&snapshot_id.as_str(), Type::TEXT),
                    (&environment_id, Type::TEXT),
                ],
            )
            .await?;
        let snapshots: Option<Json<Vec<Value>>> = row.try_get("snapshots")?;
        Ok(snapshots.map(|Json(snapshots)| snapshots))
    }

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
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for more than `engine.max_batch` events;
    /// [`EventsRemoved`](crate::ErrorKind::EventsRemoved) if events after the position were removed.
    pub async fn events(
        &self,
        after: impl Into<Option<i64>>,
        max_events: i32,
    ) -> Result<Vec<Event>, Error> {
        let after: Option<i64> = after.into();
        let rows = self
            .client
            .query_typed(
                statement::EVENTS,
                &[(&after, Type::INT8), (&max_events, Type::INT4)],
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

    /// `engine_check`: the violated invariants; none if the database is healthy. Reads all runs.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// for violation in engine.check().await? {
    ///     println!("{}: {}", violation.kind, violation.detail);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn check(&self) -> Result<Vec<Violation>, Error> {
        let rows = self.client.query_typed(statement::CHECK, &[]).await?;
        rows.iter().map(Violation::from_row).collect()
    }

    /// `engine_doctor`: what an operator should know and has been so for at least `patience`; problems first, nothing if
    /// all is well.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// use std::time::Duration;
    ///
    /// for finding in engine.doctor(Duration::ZERO).await? {
    ///     println!("{}: {}. {}", finding.subject, finding.detail, finding.hint);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for more than ten years.
    pub async fn doctor(&self, patience: Duration) -> Result<Vec<Finding>, Error> {
        let rows = self
            .client
            .query_typed(statement::DOCTOR, &[(&to_ms(patience), Type::INT8)])
            .await?;
        rows.iter().map(Finding::from_row).collect()
    }

    /// `engine_metrics`: the figures for a monitoring system, those of one name together.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// for metric in engine.metrics().await? {
    ///     println!("{}{:?} {}", metric.name, metric.labels, metric.value);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn metrics(&self) -> Result<Vec<Metric>, Error> {
        let rows = self.client.query_typed(statement::METRICS, &[]).await?;
        rows.iter().map(Metric::from_row).collect()
    }
}
