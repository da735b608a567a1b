//! The turns of a worker: each reports how attempts have ended, and brings the next runs, already started, in one commit.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::config::Batching;
use super::hold::HeldRuns;
use super::metric;
use super::permit::{merge, with_free};
use super::report::{End, Ended};
use super::turn_state::State;
use crate::backoff::{Backoff, BackoffRange};
use crate::link::{Answer, Link, is_transient};
use crate::{Completed, Connection, Dequeue, Dequeued, Error, Identity, OfMany, WorkerTurn};

/// A run that has started, with its permit, and when the call was sent that started it.
#[derive(Debug)]
pub(super) struct StartedRun {
    pub(super) run: Dequeued,
    pub(super) since: Instant,
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// Takes turns on one connection, one after the other: while one is under way, ends gather for the next. Waits for runs are
/// on another connection, so that no end waits for them.
pub(super) struct Turns {
    pub(super) link: Arc<Link>,
    pub(super) wait_link: Arc<Link>,
    pub(super) identity: Arc<Identity>,
    pub(super) dequeue: Dequeue,
    pub(super) permits: Arc<Semaphore>,
    pub(super) held: Arc<HeldRuns>,
    pub(super) max_batch: usize,
    pub(super) batching: Option<Batching>,
    pub(super) idle: BackoffRange,
    pub(super) ends: mpsc::UnboundedReceiver<Ended>,
    /// Where started runs go, until the worker stops.
    pub(super) started: Option<mpsc::UnboundedSender<Result<StartedRun, Error>>>,
    pub(super) stop: CancellationToken,
}

/// A wait for runs in the server.
type Waiting = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// What a turn has found.
enum Found {
    Runs,
    None,
    /// It failed.
    Unknown,
    NotLooked,
}

/// What the next turn is about.
enum Occasion {
    /// An attempt has ended.
    End(Ended),
    /// There may be runs, and there is room for them.
    Look(OwnedSemaphorePermit),
    /// The wait for runs has ended.
    Waited(Result<(), Error>),
    /// The worker stops: from now on it only reports.
    Stop,
    /// Nothing is left to report.
    Over,
}

impl Turns {
    /// Takes turns until all attempts have been reported.
    pub(super) async fn run(mut self) {
        let mut state = State::new(self.idle);
        let mut waiting: Option<Waiting> = None;
        loop {
            let occasion = self.occasion(&state, &mut waiting).await;
            let (ends, permits) = match occasion {
                Occasion::End(first) => {
                    let ends = self.gather(first, state.sent_at).await;
                    (ends, None)
                }
                Occasion::Look(permit) => (Vec::new(), Some(permit)),
                Occasion::Waited(result) => {
                    waiting = None;
                    if state.is_stopping {
                        self.started = None;
                        continue;
                    }
                    match result {
                        Ok(()) => state.look_now(),
                        Err(error) if error.is_lasting() => self.fail(error),
                        Err(error) => {
                            tracing::warn!(%error, "the wait for runs failed");
                            state.look_later();
                        }
                    }
                    continue;
                }
                Occasion::Stop => {
                    state.is_stopping = true;
                    // A wait ends by itself now, and with it its call in the server.
                    if waiting.is_none() {
                        self.started = None;
                    }
                    continue;
                }
                Occasion::Over => return,
            };
            match self.take(ends, permits, &mut state).await {
                Found::Runs => state.look_now(),
                Found::None if self.dequeue.wait.is_zero() => state.look_later(),
                Found::None => {
                    state.look_at = None;
                    waiting.get_or_insert_with(|| self.wait());
                }
                Found::Unknown => state.look_later(),
                Found::NotLooked => {}
            }
        }
    }

    /// Whether the worker wants runs: not once it stops.
    fn wants_runs(&self, state: &State) -> bool {
        self.started.is_some() && !state.is_stopping
    }

    /// Waits for something to do.
    async fn occasion(&mut self, state: &State, waiting: &mut Option<Waiting>) -> Occasion {
        let wants_runs = self.wants_runs(state);
        let permits = Arc::clone(&self.permits);
        let look = async {
            match state.look_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
            permits.acquire_owned().await
        };
        let waited = async {
            match waiting {
                Some(waiting) => waiting.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled(), if wants_runs => Occasion::Stop,
            ended = self.ends.recv() => ended.map_or(Occasion::Over, Occasion::End),
            // The semaphore is never closed.
            Ok(permit) = look, if wants_runs => Occasion::Look(permit),
            result = waited => Occasion::Waited(result),
        }
    }

    /// The ends of a turn: those that are there; under load also those that come until some time after the last turn, as long
    /// as any can come. Without batching only one.
    async fn gather(&mut self, first: Ended, sent_at: Option<Instant>) -> Vec<Ended> {
        let mut ends = vec![first];
        let Some(batching) = self.batching else {
            return ends;
        };
        let due = sent_at.map(|at| at + batching.linger);
        while ends.len() < batching.max_size.max(1) {
            if let Ok(next) = self.ends.try_recv() {
                ends.push(next);
                continue;
            }
            let Some(due) = due.filter(|_| ends.len() < self.held.len()) else {
                break;
            };
            match tokio::time::timeout_at(due, self.ends.recv()).await {
                Ok(Some(next)) => ends.push(next),
                Ok(None) | Err(_) => break,
            }
        }
        ends
    }

    /// Takes one turn.
    async fn take(
        &mut self,
        ends: Vec<Ended>,
        permit: Option<OwnedSemaphorePermit>,
        state: &mut State,
    ) -> Found {
        // An end whose attempt has given up is left out: another worker may have its run.
        let (mut reports, mut replies) = (Vec::new(), Vec::new());
        let mut permits = permit;
        for Ended { end, permit, reply } in ends {
            permits = merge(permits, permit);
            if !reply.is_closed() {
                reports.push(end);
                replies.push(reply);
            }
        }
        let permits = if self.wants_runs(state) {
            with_free(permits, &self.permits, self.max_batch)
        } else {
            None
        };
        let max_runs = permits
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        if reports.is_empty() && max_runs == 0 {
            return Found::NotLooked;
        }
        if !reports.is_empty() {
            metric::batch("complete", reports.len());
        }
        let since = Instant::now();
        state.sent_at = Some(since);
        let turn = self.call(&reports, max_runs, state).await;
        match turn {
            Ok(turn) => {
                for (reply, result) in replies.into_iter().zip(turn.completed) {
                    answer(reply, result);
                }
                let has_found = !turn.started.is_empty();
                self.hand_on(turn.started, since, permits);
                match (max_runs, has_found) {
                    (0, _) => Found::NotLooked,
                    (_, true) => Found::Runs,
                    (_, false) => Found::None,
                }
            }
            Err(error) if reports.is_empty() => {
                if error.is_lasting() {
                    self.fail(error);
                } else {
                    tracing::warn!(%error, "the turn failed");
                }
                Found::Unknown
            }
            Err(error) => {
                tracing::debug!(%error, "a turn with many ends failed, reports each");
                drop(permits);
                self.report_singly(reports.into_iter().zip(replies)).await;
                Found::Unknown
            }
        }
    }

    /// Makes the call of a turn until it is answered, under one name: if an answer is lost, it comes again. A worker that
    /// stops gives up a turn that reports nothing.
    async fn call(
        &self,
        reports: &[End],
        max_runs: usize,
        state: &mut State,
    ) -> Result<WorkerTurn, Error> {
        let max_runs = i32::try_from(max_runs.min(self.max_batch)).unwrap_or(i32::MAX);
        let dequeue = self.dequeue.clone().max_runs(max_runs).wait(Duration::ZERO);
        let turn_id = &state.name();
        let mut backoff = Backoff::new(self.link.reconnect());
        loop {
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
                    let pause = backoff.pause();
                    tracing::debug!(%error, ?pause, "the turn failed, repeats it");
                    sleep(pause).await;
                }
                result => return result,
            }
        }
    }

    async fn report_singly(
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

    /// Hands started runs on. If the worker is gone, they stall.
    fn hand_on(
        &self,
        runs: Vec<Dequeued>,
        since: Instant,
        mut permits: Option<OwnedSemaphorePermit>,
    ) {
        if runs.is_empty() {
            return;
        }
        metric::dequeued(runs.len());
        metric::batch("start", runs.len());
        for run in runs {
            let permit = permits.as_mut().and_then(|permits| permits.split(1));
            let run = StartedRun { run, since, permit };
            if let Some(started) = &self.started {
                let _ = started.send(Ok(run));
            }
        }
    }

    /// Tells the worker an error that waiting does not fix; from now on only ends are reported.
    fn fail(&mut self, error: Error) {
        if let Some(started) = self.started.take() {
            let _ = started.send(Err(error));
        }
    }

    /// Begins a wait for runs.
    fn wait(&self) -> Waiting {
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

fn answer(reply: oneshot::Sender<Answer<Completed>>, result: OfMany<Completed>) {
    // Its attempt may have gone.
    let _ = reply.send(Answer {
        result,
        may_repeat: false,
    });
}
