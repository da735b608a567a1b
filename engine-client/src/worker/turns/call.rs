//! The calls of turns, and between them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

use super::super::report::End;
use super::super::turn_state::State;
use super::Turns;
use crate::backoff::Backoff;
use crate::link::{Answer, is_transient};
use crate::{Completed, Connection, Dequeued, Error, ErrorKind, WorkerTurn};

/// A wait for runs in the server.
pub(super) type Waiting = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl Turns {
    /// Dequeues up to `max_runs` runs, which do not start.
    pub(super) async fn dequeue_once(&self, max_runs: usize) -> Result<Vec<Dequeued>, Error> {
        let max_runs = i32::try_from(max_runs.min(self.max_batch)).unwrap_or(i32::MAX);
        let dequeue = self.dequeue.clone().max_runs(max_runs).wait(Duration::ZERO);
        let connection = self.stop.run_until_cancelled(self.link.try_connection());
        let Some(connection) = connection.await else {
            return Ok(Vec::new());
        };
        let connection = connection?;
        let engine = connection.engine().identified_as(&self.identity);
        self.link
            .answer(&connection, engine.dequeue(&dequeue))
            .await
    }

    /// Makes the call of a turn until it is answered, under one name: if an answer is lost, it comes again. A worker that
    /// stops gives up a turn that reports nothing. `release` is called when the connection is lost: what the call holds is of
    /// use to others meanwhile.
    pub(super) async fn call(
        &self,
        reports: &[End],
        max_runs: usize,
        state: &mut State,
        mut release: impl FnMut(),
    ) -> Result<WorkerTurn, Error> {
        let max_runs = i32::try_from(max_runs.min(self.max_batch)).unwrap_or(i32::MAX);
        let dequeue = self.dequeue.clone().max_runs(max_runs).wait(Duration::ZERO);
        let turn_id = &state.name();
        let mut backoff = Backoff::new(self.link.reconnect());
        loop {
            if !self.link.is_up() {
                release();
            }
            let connection = if reports.is_empty() {
                let connection = self.stop.run_until_cancelled(self.link.connection());
                match connection.await {
                    Some(connection) => connection?,
                    None => return Ok(WorkerTurn::reported(Vec::new())),
                }
            } else {
                self.link.connection().await?
            };
            let engine = connection.engine().identified_as(&self.identity);
            let call = async {
                if max_runs == 0 {
                    // What repeats it may report again is known to the server by the snapshots.
                    return engine
                        .complete_many(reports)
                        .await
                        .map(WorkerTurn::reported);
                }
                engine.work(reports, &dequeue, Some(turn_id)).await
            };
            match self.link.answer(&connection, call).await {
                Err(error)
                    if is_transient(&error)
                        && !(reports.is_empty() && self.stop.is_cancelled()) =>
                {
                    if error.kind() == ErrorKind::Connection {
                        release();
                    }
                    let pause = backoff.pause();
                    tracing::debug!(%error, ?pause, "the turn failed, repeats it");
                    sleep(pause).await;
                }
                result => return result,
            }
        }
    }

    pub(super) async fn report_singly(
        &self,
        ends: impl Iterator<Item = (End, oneshot::Sender<Answer<Completed>>)>,
    ) {
        for (end, reply) in ends {
            let end = &end;
            let call = |connection: Arc<Connection>| async move {
                let engine = connection.engine().identified_as(&self.identity);
                engine.complete_attempt(&end.0, &end.1, &end.2).await
            };
            // Its attempt may have gone.
            let _ = reply.send(self.link.persist(call).await);
        }
    }

    /// Begins a wait for runs.
    pub(super) fn wait(&self) -> Waiting {
        let (link, dequeue, stop) = (
            Arc::clone(&self.wait_link),
            self.dequeue.clone(),
            self.stop.clone(),
        );
        Box::pin(async move {
            let Some(connection) = stop.run_until_cancelled(link.connection()).await else {
                return Ok(());
            };
            let connection = connection?;
            let engine = connection.engine();
            let call = engine.wait_for_runs(&dequeue);
            link.answer_after(dequeue.wait, &connection, call, &stop)
                .await
                .map(|_| ())
        })
    }
}
