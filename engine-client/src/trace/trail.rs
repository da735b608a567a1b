//! The attempts that this worker has made, so that the next attempt of a run is linked to the one before it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use crate::RunId;

/// Most runs to remember. The oldest is forgotten first: then its next attempt has no link, but the same parent.
const MOST: usize = 1000;

/// The last attempt of each run that has not finished here.
#[derive(Debug, Default)]
pub(crate) struct Trail(Mutex<VecDeque<(RunId, SpanContext)>>);

impl Trail {
    /// Remembers the attempt of a run, and returns the one before it.
    pub(super) fn replace(&self, run_id: &RunId, attempt: &Context) -> Option<SpanContext> {
        let previous = self.take(run_id);
        let mut attempts = self.attempts();
        attempts.push_back((run_id.clone(), attempt.span().span_context().clone()));
        if attempts.len() > MOST {
            attempts.pop_front();
        }
        previous
    }

    /// The run has no further attempt.
    pub(crate) fn forget(&self, run_id: &RunId) {
        self.take(run_id);
    }

    fn take(&self, run_id: &RunId) -> Option<SpanContext> {
        let mut attempts = self.attempts();
        let place = attempts.iter().rposition(|(id, _)| id == run_id)?;
        Some(attempts.remove(place)?.1)
    }

    /// A panic elsewhere cannot leave the list half changed.
    fn attempts(&self) -> MutexGuard<'_, VecDeque<(RunId, SpanContext)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState};

    use super::*;

    fn attempt(number: u64) -> Context {
        Context::new().with_remote_span_context(SpanContext::new(
            TraceId::from(1_u128),
            SpanId::from(number),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        ))
    }

    #[test]
    fn an_attempt_is_linked_to_the_last_one_of_its_run() {
        let trail = Trail::default();
        let (first, other) = (RunId::new("first"), RunId::new("other"));
        assert_eq!(trail.replace(&first, &attempt(1)), None);
        assert_eq!(trail.replace(&other, &attempt(2)), None);
        let previous = trail.replace(&first, &attempt(3)).unwrap();
        assert_eq!(previous.span_id(), SpanId::from(1_u64));
        trail.forget(&first);
        assert_eq!(trail.replace(&first, &attempt(4)), None);
    }

    #[test]
    fn the_trail_is_bounded() {
        let trail = Trail::default();
        for number in 0..3000_u64 {
            trail.replace(&RunId::new(number.to_string()), &attempt(number + 1));
        }
        assert_eq!(trail.attempts().len(), MOST);
    }
}
