//! Reports of ends of attempts, on their way from the attempts to the turns of their worker.

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::link::Answer;
use crate::{Completed, Completion, RunId, SnapshotId};

/// A run, and the snapshot that a call about it names.
pub(super) type At = (RunId, SnapshotId);

/// The end of an attempt.
pub(super) type End = (RunId, SnapshotId, Completion);

/// The end of an attempt, on its way to the server.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) end: End,
    /// The worker's permit, which serves a run of the same turn.
    pub(super) permit: Option<OwnedSemaphorePermit>,
    pub(super) reply: oneshot::Sender<Answer<Completed>>,
}

/// The sending side, for attempts.
#[derive(Debug, Clone)]
pub(super) struct Reports(mpsc::UnboundedSender<Ended>);

impl Reports {
    /// Ends for a worker's turns.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Ended>) {
        let (sender, ends) = mpsc::unbounded_channel();
        (Self(sender), ends)
    }

    /// Reports the end of an attempt; answered once it is committed. None if no turns are taken.
    pub(super) async fn report(
        &self,
        (run_id, snapshot_id): At,
        completion: Completion,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Option<Answer<Completed>> {
        let (reply, answer) = oneshot::channel();
        let end = (run_id, snapshot_id, completion);
        self.0.send(Ended { end, permit, reply }).ok()?;
        answer.await.ok()
    }
}
