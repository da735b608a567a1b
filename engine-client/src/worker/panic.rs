//! A panic in a handler is a failure of its run, not of the worker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll};

use super::task::Execution;
use crate::{Completion, Failure};

/// An execution whose panic becomes its failure. It is not polled again after that, so a broken state is never
/// seen.
pub(super) struct CatchPanic(pub(super) Execution);

impl Future for CatchPanic {
    type Output = Result<Completion, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let execution = self.0.as_mut();
        match catch_unwind(AssertUnwindSafe(|| execution.poll(cx))) {
            Ok(poll) => poll,
            Err(payload) => Poll::Ready(Err(Failure::panic(&*payload))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_failure_with_its_message() {
        let execution: Execution = Box::pin(async { panic!("no such row: {}", 7) });
        let failure = CatchPanic(execution).await.unwrap_err();
        assert_eq!(failure, Failure::panic(&"no such row: 7"));
    }

    #[tokio::test]
    async fn an_execution_without_panic_passes_through() {
        let completion = Completion::success_text("1", "application/json");
        let expected = completion.clone();
        let execution: Execution = Box::pin(async move { Ok(completion) });
        assert_eq!(CatchPanic(execution).await, Ok(expected));
    }
}
