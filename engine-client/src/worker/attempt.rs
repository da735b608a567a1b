//! A run in this worker, from its dequeue to the end of its last attempt here.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::context::Parts;
use super::delivery::Delivery;
use super::end::End;
use super::hold::{HeldRuns, Hold};
use super::name::Names;
use super::panic::CatchPanic;
use super::permit::{HandlerPermit, HandlerPermits, Seat};
use super::run_calls::RunCalls;
use super::stopwatch::Stopwatch;
use super::task::Tasks;
use super::{Context, RetryPolicy, metric};
use crate::{AttemptStatus, Dequeued, ExecutionStatus, Heartbeat};

/// State that all runs of a worker share.
#[derive(Debug)]
pub(super) struct Attempts {
    pub(super) tasks: Tasks,
    pub(super) held: Arc<HeldRuns>,
    pub(super) calls: Arc<RunCalls>,
    pub(super) permits: Arc<HandlerPermits>,
    pub(super) retry: Option<RetryPolicy>,
    pub(super) handover: Duration,
    /// Cancelled at the shutdown.
    pub(super) stopping: CancellationToken,
    /// Cancelled when the drain timeout has passed.
    pub(super) expired: CancellationToken,
}

impl Attempts {
    /// Executes a run that was dequeued by a call sent at `since`. Every error ends here: an unfinished run stalls
    /// and is recovered.
    pub(super) async fn run(
        &self,
        dequeued: Dequeued,
        since: Instant,
        permit: Option<OwnedSemaphorePermit>,
        handler: Option<HandlerPermit>,
    ) {
        let dequeued = Arc::new(dequeued);
        let hold = self.held.hold(
            dequeued.run_id.clone(),
            dequeued.snapshot_id.clone(),
            dequeued.heartbeat,
            since,
        );
        if dequeued.execution_status == ExecutionStatus::Executing {
            // It has started in the turn that brought it.
            hold.moved(
                dequeued.snapshot_id.clone(),
                Some(dequeued.attempt_number),
                Some(dequeued.heartbeat),
                since,
            );
        }
        metric::held(self.held.len());
        let seat = Arc::new(Seat::new(Arc::clone(&self.permits), permit, handler));
        let span = tracing::info_span!(
            "run",
            run_id = %dequeued.run_id,
            task = dequeued.task,
            traceparent = traceparent(&dequeued),
        );
        self.execute_to_the_end(&dequeued, &hold, &seat, since)
            .instrument(span)
            .await;
        drop(hold);
        metric::held(self.held.len());
    }

    /// Executes attempt after attempt, while the engine leaves the run to this worker.
    async fn execute_to_the_end(
        &self,
        dequeued: &Arc<Dequeued>,
        hold: &Hold,
        seat: &Arc<Seat>,
        since: Instant,
    ) {
        let mut attempt_number = dequeued.attempt_number;
        let mut is_first = true;
        loop {
            let permit = seat.take_handler_permit(&dequeued.task);
            if self.unless_over(hold, seat, permit).await.is_none() {
                return;
            }
            let is_continued = is_first && dequeued.checkpoint.is_some();
            let has_started = is_first && dequeued.execution_status == ExecutionStatus::Executing;
            if !has_started {
                let Some(started) = self.begin(hold, seat, attempt_number, is_continued).await
                else {
                    metric::abandoned(&dequeued.task);
                    return;
                };
                attempt_number = started.execution.attempt_number.unwrap_or(attempt_number);
            }
            metric::started(&dequeued.task);
            if is_first {
                metric::waited(since.elapsed());
            }
            is_first = false;
            let span = tracing::info_span!("attempt", number = attempt_number);
            let attempt = self.attempt(dequeued, hold, seat, attempt_number);
            let Some(pause) = attempt.instrument(span).await else {
                return;
            };
            // The engine leaves the next attempt to this worker.
            seat.return_handler_permit();
            if self.unless_over(hold, seat, sleep(pause)).await.is_none() {
                return;
            }
            attempt_number += 1;
        }
    }

    /// Starts the attempt, or continues it; none if that does not succeed before the deadline.
    async fn begin(
        &self,
        hold: &Hold,
        seat: &Seat,
        attempt_number: i32,
        is_continued: bool,
    ) -> Option<Heartbeat> {
        let _moving = hold.moving();
        let sent_at = Instant::now();
        let begin = async {
            if is_continued {
                self.calls.continue_attempt(&hold.at()).await
            } else {
                self.calls.start(hold.at(), attempt_number).await
            }
        };
        match self.unless_over(hold, seat, begin).await? {
            Ok(started) if started.execution.execution_status == ExecutionStatus::Finished => {
                let status = started.execution.run_status;
                tracing::info!(%status, "the run has ended instead of its start");
                None
            }
            Ok(started) => {
                let execution = &started.execution;
                hold.moved(
                    execution.snapshot_id.clone(),
                    execution.attempt_number,
                    started.heartbeat,
                    sent_at,
                );
                Some(started)
            }
            Err(error) => {
                tracing::warn!(%error, "cannot start the attempt");
                None
            }
        }
    }

    /// Executes and completes one attempt. Returns the pause before the next one, if this worker executes it.
    async fn attempt(
        &self,
        dequeued: &Arc<Dequeued>,
        hold: &Hold,
        seat: &Arc<Seat>,
        attempt_number: i32,
    ) -> Option<Duration> {
        let stopwatch = Arc::new(Stopwatch::started());
        let token = hold.token();
        // Also when this future is dropped: tasks that the handler spawned must notice.
        let _over = token.clone().drop_guard();
        let options = self.tasks.options(&dequeued.task);
        let context = Context::new(Parts {
            dequeued: Arc::clone(dequeued),
            held: hold.run(),
            attempt_number,
            calls: Arc::clone(&self.calls),
            seat: Arc::clone(seat),
            stopwatch: Arc::clone(&stopwatch),
            suspend_after: options.suspend_after,
            stopping: self.stopping.clone(),
            token: token.clone(),
            names: Names::default(),
        });
        let max_duration = dequeued.max_duration.or(options.max_duration);
        let mut execution = CatchPanic(self.tasks.execute(context));
        let end = tokio::select! {
            biased;
            verdict = hold.called_off() => End::called_off(verdict),
            () = hold.deadline_passed() => End::Silent,
            result = &mut execution => End::Returned(result),
            () = stopwatch.reached(max_duration) => End::TooLong,
            () = self.expired.cancelled() => End::NotDrained,
        };
        token.cancel();
        drop(execution);
        if end.releases() && self.delivery(hold, seat).release().await {
            metric::abandoned(&dequeued.task);
            return None;
        }
        let policy = options.retry.or(self.retry);
        let handover = self.stopping.is_cancelled().then_some(self.handover);
        let (completion, pause) = match end.judge(attempt_number, policy, handover) {
            Some(judged) => judged,
            None => {
                metric::abandoned(&dequeued.task);
                return None;
            }
        };
        let took = stopwatch.elapsed();
        let completed = self
            .delivery(hold, seat)
            .complete(completion.duration(took))
            .await;
        let Some(completed) = completed else {
            metric::abandoned(&dequeued.task);
            return None;
        };
        metric::completed(&dequeued.task, &completed, took);
        pause.filter(|_| completed.attempt_status == AttemptStatus::RetryImmediately)
    }

    fn delivery<'a>(&'a self, hold: &'a Hold, seat: &'a Seat) -> Delivery<'a> {
        Delivery {
            calls: &self.calls,
            hold,
            seat,
        }
    }

    /// Awaits `work`, unless the run is called off or its deadline passes first, or the worker has no time left:
    /// then the run is released.
    async fn unless_over<T>(
        &self,
        hold: &Hold,
        seat: &Seat,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            biased;
            verdict = hold.called_off() => tracing::warn!(?verdict, "the run must not be executed"),
            () = hold.deadline_passed() => tracing::warn!("the heartbeat deadline passed"),
            done = work => return Some(done),
            () = self.expired.cancelled() => {
                tracing::warn!("the drain timeout passed");
                self.delivery(hold, seat).release().await;
            }
        }
        None
    }
}

/// The run's position in the trace of its trigger.
fn traceparent(dequeued: &Dequeued) -> Option<&str> {
    dequeued.trace_context.as_ref()?["traceparent"].as_str()
}
