//! Helpers for tests of tasks, with the feature `testing`.
//!
//! A test has a database of its own, a worker with the handlers that it is about, and a clock that it moves with
//! [`Engine::set_test_clock`](crate::Engine::set_test_clock): delays, retries and schedules of months pass in a moment.
//! [`run_to_end`] executes one run, [`drain`] all that are due, and [`result_within`] waits for one that other workers execute.
//! A unit test of a handler needs no database: see [`Rehearsal`].

mod quiet;
mod rehearsal;

use tokio::sync::oneshot;

pub use self::quiet::{drain, result_within};
pub use self::rehearsal::Rehearsal;
use crate::{Error, RunId, RunResult, Watch, Worker};

/// Has `worker` execute runs until `run_id` has ended, whichever runs that takes: those that it waits for, too. Stops the worker
/// then, and returns the result.
///
/// ```no_run
/// # async fn example(database: engine_client::Database) -> Result<(), Box<dyn std::error::Error>> {
/// use engine_client::{Context, Trigger, Worker, testing};
///
/// let connection = database.connect().await?;
/// let run = connection.engine().trigger(&Trigger::new("double").payload(&21)?).await?;
/// let worker = Worker::new(database)
///     .task("double", |_ctx: Context, number: i64| async move { Ok(number * 2) });
/// let result = testing::run_to_end(worker, &run.run_id).await?;
/// assert_eq!(result.output::<i64>()?, 42);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What ends the worker before the run; [`UnknownRun`](crate::ErrorKind::UnknownRun).
pub async fn run_to_end(worker: Worker, run_id: &RunId) -> Result<RunResult, Error> {
    let connection = worker.database()?.connect().await?;
    let mut watch = Watch::new(connection.client(), run_id.clone());
    beside(worker, watch.result()).await
}

/// Runs `worker` until `work` is done; returns its result.
async fn beside<T>(
    worker: Worker,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let (stop, stopped) = oneshot::channel::<()>();
    let running = worker.run(async {
        // A sender that is gone stops the worker, too.
        let _ = stopped.await;
    });
    let mut running = std::pin::pin!(running);
    let result = tokio::select! {
        result = work => result,
        ended = &mut running => {
            ended?;
            return Err(Error::refused("57P01", "the worker has ended before the work".to_owned()));
        }
    };
    drop(stop);
    running.await?;
    result
}
