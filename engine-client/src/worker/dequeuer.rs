//! The loop that dequeues runs for free permits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::attempt::Attempts;
use super::config::Batching;
use super::metric;
use super::permit::HandlerPermit;
use super::report::Reports;
use super::run_permit::RunPermits;
use super::turns::{StartedRun, Turns};
use crate::backoff::{Backoff, BackoffRange};
use crate::link::Link;
use crate::{Connection, Dequeue, Dequeued, Error, Identity};

/// The functions that every worker calls, and those of one that waits. Rights that only some handlers need are
/// checked by their calls.
const NEEDED: &[&str] = &[
    "engine_dequeue",
    "engine_start_attempt",
    "engine_start_many",
    "engine_heartbeat",
    "engine_heartbeat_many",
    "engine_complete_attempt",
    "engine_complete_many",
];
const NEEDED_TO_WAIT: &str = "engine_wait";

/// The function of a worker that takes turns. One without the right, such as a role of the time before there were turns,
/// makes three calls instead, and says so.
const TURN: &str = "engine_work";

/// Dequeues only for free permits. A worker takes [turns](Turns), unless it prefetches runs: a run that waits in the worker
/// must not have started, so that its loss costs it no attempt.
#[derive(Debug)]
pub(super) struct Dequeuer {
    pub(super) attempts: Arc<Attempts>,
    pub(super) link: Arc<Link>,
    pub(super) identity: Arc<Identity>,
    pub(super) dequeue: Dequeue,
    pub(super) permits: Arc<RunPermits>,
    pub(super) max_batch: usize,
    pub(super) idle: BackoffRange,
    pub(super) batching: Option<Batching>,
    /// Whether it takes more runs than it can execute.
    pub(super) prefetches: bool,
}

/// Runs that turns have started; closed by a worker that takes none, or stops.
pub(super) type Started = mpsc::UnboundedReceiver<Result<StartedRun, Error>>;

impl Dequeuer {
    /// Spawns an attempt into `running` for every dequeued run, until `stop`.
    ///
    /// A pending dequeue is not dropped at the stop, because the runs that it claims would stall; a wait is
    /// cancelled.
    ///
    /// # Errors
    /// Errors that waiting does not fix.
    pub(super) async fn run(
        &self,
        running: &mut JoinSet<()>,
        started: &mut Started,
        services: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let mut idle = Backoff::new(self.idle);
        let mut has_rights = false;
        while !stop.is_cancelled() {
            reap(running);
            // A permit does not wait for a node that is down. What lasts is told by the calls.
            let ready = async {
                let _ = self.link.connection().await;
                self.free_permits().await
            };
            let Some(permits) = stop.run_until_cancelled(ready).await.flatten() else {
                break;
            };
            if !has_rights {
                match self.check_rights(stop).await {
                    Ok(may_take_turns) => {
                        has_rights = true;
                        if !may_take_turns {
                            tracing::warn!(
                                "the worker's role may not execute engine_work: a run takes three commits, not one"
                            );
                        }
                        if may_take_turns && !self.prefetches && !stop.is_cancelled() {
                            drop(permits);
                            *started = self.take_turns(services, stop);
                            return self.receive(running, started, stop).await;
                        }
                    }
                    Err(error) if error.is_lasting() => return Err(error),
                    Err(error) => {
                        tracing::warn!(%error, "cannot read the rights of the role");
                        pause(idle.pause(), stop).await;
                        continue;
                    }
                }
            }
            match self.take(permits, running, stop).await {
                Ok(true) => idle.reset(),
                Ok(false) => pause(idle.pause(), stop).await,
                Err(error) if self.permits.are_shared() && error.is_elsewhere() => {
                    pause(idle.pause(), stop).await;
                }
                Err(error) if error.is_lasting() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "dequeue failed");
                    pause(idle.pause(), stop).await;
                }
            }
        }
        Ok(())
    }

    /// Begins to take turns.
    fn take_turns(&self, services: &mut JoinSet<()>, stop: &CancellationToken) -> Started {
        let (reports, ends) = Reports::new();
        let (sender, started) = mpsc::unbounded_channel();
        let turns = Turns {
            link: Arc::clone(self.attempts.calls.link()),
            wait_link: Arc::clone(&self.link),
            identity: Arc::clone(&self.identity),
            dequeue: self.dequeue.clone(),
            permits: Arc::clone(&self.permits),
            handlers: Arc::clone(&self.attempts.permits),
            held: Arc::clone(&self.attempts.held),
            max_batch: self.max_batch,
            batching: self.batching,
            idle: self.idle,
            ends,
            started: Some(sender),
            stop: stop.clone(),
        };
        self.attempts.calls.report_by(reports);
        services.spawn(turns.run());
        started
    }

    /// Spawns an attempt for every run that turns have started, until the stop.
    async fn receive(
        &self,
        running: &mut JoinSet<()>,
        started: &mut Started,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        loop {
            reap(running);
            match stop.run_until_cancelled(started.recv()).await.flatten() {
                Some(run) => self.execute(run?, running),
                None => return Ok(()),
            }
        }
    }

    /// Spawns the attempt of a run that has started.
    pub(super) fn execute(&self, started: StartedRun, running: &mut JoinSet<()>) {
        let StartedRun {
            run,
            since,
            permit,
            handler,
        } = started;
        let attempts = Arc::clone(&self.attempts);
        running.spawn(attempt(attempts, run, since, permit, handler));
    }

    /// A worker that could not complete runs dequeues none. Returns whether it may take turns.
    async fn check_rights(&self, stop: &CancellationToken) -> Result<bool, Error> {
        let Some(connection) = stop.run_until_cancelled(self.link.connection()).await else {
            return Ok(false);
        };
        let connection = connection?;
        let mut needed = NEEDED.to_vec();
        needed.extend((!self.dequeue.wait.is_zero()).then_some(NEEDED_TO_WAIT));
        let call = async { connection.engine().missing_rights(&needed).await };
        let missing = self.link.answer(&connection, call).await?;
        if missing.is_empty() {
            let call = async { connection.engine().moved(&[]).await };
            let probed = self.link.answer(&connection, call).await.err();
            let code = probed.as_ref().and_then(Error::code);
            if code.is_some_and(|code| code.code() == "42501") {
                let message = "the worker's role needs the capability work";
                return Err(Error::refused("42501", message.to_owned()));
            }
            let call = async { connection.engine().may_execute(TURN).await };
            return self.link.answer(&connection, call).await;
        }
        let message = format!(
            "the worker's role needs the right to execute {}",
            missing.join(", ")
        );
        Err(Error::refused("42501", message))
    }

    /// Waits for one permit and takes the other free ones, up to a batch. Never returns none.
    async fn free_permits(&self) -> Option<OwnedSemaphorePermit> {
        let permit = self.permits.take().await;
        self.permits.with_free(permit, self.max_batch)
    }

    /// Dequeues at most one run per permit, and if there is none waits for one in the server; returns whether
    /// another dequeue at once is worthwhile.
    async fn take(
        &self,
        permits: OwnedSemaphorePermit,
        running: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> Result<bool, Error> {
        let Some(connection) = stop.run_until_cancelled(self.link.connection()).await else {
            return Ok(false);
        };
        let connection = connection?;
        if self.dequeue(&connection, permits, running, stop).await? > 0 {
            return Ok(true);
        }
        if self.dequeue.wait.is_zero() || stop.is_cancelled() {
            return Ok(false);
        }
        // It returns when a dequeue would find a run, or another worker was faster; so this loop does not spin.
        let engine = connection.engine();
        let call = engine.wait_for_runs(&self.dequeue);
        let wait = self.dequeue.wait;
        self.link
            .answer_after(wait, &connection, call, stop)
            .await?;
        Ok(true)
    }

    /// Dequeues at most one run per permit; returns the number of runs.
    async fn dequeue(
        &self,
        connection: &Connection,
        mut permits: OwnedSemaphorePermit,
        running: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> Result<usize, Error> {
        let max_runs = i32::try_from(permits.num_permits()).unwrap_or(i32::MAX);
        let dequeue = self.dequeue.clone().max_runs(max_runs).wait(Duration::ZERO);
        let since = Instant::now();
        let engine = connection.engine().identified_as(&self.identity);
        let call = engine.dequeue(&dequeue);
        let answer = self.link.answer_after(dequeue.wait, connection, call, stop);
        let dequeued = answer.await?.unwrap_or_default();
        let count = dequeued.len();
        metric::dequeued(self.attempts.held.node(), count);
        for run in dequeued {
            let permit = permits.split(1);
            let attempts = Arc::clone(&self.attempts);
            running.spawn(attempt(attempts, run, since, permit, None));
        }
        Ok(count)
    }
}

/// The permit is returned when the run leaves this worker, or when it waits.
async fn attempt(
    attempts: Arc<Attempts>,
    run: Dequeued,
    since: Instant,
    permit: Option<OwnedSemaphorePermit>,
    handler: Option<HandlerPermit>,
) {
    attempts.run(run, since, permit, handler).await;
}

async fn pause(pause: Duration, stop: &CancellationToken) {
    stop.run_until_cancelled(sleep(pause)).await;
}

/// Removes ended attempts from the set.
fn reap(running: &mut JoinSet<()>) {
    while let Some(ended) = running.try_join_next() {
        if let Err(error) = ended {
            tracing::error!(%error, "an attempt ended abnormally");
        }
    }
}
