//! The calls that move a run: start, continue, complete; single or batched with those of other runs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use super::coalescer::{Bulk, Coalescer};
use super::config::Batching;
use super::report::{At, End, Reports};
use crate::link::{Answer, Link};
use crate::{
    Cluster, Completed, Completion, Connection, Error, ErrorKind, Execution, ExecutionStatus,
    Heartbeat, Identity, OfMany, RunId, Started,
};

#[derive(Debug)]
pub(super) struct RunCalls {
    /// Several, because the calls on one connection are committed one after the other.
    links: Vec<Arc<Link>>,
    /// Counts calls, to spread them over the links.
    count: AtomicUsize,
    identity: Arc<Identity>,
    start: Start,
    complete: Complete,
    coalescers: Option<(Coalescer<Start>, Coalescer<Complete>)>,
    /// Set if the worker takes turns: then they report the ends of attempts.
    reports: OnceLock<Reports>,
    /// Where runs are called whose shard has moved to another node; none of a worker of one database.
    cluster: Option<Cluster>,
}

impl RunCalls {
    /// Calls on these links. The coalescers for batches, if any, run in `services`.
    pub(super) fn new(
        links: Vec<Arc<Link>>,
        identity: Identity,
        batching: Option<Batching>,
        cluster: Option<Cluster>,
        services: &mut JoinSet<()>,
    ) -> Self {
        let identity = Arc::new(identity);
        let start = Start {
            identity: Arc::clone(&identity),
            is_warm: Arc::default(),
        };
        let complete = Complete {
            identity: Arc::clone(&identity),
        };
        let coalescers = batching.map(|batching| {
            (
                Coalescer::start(start.clone(), &links, batching, services),
                Coalescer::start(complete.clone(), &links, batching, services),
            )
        });
        Self {
            links,
            count: AtomicUsize::new(0),
            identity,
            start,
            complete,
            coalescers,
            reports: OnceLock::new(),
            cluster,
        }
    }

    /// From now on ends of attempts are reported by the worker's turns.
    pub(super) fn report_by(&self, reports: Reports) {
        // Turns begin once.
        let _ = self.reports.set(reports);
    }

    /// Whether the worker takes turns.
    pub(super) fn takes_turns(&self) -> bool {
        self.reports.get().is_some()
    }

    /// A link for a single call.
    pub(super) fn link(&self) -> &Arc<Link> {
        &self.links[self.count.fetch_add(1, Ordering::Relaxed) % self.links.len()]
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Starts the next attempt of a run.
    ///
    /// A start whose answer was lost with its connection is repeated, and then refused as stale if the first one
    /// had taken effect. Within the deadline of the dequeue no other worker can have started the run, so the
    /// attempt is assumed to be ours.
    pub(super) async fn start(&self, at: At, attempt_number: i32) -> Result<Heartbeat, Error> {
        let coalescer = self.coalescers.as_ref().map(|(coalescer, _)| coalescer);
        let answer = self.ask(coalescer, &self.start, &at.0, at.clone()).await;
        self.start.is_warm.store(true, Ordering::Relaxed);
        match answer.result {
            Ok(started) => Ok(Heartbeat {
                execution: started.execution,
                heartbeat: started.heartbeat,
            }),
            Err(error) if answer.may_repeat && error.is_stale_snapshot() => {
                let now = self.beat(&at).await?;
                if is_started(&now.execution, attempt_number) {
                    Ok(now)
                } else {
                    Err(error)
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Continues the attempt of a run that was dequeued with a checkpoint.
    pub(super) async fn continue_attempt(&self, at: &At) -> Result<Heartbeat, Error> {
        let call = |connection: Arc<Connection>| async move {
            let engine = connection.engine().identified_as(&self.identity);
            engine.continue_run(&at.0, &at.1).await
        };
        self.persist(&at.0, call).await.result
    }

    /// Reads the state of a run; extends its deadline if the call names its latest snapshot.
    pub(super) async fn beat(&self, at: &At) -> Result<Heartbeat, Error> {
        let call = |connection: Arc<Connection>| async move {
            let engine = connection.engine().identified_as(&self.identity);
            engine.heartbeat(&at.0, &at.1).await
        };
        self.persist(&at.0, call).await.result
    }

    /// Releases a run.
    pub(super) async fn release(&self, at: At) -> Result<Execution, Error> {
        let at = &at;
        let call = |connection: Arc<Connection>| async move {
            let engine = connection.engine().identified_as(&self.identity);
            engine.release(&at.0, &at.1).await
        };
        self.persist(&at.0, call).await.result
    }

    /// Reports the end of an attempt. `permit` serves the next run, if the same call brings one.
    pub(super) async fn complete(
        &self,
        at: At,
        completion: Completion,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Answer<Completed> {
        if let Some(reports) = self.reports.get()
            && let Some(answer) = reports.report(at.clone(), completion.clone(), permit).await
            && !is_about_shard(&answer)
        {
            return answer;
        }
        let coalescer = self.coalescers.as_ref().map(|(_, coalescer)| coalescer);
        let run_id = at.0.clone();
        self.ask(coalescer, &self.complete, &run_id, (at.0, at.1, completion))
            .await
    }

    /// Repeats a call about a run until it has an answer, at another node if its shard has moved there. The caller sets the time
    /// limit.
    pub(super) async fn persist<T, Call>(
        &self,
        run_id: &RunId,
        call: impl Fn(Arc<Connection>) -> Call,
    ) -> Answer<T>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        let answer = self.link().persist(&call).await;
        match (&self.cluster, &answer.result) {
            (Some(cluster), Err(error)) if error.kind() == ErrorKind::ShardElsewhere => Answer {
                result: cluster.of_run(run_id, call).await,
                may_repeat: true,
            },
            _ => answer,
        }
    }

    /// Calls through a coalescer, or singly if there is none.
    async fn ask<B: Bulk>(
        &self,
        coalescer: Option<&Coalescer<B>>,
        bulk: &B,
        run_id: &RunId,
        query: B::Query,
    ) -> Answer<B::Answer> {
        if let Some(coalescer) = coalescer
            && let Some(answer) = coalescer.ask(query.clone()).await
            && !is_about_shard(&answer)
        {
            return answer;
        }
        let query = &query;
        let call = |connection: Arc<Connection>| async move { bulk.one(&connection, query).await };
        self.persist(run_id, call).await
    }

    pub(super) async fn close(&self) {
        for link in &self.links {
            link.close().await;
        }
        if let Some(cluster) = &self.cluster {
            cluster.close().await;
        }
    }
}

/// Whether a call among many was refused because its run's shard is being moved, or has been: it is made by itself then, which
/// repeats it.
fn is_about_shard<T>(answer: &Answer<T>) -> bool {
    let error = answer.result.as_ref().err();
    error.is_some_and(|error| {
        matches!(
            error.kind(),
            ErrorKind::ShardMoving | ErrorKind::ShardElsewhere
        )
    })
}

/// Whether a run is in the state to which the start of this attempt leads.
fn is_started(execution: &Execution, attempt_number: i32) -> bool {
    execution.execution_status == ExecutionStatus::Executing
        && execution.attempt_number == Some(attempt_number)
}

#[derive(Debug, Clone)]
struct Start {
    identity: Arc<Identity>,
    /// Whether this process has executed before.
    is_warm: Arc<AtomicBool>,
}

impl Bulk for Start {
    type Query = At;
    type Answer = Started;
    const NAME: &'static str = "start";

    async fn one(&self, connection: &Connection, at: &At) -> Result<Started, Error> {
        let engine = connection.engine().identified_as(&self.identity);
        let is_warm = self.is_warm.load(Ordering::Relaxed);
        engine.start_attempt(&at.0, &at.1, is_warm).await
    }

    async fn many(
        &self,
        connection: &Connection,
        runs: &[&At],
    ) -> Result<Vec<OfMany<Started>>, Error> {
        let engine = connection.engine().identified_as(&self.identity);
        let runs: Vec<At> = runs.iter().copied().cloned().collect();
        let is_warm = self.is_warm.load(Ordering::Relaxed);
        engine.start_many(&runs, is_warm).await
    }
}

#[derive(Debug, Clone)]
struct Complete {
    identity: Arc<Identity>,
}

impl Bulk for Complete {
    type Query = End;
    type Answer = Completed;
    const NAME: &'static str = "complete";

    async fn one(&self, connection: &Connection, end: &End) -> Result<Completed, Error> {
        let engine = connection.engine().identified_as(&self.identity);
        engine.complete_attempt(&end.0, &end.1, &end.2).await
    }

    async fn many(
        &self,
        connection: &Connection,
        ends: &[&End],
    ) -> Result<Vec<OfMany<Completed>>, Error> {
        let engine = connection.engine().identified_as(&self.identity);
        let ends: Vec<End> = ends.iter().copied().cloned().collect();
        engine.complete_many(&ends).await
    }
}
