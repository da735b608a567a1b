//! The functions that only read.

use serde_json::Value;
use tokio_postgres::GenericClient;
use tokio_postgres::types::{Json, Type};

use crate::{Engine, Error, Event, RunId, RunResult, SnapshotId, Violation, statement};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_run_result`: a run's status, with its output or error once it has ended; none if there is no such
    /// run in that environment.
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

    /// `engine_events`: at most `max_events` events after a position, in order; 0 is before the first.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for more than `engine.max_batch` events.
    pub async fn events(&self, after: i64, max_events: i32) -> Result<Vec<Event>, Error> {
        let rows = self
            .client
            .query_typed(
                statement::EVENTS,
                &[(&after, Type::INT8), (&max_events, Type::INT4)],
            )
            .await?;
        rows.iter().map(Event::from_row).collect()
    }

    /// `engine_check`: the violated invariants; none if the database is healthy. Reads all runs.
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn check(&self) -> Result<Vec<Violation>, Error> {
        let rows = self.client.query_typed(statement::CHECK, &[]).await?;
        rows.iter().map(Violation::from_row).collect()
    }
}
