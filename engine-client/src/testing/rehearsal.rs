//! A run without a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dequeue::read_payload;
use crate::time::from_seconds;
use crate::worker::{Script, TokenEnd};
use crate::{
    Completion, Context, Dequeued, Error, ExecutionStatus, Failure, RunId, RunResult, RunStatus,
    Trigger,
};

/// A run without a server, for unit tests of a handler: it gives the handler a [`Context`] whose waits end at once, and whose
/// tokens and children end as the test says.
///
/// ```
/// # use std::time::Duration;
/// # use engine_client::{Context, Failure, Trigger};
/// use engine_client::testing::Rehearsal;
///
/// async fn order(ctx: Context, card: String) -> Result<i64, Failure> {
///     ctx.step("charge", async || Ok(format!("charged {card}"))).await?;
///     ctx.wait_for("cool down", Duration::from_secs(3600)).await?;
///     let token = ctx.create_token("approval", None).await?;
///     if ctx.wait_for_token(&token).await? != Some(true) {
///         return Err(Failure::message("not approved"));
///     }
///     let price = ctx.trigger_and_wait("price", Trigger::new("price").payload(&4)?).await?;
///     Ok(price.output()?)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rehearsal = Rehearsal::of(Trigger::new("order"))
///     .token("approval", &true)?
///     .child("price", |items: i64| Ok(items * 10));
/// let total = order(rehearsal.attempt(), "4711".into()).await.unwrap();
/// assert_eq!(total, 40);
/// assert_eq!(rehearsal.steps(), ["charge"]);
/// assert_eq!(rehearsal.waits()[0].0, "cool down");
///
/// // Another attempt does not repeat what is done.
/// let total = order(rehearsal.attempt(), "4712".into()).await.unwrap();
/// assert_eq!((total, rehearsal.steps().len(), rehearsal.triggered().len()), (40, 1, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Rehearsal {
    trigger: Trigger,
    script: Arc<Script>,
    attempts: AtomicI32,
}

impl Rehearsal {
    /// A run as `trigger` would make it.
    pub fn of(trigger: Trigger) -> Self {
        Self {
            trigger,
            script: Arc::default(),
            attempts: AtomicI32::new(0),
        }
    }

    /// The token that the handler creates as `name` is completed with `output`.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind::Serialization) if `output` cannot be written as JSON.
    pub fn token<T: Serialize + ?Sized>(self, name: &str, output: &T) -> Result<Self, Error> {
        let output = serde_json::to_string(output)?;
        Ok(self.token_ends(name, TokenEnd::Output(output)))
    }

    /// The token `name` is completed with an error.
    pub fn token_fails(self, name: &str, error: &str) -> Self {
        self.token_ends(name, TokenEnd::Error(error.to_owned()))
    }

    /// The timeout of the token `name` comes first.
    pub fn token_times_out(self, name: &str) -> Self {
        self.token_ends(name, TokenEnd::TimedOut)
    }

    /// Runs of `task` that the handler triggers and waits for end as `handler` returns.
    pub fn child<T, O>(
        mut self,
        task: &str,
        handler: impl Fn(T) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> Self
    where
        T: DeserializeOwned,
        O: Serialize,
    {
        let child = move |run: &Trigger| {
            let input = read_payload(&payload(run), &media_type(run));
            let input = input.map_err(|error| Failure::internal("TASK_INPUT_ERROR", error));
            let output = input.and_then(&handler).and_then(|output| {
                Completion::success(&output)
                    .map_err(|error| Failure::internal("TASK_OUTPUT_ERROR", error))
            });
            result(&output.unwrap_or_else(|failure| Completion::failure(&failure)))
        };
        self.script_mut()
            .children
            .insert(task.to_owned(), Box::new(child));
        self
    }

    /// The context of the next attempt, the first one at the first call. What earlier attempts have done stays done.
    pub fn attempt(&self) -> Context {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        let dequeued = Arc::new(dequeued(&self.trigger, number));
        Context::rehearsed(dequeued, number, Arc::clone(&self.script))
    }

    /// The names of the steps that were done, in order.
    pub fn steps(&self) -> Vec<String> {
        let told = self.script.told();
        let names = told.steps.iter().map(|(name, _)| bare(name));
        names.collect()
    }

    /// The names of the waits for time, in order, with the moments that they waited for.
    pub fn waits(&self) -> Vec<(String, SystemTime)> {
        let told = self.script.told();
        let waits = told.waits.iter();
        waits.map(|(name, moment)| (bare(name), *moment)).collect()
    }

    /// The tasks and payloads of the runs that were triggered and waited for, in order.
    pub fn triggered(&self) -> Vec<(String, String)> {
        let told = self.script.told();
        let triggered = told.triggered.iter();
        triggered
            .map(|run| (run.task.clone().unwrap_or_default(), payload(run)))
            .collect()
    }

    fn token_ends(mut self, name: &str, end: TokenEnd) -> Self {
        self.script_mut().tokens.insert(name.to_owned(), end);
        self
    }

    /// Contexts that were handed out keep the script as it was.
    fn script_mut(&mut self) -> &mut Script {
        if Arc::get_mut(&mut self.script).is_none() {
            self.script = Arc::default();
        }
        Arc::get_mut(&mut self.script).unwrap_or_else(|| unreachable!("it is new"))
    }
}

/// A name without its kind.
fn bare(name: &str) -> String {
    name.split_once('/')
        .map_or(name, |(_, name)| name)
        .to_owned()
}

/// With the values that the server fills in where the trigger has none.
fn payload(trigger: &Trigger) -> String {
    trigger.payload.clone().unwrap_or_else(|| "{}".to_owned())
}

fn media_type(trigger: &Trigger) -> String {
    let media_type = trigger.payload_type.clone();
    media_type.unwrap_or_else(|| "application/json".to_owned())
}

fn dequeued(trigger: &Trigger, attempt_number: i32) -> Dequeued {
    let (payload, payload_type) = (payload(trigger), media_type(trigger));
    let trigger = trigger.clone();
    let task = trigger.task.unwrap_or_default();
    let run_id: RunId = trigger
        .run_id
        .map_or_else(|| "rehearsal".into(), RunId::new);
    Dequeued {
        run_friendly_id: run_id.friendly(),
        run_id,
        snapshot_id: "rehearsal".into(),
        snapshot_friendly_id: "snapshot_rehearsal".to_owned(),
        execution_status: ExecutionStatus::Executing,
        run_status: RunStatus::Executing,
        snapshot_created_at: SystemTime::now(),
        attempt_number,
        queue: trigger.queue.unwrap_or_else(|| format!("task/{task}")),
        task,
        payload,
        payload_type,
        concurrency_key: trigger.concurrency_key,
        worker_queue: trigger.worker_queue.unwrap_or_else(|| "main".to_owned()),
        environment_id: trigger
            .environment_id
            .unwrap_or_else(|| "default".to_owned()),
        environment_type: None,
        project_id: None,
        organization_id: None,
        worker_version: trigger.version,
        image: None,
        machine: None,
        max_attempts: trigger.max_attempts,
        max_duration: trigger.max_duration_seconds.map(from_seconds),
        is_test: trigger.is_test.unwrap_or_default(),
        is_replay: trigger.replayed_from.is_some(),
        tags: trigger.tags.unwrap_or_default(),
        metadata: trigger.metadata,
        trace_context: trigger.trace_context,
        checkpoint: None,
        completed_waitpoints: None,
        heartbeat: Duration::ZERO,
        dequeued_at: SystemTime::now(),
    }
}

fn result(completion: &Completion) -> RunResult {
    let json = completion.as_json();
    let is_success = json["ok"] == true;
    let text = |key: &str| json[key].as_str().map(str::to_owned);
    RunResult {
        run_id: "child".into(),
        snapshot_id: "child".into(),
        run_status: if is_success {
            RunStatus::CompletedSuccessfully
        } else {
            RunStatus::CompletedWithErrors
        },
        execution_status: ExecutionStatus::Finished,
        attempt_number: Some(1),
        output: text("output"),
        output_type: text("outputType"),
        error: (!is_success).then(|| json["error"].clone()),
        completed_at: Some(SystemTime::now()),
        usage: Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_handler_meets_what_the_test_says() {
        let rehearsal = Rehearsal::of(Trigger::new("t").tags(["a"]).max_attempts(2))
            .token_fails("refused", "no")
            .token_times_out("late")
            .child("odd", |number: i64| match number % 2 {
                1 => Ok(number),
                _ => Err(Failure::message("even")),
            });
        let ctx = rehearsal.attempt();
        assert_eq!((ctx.attempt_number(), ctx.task()), (1, "t"));
        assert_eq!(
            (ctx.run().queue.as_str(), &ctx.run().tags[..]),
            ("task/t", &["a".to_owned()][..])
        );
        assert!(!ctx.is_cancelled() && !ctx.is_stopping() && ctx.held_for().is_none());
        let refused = ctx.create_token("refused", None).await.unwrap();
        assert_eq!(
            ctx.wait_for_token::<i32>(&refused).await,
            Err(Failure::message("no"))
        );
        let late = ctx.create_token("late", None).await.unwrap();
        assert_eq!(ctx.wait_for_token::<i32>(&late).await, Ok(None));
        let runs = [1, 2].map(|number| Trigger::new("odd").payload(&number).unwrap());
        let results = ctx.batch_trigger_and_wait("both", runs).await.unwrap();
        assert!(results[0].is_success() && !results[1].is_success());
        assert_eq!(results[1].error_message().as_deref(), Some("even"));
        assert_eq!(rehearsal.attempt().attempt_number(), 2);
    }

    #[tokio::test]
    async fn what_the_test_does_not_say_fails() {
        let ctx = Rehearsal::of(Trigger::new("t")).attempt();
        let token = ctx.create_token("approval", None).await.unwrap();
        let failure = ctx.wait_for_token::<bool>(&token).await.unwrap_err();
        assert!(format!("{failure:?}").contains("no end for token"));
        let failure = ctx.trigger_and_wait("c", Trigger::new("child")).await;
        assert!(format!("{failure:?}").contains("no child"));
    }
}
