//! The context of a rehearsal: a script answers, and no server is called.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::context::{Context, Parts};
use super::held_run::HeldRun;
use super::name::Names;
use super::permit::{HandlerPermits, Seat};
use super::run_calls::RunCalls;
use super::script::Script;
use super::stopwatch::Stopwatch;
use crate::{Dequeued, Identity};

impl Context {
    /// A context whose steps, waits and children are those of a script.
    pub(crate) fn rehearsed(
        dequeued: Arc<Dequeued>,
        attempt_number: i32,
        script: Arc<Script>,
    ) -> Self {
        let now = Instant::now();
        let held = HeldRun::new(
            dequeued.run_id.clone(),
            dequeued.snapshot_id.clone(),
            Duration::ZERO,
            now,
            Arc::default(),
        );
        // It has no deadline.
        held.moved(
            dequeued.snapshot_id.clone(),
            Some(attempt_number),
            None,
            now,
        );
        let identity = Identity::default().completed();
        let calls = RunCalls::new(Vec::new(), identity, None, None, &mut JoinSet::new());
        let permits = Arc::new(HandlerPermits::new(1, []));
        Self::new(Parts {
            dequeued,
            held: Arc::new(held),
            attempt_number,
            calls: Arc::new(calls),
            seat: Arc::new(Seat::new(permits, None, None)),
            stopwatch: Arc::new(Stopwatch::started()),
            suspend_after: None,
            stopping: CancellationToken::new(),
            token: CancellationToken::new(),
            names: Names::default(),
            script: Some(script),
        })
    }
}
