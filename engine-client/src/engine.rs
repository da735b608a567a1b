//! One method per SQL function; this file has those of a service that triggers runs, and the tick.

mod attempt;
mod batch;
mod bulk;
mod deploy;
mod event;
mod forget;
mod grant;
mod heartbeat;
mod many;
mod observe;
mod operate;
mod retain;
mod shard;
mod wait;
mod work;

use std::time::SystemTime;

use tokio_postgres::GenericClient;
use tokio_postgres::types::{Json, Type};

use crate::{Error, Execution, RunId, Trigger, Triggered, statement};

pub use self::many::OfMany;
pub use self::work::WorkerTurn;

/// The caller's identity, written to the snapshots of the runs that it dequeues, starts and completes.
///
/// ```
/// use engine_client::Identity;
///
/// let identity = Identity {
///     worker_id: Some("mailer".to_owned()),
///     runner_id: Some(format!("mailer-{}", std::process::id())),
/// };
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The worker, such as a host or a deployment.
    pub worker_id: Option<String>,
    /// The process or machine of that worker that executes handlers.
    pub runner_id: Option<String>,
}

impl Identity {
    /// This identity, with ids of this process where it has none: the server answers a repeated call only to a worker that
    /// gives both.
    pub(crate) fn completed(mut self) -> Self {
        self.worker_id
            .get_or_insert_with(|| "engine-client".to_owned());
        self.runner_id.get_or_insert_with(|| {
            format!("{}-{:016x}", std::process::id(), rand::random::<u64>())
        });
        self
    }
}

const ANONYMOUS: &Identity = &Identity {
    worker_id: None,
    runner_id: None,
};

/// One kind of due work, and how much of it `engine_tick` did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ticked {
    /// The kind of work.
    pub kind: String,
    /// Number of items done.
    pub processed: i32,
}

/// The functions of the engine on a connection or in a transaction, without any policy.
///
/// Each call is one round trip with an unnamed statement, which also works behind a pooler in transaction mode.
/// Each is cancel safe in the sense that a dropped call took effect either completely or not at all; which of the
/// two is unknown.
///
/// Triggers are part of the caller's transaction: they become visible with its commit and disappear with its
/// rollback. All other calls need READ COMMITTED and should not be made in a larger transaction, because what they
/// lock stays locked until it ends.
///
/// Every call may fail with [`ErrorKind::Connection`](crate::ErrorKind::Connection),
/// [`Setup`](crate::ErrorKind::Setup), [`VersionMismatch`](crate::ErrorKind::VersionMismatch) and
/// [`Database`](crate::ErrorKind::Database); the methods name their other errors.
#[derive(Debug)]
pub struct Engine<'a, C> {
    client: &'a C,
    identity: &'a Identity,
}

impl<'a, C: GenericClient> Engine<'a, C> {
    /// The engine on `client`: a [`Client`](tokio_postgres::Client) or a
    /// [`Transaction`](tokio_postgres::Transaction).
    pub fn new(client: &'a C) -> Self {
        Self {
            client,
            identity: ANONYMOUS,
        }
    }

    /// This engine, with calls made as `identity`.
    ///
    /// ```
    /// # use engine_client::{Dequeue, Engine, Error, Identity, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let identity = Identity {
    ///     worker_id: Some("mailer".into()),
    ///     runner_id: Some("mailer-7".into()),
    /// };
    /// let engine = engine.identified_as(&identity);
    /// engine.dequeue(&Dequeue::new("main")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn identified_as(self, identity: &'a Identity) -> Self {
        Self { identity, ..self }
    }

    /// `engine_version`: the version of the extension.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// println!("engine {}", engine.version().await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn version(&self) -> Result<String, Error> {
        let row = self.client.query_typed_one(statement::VERSION, &[]).await?;
        Ok(row.try_get("version")?)
    }

    /// `engine_trigger`: makes a run.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, Trigger, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let trigger = Trigger::new("bill").payload(&17)?.idempotency_key("order-17");
    /// let triggered = engine.trigger(&trigger).await?;
    /// if triggered.is_cached {
    ///     println!("run {} had been triggered before", triggered.run_id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`RunIdTaken`](crate::ErrorKind::RunIdTaken), [`TokenUsed`](crate::ErrorKind::TokenUsed),
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun) for a parent that does not exist; for a parent that is to
    /// wait, also [`RunFinished`](crate::ErrorKind::RunFinished) and
    /// [`NotStartable`](crate::ErrorKind::NotStartable) if no attempt of it runs; for a run that joins a
    /// batch, also [`UnknownBatch`](crate::ErrorKind::UnknownBatch) and
    /// [`BatchClosed`](crate::ErrorKind::BatchClosed).
    pub async fn trigger(&self, trigger: &Trigger) -> Result<Triggered, Error> {
        let arguments = trigger.arguments();
        let named = arguments.iter().enumerate();
        let named = named.map(|(index, of)| format!("{} => ${}", of.parameter, index + 1));
        let named = named.collect::<Vec<_>>().join(", ");
        let values = arguments.into_iter().map(|of| (of.value, of.kind));
        let row = self
            .client
            .query_typed_one(
                &format!("{}{named}) as t", statement::TRIGGER),
                &values.collect::<Vec<_>>(),
            )
            .await?;
        Triggered::from_row(&row)
    }

    /// `engine_reschedule`: moves the due time of a delayed run.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId) -> Result<(), Error> {
    /// use std::time::{Duration, SystemTime};
    ///
    /// engine.reschedule(&run_id, SystemTime::now() + Duration::from_secs(3600)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun); [`NotStartable`](crate::ErrorKind::NotStartable) for a run
    /// that does not wait; [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn reschedule(
        &self,
        run_id: &RunId,
        delay_until: SystemTime,
    ) -> Result<Execution, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::RESCHEDULE,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&delay_until, Type::TIMESTAMPTZ),
                ],
            )
            .await?;
        Execution::from_row(&row)
    }

    /// `engine_trigger_many`: makes all these runs or none, and returns them in order.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, Trigger, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let triggers = ["a.png", "b.png"].map(|name| Trigger::new("resize").payload(name));
    /// let triggers = triggers.into_iter().collect::<Result<Vec<_>, _>>()?;
    /// let runs = engine.trigger_many(&triggers).await?;
    /// assert_eq!(runs.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`trigger`](Self::trigger).
    pub async fn trigger_many(&self, triggers: &[Trigger]) -> Result<Vec<Triggered>, Error> {
        let rows = self
            .client
            .query_typed(statement::TRIGGER_MANY, &[(&Json(triggers), Type::JSONB)])
            .await?;
        rows.iter().map(Triggered::from_row).collect()
    }

    /// `engine_tick`: does at most `max_items` items of due work, such as requeuing stalled runs.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// for done in engine.tick(1_000).await? {
    ///     println!("{}: {}", done.kind, done.processed);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn tick(&self, max_items: i32) -> Result<Vec<Ticked>, Error> {
        let rows = self
            .client
            .query_typed(statement::TICK, &[(&max_items, Type::INT4)])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Ticked {
                    kind: row.try_get("kind")?,
                    processed: row.try_get("processed")?,
                })
            })
            .collect()
    }

    /// The functions among these that this role may not execute.
    pub(crate) async fn missing_rights(&self, functions: &[&str]) -> Result<Vec<String>, Error> {
        let rows = self
            .client
            .query_typed(statement::MISSING_RIGHTS, &[(&functions, Type::TEXT_ARRAY)])
            .await?;
        rows.iter().map(|row| Ok(row.try_get("name")?)).collect()
    }

    pub(crate) async fn may_execute(&self, function: &str) -> Result<bool, Error> {
        let row = self
            .client
            .query_typed_one(statement::MAY_EXECUTE, &[(&function, Type::TEXT)])
            .await?;
        Ok(row.try_get("may_execute")?)
    }

    /// `engine_lead`: whether this connection leads the sessions that tick. If none leads, it does from now on,
    /// until it is closed.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// // Of all sessions that ask this, one ticks.
    /// if engine.lead().await? {
    ///     engine.tick(1_000).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`VersionMismatch`](crate::ErrorKind::VersionMismatch).
    pub async fn lead(&self) -> Result<bool, Error> {
        let row = self.client.query_typed_one(statement::LEAD, &[]).await?;
        Ok(row.try_get("leads")?)
    }
}
