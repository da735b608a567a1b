//! Waits of a handler: for time, and for tokens.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Context;
use crate::dequeue::read_payload;
use crate::{
    Block, Connection, Error, ErrorKind, Failure, Waitpoint, WaitpointId, WaitpointOptions,
};

/// Waits. While a run waits, another one may execute in the worker; the run keeps its slot in its queue, unless it
/// is [suspended](crate::TaskOptions::suspend_after).
///
/// Every wait has a name, and a wait that has ended is not repeated when the handler is called again, by the next
/// attempt or after a suspension. A name used again in one attempt, as in a loop, is a separate wait: the uses of
/// a name are distinguished by their order, which must be the same whenever the handler is called. A handler waits
/// for one thing at a time; a second wait begins when the first one has ended.
impl Context {
    /// Waits for some time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use engine_client::{Context, Failure};
    /// async fn remind(ctx: Context, address: String) -> Result<(), Failure> {
    ///     ctx.wait_for("a day", Duration::from_secs(24 * 3600)).await?;
    ///     // … send a mail to the address
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// Refusals of the server; a server that is down is waited for until the run's deadline.
    pub async fn wait_for(&self, name: &str, time: Duration) -> Result<(), Failure> {
        self.wait_until(name, SystemTime::now() + time).await
    }

    /// Waits until a moment of this machine's clock.
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub async fn wait_until(&self, name: &str, moment: SystemTime) -> Result<(), Failure> {
        #[cfg(feature = "testing")]
        if let Some(script) = &self.parts.script {
            script.wait(self.parts.names.next("wait", name), moment);
            return Ok(());
        }
        let options = &self.keyed("wait", name);
        let call = |connection: Arc<Connection>| async move {
            let engine = connection.engine();
            engine.create_datetime_waitpoint(moment, options).await
        };
        let waitpoint = self.persist(call).await?;
        let lasts = moment.duration_since(SystemTime::now()).ok();
        self.wait_on(&waitpoint, lasts).await?;
        Ok(())
    }

    /// A token for another party to complete, with [`complete_waitpoint`](crate::Engine::complete_waitpoint). With
    /// a timeout, a wait for it returns none after that time.
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub async fn create_token(
        &self,
        name: &str,
        timeout: Option<Duration>,
    ) -> Result<WaitpointId, Failure> {
        #[cfg(feature = "testing")]
        if self.parts.script.is_some() {
            return Ok(self.parts.names.next("token", name).into());
        }
        let options = &self.keyed("token", name);
        let timeout_at = timeout.map(|timeout| SystemTime::now() + timeout);
        let call = |connection: Arc<Connection>| async move {
            let engine = connection.engine();
            engine.create_manual_waitpoint(timeout_at, options).await
        };
        Ok(self.persist(call).await?.waitpoint_id)
    }

    /// Waits until a token is completed, and parses its output; none if its timeout came first.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use engine_client::{Context, Failure};
    /// async fn ship(ctx: Context, order: u32) -> Result<(), Failure> {
    ///     let hour = Duration::from_secs(3600);
    ///     let token = ctx.create_token("approval", Some(hour)).await?;
    ///     // … send the token to a person
    ///     match ctx.wait_for_token(&token).await? {
    ///         Some(true) => Ok(()),
    ///         Some(false) | None => Err(Failure::message("not approved").no_retry()),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// If the token was completed with an error, a failure with that error. If its output is not a `T`,
    /// `TASK_INPUT_ERROR`. Otherwise as [`wait_for`](Self::wait_for).
    pub async fn wait_for_token<T: DeserializeOwned>(
        &self,
        token: &WaitpointId,
    ) -> Result<Option<T>, Failure> {
        #[cfg(feature = "testing")]
        if let Some(script) = &self.parts.script {
            return script.token(token.as_str());
        }
        let mut data = self.waitpoint(token).await?;
        if data["status"] != "COMPLETED" {
            self.block_on(token, None).await?;
            data = self.waitpoint(token).await?;
        }
        let output = data["output"].as_str();
        if data["outputIsError"] == true {
            return match output {
                Some(output) if is_timeout(output) => Ok(None),
                Some(output) => Err(Failure::reported(output)),
                None => Err(Failure::message("the token was completed with an error")),
            };
        }
        let output_type = data["outputType"].as_str().unwrap_or_default();
        let output = read_payload(output.unwrap_or("null"), output_type);
        let output = output.map_err(|error| Failure::internal("TASK_INPUT_ERROR", error))?;
        Ok(Some(output))
    }

    /// Options of a waitpoint of this run: created once for each use of the name.
    pub(super) fn keyed(&self, kind: &str, name: &str) -> WaitpointOptions {
        WaitpointOptions::default()
            .environment_id(&self.run().environment_id)
            .idempotency_key(self.key(kind, name))
    }

    /// The key of a step or wait of this run; different for every use of the name in this attempt.
    pub(super) fn key(&self, kind: &str, name: &str) -> String {
        format!(
            "run/{}/{}",
            self.run_id(),
            self.parts.names.next(kind, name)
        )
    }

    pub(super) async fn waitpoint(&self, id: &WaitpointId) -> Result<Value, Failure> {
        let call = |connection: Arc<Connection>| async move {
            connection.engine().waitpoint_data(id, None).await
        };
        let data = self.persist(call).await?;
        data.ok_or_else(|| Failure::message("there is no such token"))
    }

    async fn wait_on(&self, waitpoint: &Waitpoint, lasts: Option<Duration>) -> Result<(), Error> {
        if waitpoint.is_completed {
            Ok(())
        } else {
            self.block_on(&waitpoint.waitpoint_id, lasts).await
        }
    }

    async fn block_on(&self, id: &WaitpointId, lasts: Option<Duration>) -> Result<(), Error> {
        self.pause(lasts, async || {
            loop {
                let (run_id, snapshot_id) = &self.parts.held.at();
                let block = &Block::on([id.clone()]).snapshot_id(snapshot_id.clone());
                let call = |connection: Arc<Connection>| async move {
                    let identity = self.parts.calls.identity();
                    let engine = connection.engine().identified_as(identity);
                    engine.block(run_id, block).await
                };
                match self.persist(call).await {
                    Ok(blocked) => return Ok(blocked.pending_count == 0),
                    // The run may have moved on with this attempt, as after a call whose answer was lost.
                    Err(error) if error.kind() == ErrorKind::StaleSnapshot => {
                        self.catch_up().await?;
                        if self.snapshot_id() == *snapshot_id {
                            return Err(error);
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
        })
        .await
    }

    /// Repeats a call until it has an answer. The attempt's deadline limits it.
    pub(super) async fn persist<T, Call>(
        &self,
        call: impl Fn(Arc<Connection>) -> Call,
    ) -> Result<T, Error>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        self.parts.calls.persist(self.run_id(), call).await.result
    }
}

/// Whether this is the engine's output of a token that timed out.
fn is_timeout(output: &str) -> bool {
    let output: Result<Value, _> = serde_json::from_str(output);
    output.is_ok_and(|output| output["code"] == "TRIGGER_WAITPOINT_TIMEOUT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_distinguished_from_other_errors() {
        assert!(is_timeout(
            r#"{"code":"TRIGGER_WAITPOINT_TIMEOUT","message":"late"}"#
        ));
        assert!(!is_timeout(r#"{"code":"OTHER"}"#));
        assert!(!is_timeout("not JSON"));
    }
}
