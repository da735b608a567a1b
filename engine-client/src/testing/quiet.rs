//! Waits until nothing is left to do.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::beside;
use crate::{Connection, Error, RunId, RunResult, Watch, Worker};

/// Time between two looks.
const POLL: Duration = Duration::from_millis(20);

/// Lets `worker` execute runs until no run of any queue is due or executing, and the tick has nothing to do; then stops it, and
/// returns how many runs have finished. Runs that come later, and those that wait for something, stay: move the
/// [clock](crate::Engine::set_test_clock), or complete their tokens, and drain again.
///
/// ```no_run
/// # async fn example(database: engine_client::Database) -> Result<(), Box<dyn std::error::Error>> {
/// use engine_client::{Context, Trigger, Worker, testing};
///
/// let connection = database.connect().await?;
/// let runs = vec![Trigger::new("double").payload(&21)?; 10];
/// connection.engine().trigger_many(&runs).await?;
/// let worker = Worker::new(database)
///     .task("double", |_ctx: Context, number: i64| async move { Ok(number * 2) });
/// assert_eq!(testing::drain(worker).await?, 10);
/// # Ok(())
/// # }
/// ```
///
/// It looks at the views of all queues: for tests with a database of their own, by a role that may read them.
///
/// # Errors
/// The error that ends the worker before that.
pub async fn drain(worker: Worker) -> Result<u64, Error> {
    let connection = worker.database()?.connect().await?;
    let before = finished(&connection).await?;
    beside(worker, async {
        while !is_quiet(&connection).await? {
            sleep(POLL).await;
        }
        Ok(())
    })
    .await?;
    let after = finished(&connection).await?;
    connection.close().await;
    Ok(after.saturating_sub(before))
}

/// Waits until a run has ended, executed by whichever worker, for at most `patience`; none if it has not ended by then.
///
/// ```no_run
/// # use engine_client::{Connection, RunId};
/// # async fn example(connection: &Connection, run_id: &RunId) -> Result<(), engine_client::Error> {
/// use std::time::Duration;
/// use engine_client::testing;
///
/// let result = testing::result_within(Duration::from_secs(10), connection, run_id).await?;
/// assert!(result.is_some_and(|result| result.is_success()));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`Watch::result`].
pub async fn result_within(
    patience: Duration,
    connection: &Connection,
    run_id: &RunId,
) -> Result<Option<RunResult>, Error> {
    let mut watch = Watch::new(connection.client(), run_id.clone());
    timeout(patience, watch.result()).await.ok().transpose()
}

/// Whether nothing happens until time passes, or another party does something.
async fn is_quiet(connection: &Connection) -> Result<bool, Error> {
    let row = connection.client().query_one(QUIET, &[]).await?;
    Ok(row.try_get(0)?)
}

async fn finished(connection: &Connection) -> Result<u64, Error> {
    let row = connection.client().query_one(FINISHED, &[]).await?;
    let count: i64 = row.try_get(0)?;
    Ok(count.unsigned_abs())
}

// One statement, so that it sees one moment.
const QUIET: &str = "\
select not exists (select from engine.queue_stats as q where q.due > 0 and not q.is_paused)
       and not exists (select from engine.overdue)
       and not exists (
           select from engine.run_state as s where s.execution_status in ('PENDING_EXECUTING', 'EXECUTING', 'PENDING_CANCEL'))";

const FINISHED: &str =
    "select count(*) from engine.run_state as s where s.execution_status = 'FINISHED'";
