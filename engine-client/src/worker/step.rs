//! Steps: work that a run does once, however often its handler is called.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Context;
use crate::dequeue::read_payload;
use crate::{Connection, Failure};

impl Context {
    /// Does `work` once in the whole run, and returns its output then and later: when the handler is called again,
    /// by the next attempt or after a suspension, the output comes from the database.
    ///
    /// The output is stored as JSON, as the output of a token named `name`; the second step with a name in an
    /// attempt is `name#2`, and so on, so that steps with one name, as in a loop, must come in the same order
    /// whenever the handler is called. Work that fails, or is interrupted, is done again: what it does outside the
    /// database should tolerate repetition. A step costs two commits.
    ///
    /// ```
    /// # use engine_client::{Context, Failure};
    /// # async fn charge(card: &str) -> Result<String, Failure> { Ok(card.into()) }
    /// async fn order(ctx: Context, card: String) -> Result<String, Failure> {
    ///     let receipt = ctx.step("charge", async || charge(&card).await).await?;
    ///     // An attempt that fails below does not charge the card again.
    ///     Ok(receipt)
    /// }
    /// ```
    ///
    /// # Errors
    /// The failure of `work`; `TASK_OUTPUT_ERROR` if its output cannot be stored, or parsed as a `T`.
    pub async fn step<T, W>(&self, name: &str, work: W) -> Result<T, Failure>
    where
        T: Serialize + DeserializeOwned,
        W: AsyncFnOnce() -> Result<T, Failure>,
    {
        #[cfg(feature = "testing")]
        if let Some(script) = &self.parts.script {
            return script.step(self.parts.names.next("step", name), work).await;
        }
        let options = &self.keyed("step", name);
        let create = |connection: Arc<Connection>| async move {
            let engine = connection.engine();
            engine.create_manual_waitpoint(None, options).await
        };
        let waitpoint = self.persist(create).await?;
        let id = &waitpoint.waitpoint_id;
        let output = if waitpoint.is_completed {
            let data = self.waitpoint(id).await?;
            data["output"].as_str().map(str::to_owned)
        } else {
            let output = work().await?;
            let output = &serde_json::to_string(&output).map_err(unfit)?;
            let complete = |connection: Arc<Connection>| async move {
                let engine = connection.engine();
                engine
                    .complete_waitpoint(id, Some(output), None, false)
                    .await
            };
            // If another attempt was first, its output wins.
            self.persist(complete).await?.output
        };
        let output = output.as_deref().unwrap_or("null");
        read_payload(output, "application/json").map_err(unfit)
    }
}

fn unfit(error: impl std::fmt::Display) -> Failure {
    Failure::internal("TASK_OUTPUT_ERROR", error)
}
