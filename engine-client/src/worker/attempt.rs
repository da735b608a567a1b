//! A run in this worker, from its dequeue to the end of its last attempt here.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

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
use crate::trace::{self, Trail};
use crate::{AttemptStatus, Dequeued, ExecutionStatus, Heartbeat};

/// State that all runs of a worker share.
#[derive(Debug)]
pub(super) struct Attempts {
    pub(super) tasks: Arc<Tasks>,
    pub(super) held: Arc<HeldRuns>,
    pub(super) calls: Arc<RunCalls>,
    pub(super) permits: Arc<HandlerPermits>,
    pub(super) retry: Option<RetryPolicy>,
    pub(super) handover: Duration,
    /// The attempts that the next ones are linked to.
    pub(super) trail: Trail,
    /// Cancelled at the shutdown.
    pub(super) stopping: CancellationToken,
    /// Cancelled when the drain timeout has passed.
    pub(super) expired: CancellationToken,
    /// Whether several lanes share the worker's permits.
    pub(super) is_shared: bool,
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
        let seat = Arc::new(Seat::new(Arc::clone(&self.permits), permit, handler));
        self.execute_to_the_end(&dequeued, &hold, &seat, since)
            .await;
        drop(hold);
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
            let is_begun = is_first && dequeued.execution_status == ExecutionStatus::Executing;
            let span = trace::attempt(dequeued, self.calls.identity(), &self.trail);
            let next = Next {
                span: span.clone(),
                number: attempt_number,
                is_begun,
                is_continued: is_first && dequeued.checkpoint.is_some(),
                dequeued_at: is_first.then_some(since),
            };
            is_first = false;
            let attempt = self.next(dequeued, hold, seat, next);
            let Some((number, pause)) = attempt.instrument(span).await else {
                return;
            };
            // The engine leaves the next attempt to this worker.
            seat.return_handler_permit();
            if self.unless_over(hold, seat, sleep(pause)).await.is_none() {
                return;
            }
            attempt_number = number + 1;
        }
    }

    /// Starts and executes one attempt. Returns its number, and the pause before the next one, if this worker executes it.
    async fn next(
        &self,
        dequeued: &Arc<Dequeued>,
        hold: &Hold,
        seat: &Arc<Seat>,
        next: Next,
    ) -> Option<(i32, Duration)> {
        let mut number = next.number;
        if !next.is_begun {
            let begun = self.begin(hold, seat, number, next.is_continued).await;
            let Some(started) = begun else {
                metric::abandoned(&dequeued.task);
                return None;
            };
            number = started.execution.attempt_number.unwrap_or(number);
        }
        next.span.record("number", number);
        metric::started(&dequeued.task);
        if let Some(dequeued_at) = next.dequeued_at {
            metric::waited(dequeued_at.elapsed());
        }
        let pause = self.attempt(dequeued, hold, seat, number).await?;
        Some((number, pause))
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
            #[cfg(feature = "testing")]
            script: None,
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
        trace::completed(&completed);
        if completed.execution_status == ExecutionStatus::Finished {
            self.trail.forget(&dequeued.run_id);
        }
        pause.filter(|_| completed.attempt_status == AttemptStatus::RetryImmediately)
    }

    fn delivery<'a>(&'a self, hold: &'a Hold, seat: &'a Seat) -> Delivery<'a> {
        Delivery {
            calls: &self.calls,
            hold,
            seat,
            is_shared: self.is_shared,
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
        // Not every such wait is in the span of an attempt.
        let run_id = &hold.run_id;
        tokio::select! {
            biased;
            verdict = hold.called_off() => {
                tracing::warn!(%run_id, ?verdict, "the run must not be executed");
            }
            () = hold.deadline_passed() => tracing::warn!(%run_id, "the heartbeat deadline passed"),
            done = work => return Some(done),
            () = self.expired.cancelled() => {
                tracing::warn!(%run_id, "the drain timeout passed");
                self.delivery(hold, seat).release().await;
            }
        }
        None
    }
}

/// The attempt to execute next.
struct Next {
    span: Span,
    number: i32,
    /// Whether the turn that brought the run has started it.
    is_begun: bool,
    /// Whether it is an attempt that was suspended.
    is_continued: bool,
    /// When the call was sent that dequeued the run, for its first attempt here.
    dequeued_at: Option<Instant>,
}
