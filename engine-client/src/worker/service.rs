//! What runs beside the dequeues: heartbeats and timekeepers.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::Timekeeper;

/// Longest time for tasks to end once they were told to. Only a handler that blocks its thread takes longer.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// The services that run beside the dequeues. All of them end when this is dropped.
#[derive(Debug)]
pub(super) struct Services {
    pub(super) stop: CancellationToken,
    pub(super) tasks: JoinSet<()>,
    /// Notified when the threads of the heartbeats have ended.
    pub(super) heartbeats: Vec<oneshot::Receiver<()>>,
}

impl Services {
    pub(super) fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
            heartbeats: Vec::new(),
        }
    }

    /// Ends them. `closing` closes the connections of what makes calls, once no attempt does any more.
    pub(super) async fn end(mut self, closing: impl Future<Output = ()>) {
        self.stop.cancel();
        end(&mut self.tasks).await;
        closing.await;
        for ended in std::mem::take(&mut self.heartbeats) {
            if timeout(END_TIMEOUT, ended).await.is_err() {
                tracing::error!("the heartbeat did not end in time");
            }
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A worker that may not tick still works; another session must tick then.
pub(super) async fn keep_time(timekeeper: Timekeeper, drained: CancellationToken) {
    if let Err(error) = timekeeper.run(drained.cancelled_owned()).await {
        tracing::error!(%error, "this worker's timekeeper gave up");
    }
}

/// Waits for tasks that were told to end.
pub(super) async fn end(tasks: &mut JoinSet<()>) {
    let finish = async { while tasks.join_next().await.is_some() {} };
    if timeout(END_TIMEOUT, finish).await.is_err() {
        tracing::error!(tasks = tasks.len(), "tasks did not end in time");
        tasks.abort_all();
    }
}
