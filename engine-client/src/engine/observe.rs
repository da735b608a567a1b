//! The functions that only read.

use std::time::Duration;

use serde_json::Value;
use tokio_postgres::GenericClient;
use tokio_postgres::types::{Json, Type};

use crate::time::to_ms;
use crate::{Engine, Error, Finding, Metric, RunId, RunResult, SnapshotId, Violation, statement};

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
