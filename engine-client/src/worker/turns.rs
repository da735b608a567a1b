//! The turns of a worker: each reports how attempts have ended, and brings the next runs, already started, in one commit.

mod call;
mod occasion;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::call::Waiting;
use self::occasion::Occasion;
use super::config::Batching;
use super::hold::HeldRuns;
use super::metric;
use super::permit::{HandlerPermit, HandlerPermits, Room, merge};
use super::report::Ended;
use super::run_permit::RunPermits;
use super::turn_state::State;
use crate::backoff::BackoffRange;
use crate::link::{Answer, Link};
use crate::{Completed, Dequeue, Dequeued, Error, Identity, OfMany};

/// A run for this worker, with its permits, and when the call was sent that brought it.
#[derive(Debug)]
pub(super) struct StartedRun {
    pub(super) run: Dequeued,
    pub(super) since: Instant,
    pub(super) permit: Option<OwnedSemaphorePermit>,
    /// Only of a run that has started.
    pub(super) handler: Option<HandlerPermit>,
}

/// Takes turns on one connection, one after the other: while one is under way, ends gather for the next. Waits for runs are
/// on another connection, so that no end waits for them.
pub(super) struct Turns {
    pub(super) link: Arc<Link>,
    pub(super) wait_link: Arc<Link>,
    pub(super) identity: Arc<Identity>,
    pub(super) dequeue: Dequeue,
    pub(super) permits: Arc<RunPermits>,
    pub(super) handlers: Arc<HandlerPermits>,
    pub(super) held: Arc<HeldRuns>,
    pub(super) max_batch: usize,
    pub(super) batching: Option<Batching>,
    pub(super) idle: BackoffRange,
    pub(super) ends: mpsc::UnboundedReceiver<Ended>,
    /// Where started runs go, until the worker stops.
    pub(super) started: Option<mpsc::UnboundedSender<Result<StartedRun, Error>>>,
    pub(super) stop: CancellationToken,
}

/// What a turn has found.
enum Found {
    Runs,
    None,
    /// It failed.
    Unknown,
    NotLooked,
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
                        Err(error) => {
                            self.note(error, "the wait for runs failed");
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

    /// Whether a permit may be held during a call: not where other lanes could use it, and the node is down.
    fn may_hold(&self) -> bool {
        !self.permits.are_shared() || self.link.is_up()
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
        let mut permits = if self.wants_runs(state) && self.may_hold() {
            self.permits.with_free(permits, self.max_batch)
        } else {
            None
        };
        let max_runs = permits
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        // A run that has started has room to execute, whatever its task is.
        let mut room = self.handlers.reserve(max_runs);
        let max_starts = room.runs();
        if reports.is_empty() && max_starts == 0 {
            return self.dequeue(permits).await;
        }
        if !reports.is_empty() {
            metric::batch("complete", reports.len());
        }
        let since = Instant::now();
        state.sent_at = Some(since);
        let release = || {
            if self.permits.are_shared() {
                permits = None;
                room = Room::default();
            }
        };
        let turn = self.call(&reports, max_starts, state, release).await;
        match turn {
            Ok(turn) => {
                for (reply, result) in replies.into_iter().zip(turn.completed) {
                    answer(reply, result);
                }
                if max_starts == 0 {
                    return self.dequeue(permits).await;
                }
                self.hand_on(turn.started, since, permits, room)
            }
            Err(error) if reports.is_empty() => {
                self.note(error, "the turn failed");
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

    /// Dequeues runs for which there may be no room yet: they start when there is.
    async fn dequeue(&mut self, permits: Option<OwnedSemaphorePermit>) -> Found {
        let Some(permits) = permits else {
            return Found::NotLooked;
        };
        let since = Instant::now();
        match self.dequeue_once(permits.num_permits()).await {
            Ok(runs) => self.hand_on(runs, since, Some(permits), Room::default()),
            Err(error) => {
                self.note(error, "dequeue failed");
                Found::Unknown
            }
        }
    }

    /// Hands runs on, those that have started with room to execute. If the worker is gone, they stall.
    fn hand_on(
        &self,
        runs: Vec<Dequeued>,
        since: Instant,
        mut permits: Option<OwnedSemaphorePermit>,
        mut room: Room,
    ) -> Found {
        if runs.is_empty() {
            return Found::None;
        }
        metric::dequeued(self.held.node(), runs.len());
        if room.runs() > 0 {
            metric::batch("start", runs.len());
        }
        for run in runs {
            let permit = permits.as_mut().and_then(|permits| permits.split(1));
            let handler = room.take(&run.task);
            let run = StartedRun {
                run,
                since,
                permit,
                handler,
            };
            if let Some(started) = &self.started {
                let _ = started.send(Ok(run));
            }
        }
        Found::Runs
    }

    /// What becomes of an error of a look for runs: the worker hears of one that lasts.
    fn note(&mut self, error: Error, what: &str) {
        if self.permits.are_shared() && error.is_elsewhere() {
            tracing::debug!(%error, "another node has the environment");
        } else if error.is_lasting() {
            self.fail(error);
        } else {
            tracing::warn!(%error, "{what}");
        }
    }

    /// Tells the worker an error that waiting does not fix; from now on only ends are reported.
    fn fail(&mut self, error: Error) {
        if let Some(started) = self.started.take() {
            let _ = started.send(Err(error));
        }
    }
}

fn answer(reply: oneshot::Sender<Answer<Completed>>, result: OfMany<Completed>) {
    // Its attempt may have gone.
    let _ = reply.send(Answer {
        result,
        may_repeat: false,
    });
}
