//! The functions of operators: cancel, replay, redrive, limits.

use std::time::SystemTime;

use serde_json::Value;
use tokio_postgres::GenericClient;
use tokio_postgres::types::{Json, Type};

use crate::time::to_ms;
use crate::{
    Cancel, Cancelled, Engine, Environment, EnvironmentChange, Error, Execution, Failure, Queue,
    QueueChange, Quota, QuotaChange, RunId, Trigger, Triggered, statement,
};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_cancel`: ends a run without a worker, and asks the worker of any other run to stop.
    ///
    /// ```
    /// # use engine_client::{Cancel, Engine, Error, RunId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId) -> Result<(), Error> {
    /// let cancelled = engine.cancel(&run_id, &Cancel::default().reason("withdrawn")).await?;
    /// println!("the run is {}", cancelled.execution.run_status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun), [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation). A run that has ended is no error.
    pub async fn cancel(&self, run_id: &RunId, cancel: &Cancel) -> Result<Cancelled, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::CANCEL,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&cancel.reason, Type::TEXT),
                    (&cancel.finalize, Type::BOOL),
                    (&cancel.completed_at, Type::TIMESTAMPTZ),
                    (&cancel.attempt_duration.map(to_ms), Type::INT8),
                    (&cancel.bulk_action_id, Type::TEXT),
                ],
            )
            .await?;
        Cancelled::from_row(&row)
    }

    /// `engine_replay`: makes a new run that does the work of another run again.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId) -> Result<(), Error> {
    /// let again = engine.replay(&run_id).await?;
    /// println!("run {} does it again", again.run_id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun), [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`QueueFull`](crate::ErrorKind::QueueFull).
    pub async fn replay(&self, run_id: &RunId) -> Result<Triggered, Error> {
        self.replay_run(run_id, false).await
    }

    /// `engine_replay` with `keep_steps`: the new run reuses the results of the other run's
    /// [`step`](crate::Context::step)s and waits; it repeats those that failed or have not ended, and children.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId) -> Result<(), Error> {
    /// // The card is not charged again, the mail is sent.
    /// let again = engine.replay_keeping_steps(&run_id).await?;
    /// # drop(again);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`replay`](Self::replay).
    pub async fn replay_keeping_steps(&self, run_id: &RunId) -> Result<Triggered, Error> {
        self.replay_run(run_id, true).await
    }

    async fn replay_run(&self, run_id: &RunId, keep_steps: bool) -> Result<Triggered, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::REPLAY,
                &[(&run_id.as_str(), Type::TEXT), (&keep_steps, Type::BOOL)],
            )
            .await?;
        Triggered::from_row(&row)
    }

    /// `engine_redrive`: requeues a run that ended without its handler's decision: `SYSTEM_FAILURE`, `CRASHED`,
    /// `TIMED_OUT`, `EXPIRED`, `INTERRUPTED`.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId) -> Result<(), Error> {
    /// let execution = engine.redrive(&run_id).await?;
    /// println!("the run is {}", execution.run_status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun); [`NotStartable`](crate::ErrorKind::NotStartable) for
    /// every other run; [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn redrive(&self, run_id: &RunId) -> Result<Execution, Error> {
        let row = self
            .client
            .query_typed_one(statement::REDRIVE, &[(&run_id.as_str(), Type::TEXT)])
            .await?;
        Execution::from_row(&row)
    }

    /// `engine_create_cancelled_run`: records a run that was cancelled before it could be triggered. With a run id
    /// of the caller's, the call may be repeated.
    ///
    /// ```
    /// # use engine_client::{Cancel, Engine, Error, Trigger, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let trigger = Trigger::new("bill").tags(["order-17"]);
    /// engine.create_cancelled_run(&trigger, &Cancel::default().reason("withdrawn"), true).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`trigger`](Self::trigger).
    pub async fn create_cancelled_run(
        &self,
        trigger: &Trigger,
        cancel: &Cancel,
        emit_event: bool,
    ) -> Result<Triggered, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::CREATE_CANCELLED_RUN,
                &[
                    (&Json(trigger), Type::JSONB),
                    (&cancel.completed_at, Type::TIMESTAMPTZ),
                    (&cancel.reason, Type::TEXT),
                    (&emit_event, Type::BOOL),
                ],
            )
            .await?;
        Triggered::from_row(&row)
    }

    /// `engine_create_failed_run`: records a run that could not be triggered, with its error.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, Failure, Trigger, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let trigger = Trigger::new("bill").tags(["order-17"]);
    /// engine.create_failed_run(&trigger, &Failure::message("the payload is too large"), true).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`trigger`](Self::trigger).
    pub async fn create_failed_run(
        &self,
        trigger: &Trigger,
        failure: &Failure,
        emit_event: bool,
    ) -> Result<Triggered, Error> {
        let error: Value = failure.to_json();
        let row = self
            .client
            .query_typed_one(
                statement::CREATE_FAILED_RUN,
                &[
                    (&Json(trigger), Type::JSONB),
                    (&error, Type::JSONB),
                    (&emit_event, Type::BOOL),
                ],
            )
            .await?;
        Triggered::from_row(&row)
    }

    /// `engine_set_environment`: creates or changes an environment, and returns it.
    ///
    /// ```
    /// # use engine_client::{Engine, EnvironmentChange, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let change = EnvironmentChange::new("billing").concurrency_limit(Some(50));
    /// let environment = engine.set_environment(&change).await?;
    /// # drop(environment);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn set_environment(&self, change: &EnvironmentChange) -> Result<Environment, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::SET_ENVIRONMENT,
                &[
                    (&change.environment_id, Type::TEXT),
                    (&change.kind, Type::TEXT),
                    (&change.project_id, Type::TEXT),
                    (&change.organization_id, Type::TEXT),
                    (&change.concurrency_limit, Type::INT4),
                    (&change.burst_factor, Type::FLOAT8),
                    (&change.is_paused, Type::BOOL),
                    (&change.is_archived, Type::BOOL),
                    (&change.requires_version, Type::BOOL),
                    (&change.max_queue_size, Type::INT4),
                    (&change.retry, Type::JSONB),
                    (&change.shard, Type::INT4),
                    (&change.pause_reason, Type::TEXT),
                ],
            )
            .await?;
        Environment::from_row(&row)
    }

    /// `engine_set_queue`: creates or changes a queue, and returns it.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, QueueChange, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// engine.set_queue(&QueueChange::new("mail").concurrency_limit(Some(5))).await?;
    /// engine.set_queue(&QueueChange::new("mail").paused(true)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn set_queue(&self, change: &QueueChange) -> Result<Queue, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::SET_QUEUE,
                &[
                    (&change.name, Type::TEXT),
                    (&change.environment_id, Type::TEXT),
                    (&change.concurrency_limit, Type::INT4),
                    (&change.is_paused, Type::BOOL),
                    (&change.override_limit, Type::INT4),
                    (&change.max_size, Type::INT4),
                    (&change.pause_reason, Type::TEXT),
                ],
            )
            .await?;
        Queue::from_row(&row)
    }

    /// `engine_set_quota`: sets what an environment may use at most, and returns it.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, QuotaChange, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let change = QuotaChange::new("billing").queued_runs(Some(100_000)).runs_per_second(Some(200.0));
    /// engine.set_quota(&change).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn set_quota(&self, change: &QuotaChange) -> Result<Quota, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::SET_QUOTA,
                &[
                    (&change.environment_id, Type::TEXT),
                    (&change.queued_runs, Type::INT8),
                    (&change.runs_per_second, Type::FLOAT8),
                    (&change.payload_bytes, Type::INT8),
                    (&change.kept_bytes, Type::INT8),
                    (&change.schedules, Type::INT4),
                ],
            )
            .await?;
        Quota::from_row(&row)
    }

    /// `engine_set_machine`: sets the size and cost of a machine preset: virtual processors, gigabytes of memory,
    /// and cents per millisecond of an attempt.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// engine.set_machine("small-1x", 0.5, 0.5, 0.00000338).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a name that is not a preset, or a value that is
    /// negative.
    pub async fn set_machine(
        &self,
        name: &str,
        cpu: f64,
        memory: f64,
        cents_per_ms: f64,
    ) -> Result<(), Error> {
        self.client
            .query_typed_one(
                statement::SET_MACHINE,
                &[
                    (&name, Type::TEXT),
                    (&cpu, Type::FLOAT8),
                    (&memory, Type::FLOAT8),
                    (&cents_per_ms, Type::FLOAT8),
                ],
            )
            .await?;
        Ok(())
    }

    /// `engine_set_test_clock`: moves the clock of the database forward, for tests; returns the moment that it shows then. It
    /// continues from there for all sessions, workers and ticks, and never goes back.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// use std::time::{Duration, SystemTime};
    ///
    /// // Thirty days later, for every session of the database.
    /// let later = SystemTime::now() + Duration::from_secs(30 * 86_400);
    /// engine.set_test_clock(later).await?;
    /// engine.tick(1_000).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `55000` unless a superuser has set `engine.allow_test_clock`, [`InvalidInput`](crate::ErrorKind::InvalidInput) for a
    /// moment that has passed.
    pub async fn set_test_clock(&self, at: SystemTime) -> Result<SystemTime, Error> {
        let row = self
            .client
            .query_typed_one(statement::SET_TEST_CLOCK, &[(&at, Type::TIMESTAMPTZ)])
            .await?;
        Ok(row.try_get("now")?)
    }
}
