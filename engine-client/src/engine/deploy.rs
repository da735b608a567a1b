//! The functions of deployments: versions and schedules.

use tokio_postgres::GenericClient;
use tokio_postgres::types::{Json, Type};

use crate::{
    Beginning, Engine, Error, NewVersion, Schedule, ScheduleChange, Triggered, Version, statement,
};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_register_worker`: registers a version of a worker with its tasks and queues, and promotes the runs
    /// that wait for it.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, NewVersion, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let version = NewVersion::new("20261130.1").tasks(["bill", "remind"]).promote(true);
    /// let registered = engine.register_worker(&version).await?;
    /// println!("{} runs had waited for it", registered.promoted_runs);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn register_worker(&self, new: &NewVersion) -> Result<Version, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::REGISTER_WORKER,
                &[
                    (&new.environment_id, Type::TEXT),
                    (&new.version, Type::TEXT),
                    (&Json(&new.tasks), Type::JSONB),
                    (&Json(&new.queues), Type::JSONB),
                    (&new.image, Type::TEXT),
                    (&new.promote, Type::BOOL),
                ],
            )
            .await?;
        Version::from_row(&row)
    }

    /// `engine_promote_worker`: makes a version the current one, whichever is current now: the way back to an
    /// older version.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// // Back to the version of yesterday.
    /// let version = engine.promote_worker("default", "20261129.3").await?;
    /// assert!(version.is_current);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`UnknownVersion`](crate::ErrorKind::UnknownVersion),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn promote_worker(
        &self,
        environment_id: &str,
        version: &str,
    ) -> Result<Version, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::PROMOTE_WORKER,
                &[(&environment_id, Type::TEXT), (&version, Type::TEXT)],
            )
            .await?;
        Version::from_row(&row)
    }

    /// `engine_set_schedule`: creates or changes a schedule, and returns it.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, ScheduleChange, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let change = ScheduleChange::new("nightly-report")
    ///     .task("report")
    ///     .cron("30 2 * * *")
    ///     .timezone("Europe/Berlin");
    /// let schedule = engine.set_schedule(&change).await?;
    /// println!("next at {:?}", schedule.next.map(|next| next.effective_at));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn set_schedule(&self, change: &ScheduleChange) -> Result<Schedule, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::SET_SCHEDULE,
                &[
                    (&change.id, Type::TEXT),
                    (&change.task, Type::TEXT),
                    (&change.cron, Type::TEXT),
                    (&change.timezone, Type::TEXT),
                    (&change.environment_id, Type::TEXT),
                    (&change.payload, Type::JSONB),
                    (&change.external_id, Type::TEXT),
                    (&change.spread_window, Type::TEXT),
                    (&change.active, Type::BOOL),
                    (&change.options, Type::JSONB),
                ],
            )
            .await?;
        Schedule::from_row(&row)
    }

    /// `engine_run_schedule`: triggers a run of a schedule now, beside those of its ticks, and returns it. The next tick stays when it
    /// is.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let run = engine.run_schedule("nightly-report").await?;
    /// println!("{}", run.run_id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownSchedule`](crate::ErrorKind::UnknownSchedule), and those of a [trigger](Self::trigger).
    pub async fn run_schedule(&self, id: &str) -> Result<Triggered, Error> {
        let row = self
            .client
            .query_typed_one(statement::RUN_SCHEDULE, &[(&id, Type::TEXT)])
            .await?;
        Triggered::from_row(&row)
    }

    /// `engine_delete_schedule`: deletes a schedule and returns whether it existed. Its runs stay.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let existed = engine.delete_schedule("nightly-report").await?;
    /// # drop(existed);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn delete_schedule(&self, id: &str) -> Result<bool, Error> {
        let row = self
            .client
            .query_typed_one(statement::DELETE_SCHEDULE, &[(&id, Type::TEXT)])
            .await?;
        Ok(row.try_get("existed")?)
    }

    /// `engine_upcoming_runs`: when a schedule makes its next runs, at most `max_runs`.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// for beginning in engine.upcoming_runs("nightly-report", 5).await? {
    ///     println!("{:?}", beginning.effective_at);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownSchedule`](crate::ErrorKind::UnknownSchedule).
    pub async fn upcoming_runs(&self, id: &str, max_runs: i32) -> Result<Vec<Beginning>, Error> {
        let rows = self
            .client
            .query_typed(
                statement::UPCOMING_RUNS,
                &[(&id, Type::TEXT), (&max_runs, Type::INT4)],
            )
            .await?;
        rows.iter().map(Beginning::from_row).collect()
    }

    /// `engine_reset_idempotency_key`: forgets a key, so that the next trigger with it makes a new run; returns
    /// whether the key existed.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// // The next trigger with this key makes a new run.
    /// engine.reset_idempotency_key("bill", "order-17", "default").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment).
    pub async fn reset_idempotency_key(
        &self,
        task: &str,
        key: &str,
        environment_id: &str,
    ) -> Result<bool, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::RESET_IDEMPOTENCY_KEY,
                &[
                    (&task, Type::TEXT),
                    (&key, Type::TEXT),
                    (&environment_id, Type::TEXT),
                ],
            )
            .await?;
        Ok(row.try_get("existed")?)
    }
}
