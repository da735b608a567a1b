//! Calls about many runs, split by node.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::{Instant, sleep};

use super::Cluster;
use super::call::target_of;
use super::node::Tries;
use super::route::{NodeIndex, Target};
use super::search::Corrections;
use crate::backoff::Backoff;
use crate::together::together;
use crate::{
    Completed, Completion, Connection, Error, ErrorKind, Heartbeat, OfMany, RunId, SnapshotId,
    Started, Trigger, Triggered,
};

/// The part of a call that one node answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Node(NodeIndex),
    /// Where it is has to be found out.
    Unknown(Target),
}

/// The end of an attempt.
type End = (RunId, SnapshotId, Completion);

/// The answers of one part: those of its elements, or of the whole.
type Answered<A> = (Part, Vec<usize>, Result<Vec<OfMany<A>>, Error>);

impl Cluster {
    /// Makes many runs. Those of one node are made together or not at all, those of another one independently of them; the
    /// answers come in order. If an answer was lost, the runs of its node are triggered again only if all of them have an
    /// [idempotency key](Trigger::idempotency_key).
    ///
    /// Each answer is a run, or an error of [`trigger`](Self::trigger).
    ///
    /// ```no_run
    /// # use engine_client::{Cluster, Error, Trigger};
    /// # async fn example(cluster: Cluster) -> Result<(), Error> {
    /// let triggers = ["acme", "globex"].map(|id| Trigger::new("bill").environment_id(id));
    /// for (trigger, answer) in triggers.iter().zip(cluster.trigger_many(&triggers).await) {
    ///     if let Err(error) = answer {
    ///         println!("{trigger:?}: {error}");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn trigger_many(&self, triggers: &[Trigger]) -> Vec<OfMany<Triggered>> {
        let repeats = triggers
            .iter()
            .all(|trigger| trigger.idempotency_key.is_some());
        let call = |connection: Arc<Connection>, triggers: Arc<[Trigger]>| async move {
            let runs = connection.engine().trigger_many(&triggers).await?;
            Ok(runs.into_iter().map(Ok).collect())
        };
        let answers = self.split(triggers, target_of, repeats, call).await;
        for (trigger, answer) in triggers.iter().zip(&answers) {
            if let Ok(run) = answer {
                self.learn(&target_of(trigger), run.run_id.as_str());
            }
        }
        answers
    }

    /// Starts the next attempts of many dequeued runs, as [`Engine::start_many`](crate::Engine::start_many) does: each node's
    /// in one commit. The answers come in order; those of a node that could not be reached in time are
    /// [`Connection`](ErrorKind::Connection).
    pub async fn start_many(
        &self,
        runs: &[(RunId, SnapshotId)],
        is_warm_start: bool,
    ) -> Vec<OfMany<Started>> {
        let identity = &self.config.identity;
        let call = |connection: Arc<Connection>, runs: Arc<[(RunId, SnapshotId)]>| async move {
            let engine = connection.engine().identified_as(identity);
            engine.start_many(&runs, is_warm_start).await
        };
        self.split(runs, |run| Target::run(&run.0), true, call)
            .await
    }

    /// Beats for many runs, as [`Engine::heartbeat_many`](crate::Engine::heartbeat_many) does, at the node of each. The
    /// answers come in order; those of a node that could not be reached in time are [`Connection`](ErrorKind::Connection).
    pub async fn heartbeat_many(
        &self,
        runs: &[(RunId, SnapshotId)],
    ) -> Vec<OfMany<Option<Heartbeat>>> {
        let identity = &self.config.identity;
        let call = |connection: Arc<Connection>, runs: Arc<[(RunId, SnapshotId)]>| async move {
            let engine = connection.engine().identified_as(identity);
            engine.heartbeat_many(&runs).await
        };
        self.split(runs, |run| Target::run(&run.0), true, call)
            .await
    }

    /// Reports the ends of many attempts, as [`Engine::complete_many`](crate::Engine::complete_many) does: each node's in one
    /// commit. The answers come in order; those of a node that could not be reached in time are
    /// [`Connection`](ErrorKind::Connection).
    pub async fn complete_many(
        &self,
        completions: &[(RunId, SnapshotId, Completion)],
    ) -> Vec<OfMany<Completed>> {
        let identity = &self.config.identity;
        let call = |connection: Arc<Connection>, ends: Arc<[End]>| async move {
            let engine = connection.engine().identified_as(identity);
            engine.complete_many(&ends).await
        };
        self.split(completions, |end| Target::run(&end.0), true, call)
            .await
    }

    /// Makes a call at each node for the elements that are there, at the same time, and again for those whose shard has turned
    /// out to be elsewhere or is being moved.
    async fn split<Q, A, Call>(
        &self,
        queries: &[Q],
        target_of: impl Fn(&Q) -> Target,
        repeats: bool,
        call: impl Fn(Arc<Connection>, Arc<[Q]>) -> Call,
    ) -> Vec<OfMany<A>>
    where
        Q: Clone,
        Call: Future<Output = Result<Vec<OfMany<A>>, Error>>,
    {
        let tries = Tries {
            until: self.until(),
            repeats,
            is_probe: false,
        };
        let targets: Vec<Target> = queries.iter().map(target_of).collect();
        let mut answers: Vec<Option<OfMany<A>>> = queries.iter().map(|_| None).collect();
        let mut open: Vec<usize> = (0..queries.len()).collect();
        let mut corrections = Corrections::default();
        let mut backoff = Backoff::new(self.config.link.reconnect);
        while !open.is_empty() {
            let parts = self.parts(&open, &targets).into_iter();
            let calls = parts.map(|(part, indexes)| {
                let of_part = indexes.iter().map(|index| queries[*index].clone());
                self.part(part, indexes.clone(), tries, of_part.collect(), &call)
            });
            let answered = together(calls).await;
            let mut moves = false;
            open.clear();
            for (part, indexes, result) in answered {
                let results = each(result, &indexes);
                let mut heard = HashMap::new();
                for (index, result) in indexes.into_iter().zip(results) {
                    if let Err(error) = &result
                        && Instant::now() < tries.until
                    {
                        let is_moving = error.kind() == ErrorKind::ShardMoving;
                        moves |= is_moving;
                        if is_moving
                            || self.hears(
                                error,
                                &part,
                                &targets[index],
                                &mut heard,
                                &mut corrections,
                            )
                        {
                            open.push(index);
                        }
                    }
                    answers[index] = Some(result);
                }
            }
            if moves {
                sleep(backoff.pause()).await;
            }
        }
        answers.into_iter().flatten().collect()
    }

    /// Corrects the place of a shard once for all elements that were refused; returns whether they are to be called again.
    fn hears(
        &self,
        error: &Error,
        part: &Part,
        target: &Target,
        heard: &mut HashMap<u16, bool>,
        corrections: &mut Corrections,
    ) -> bool {
        let (Some((shard, _)), Part::Node(node)) = (error.elsewhere(), part) else {
            return false;
        };
        self.routes.doubt(target);
        *heard
            .entry(shard)
            .or_insert_with(|| self.corrects(error, *node, &Target::Shard(shard), corrections))
    }

    /// Elements by the node where they are believed to be.
    fn parts(&self, open: &[usize], targets: &[Target]) -> HashMap<Part, Vec<usize>> {
        let mut parts: HashMap<Part, Vec<usize>> = HashMap::new();
        for &index in open {
            let target = &targets[index];
            let part = match self.routes.node_of(target) {
                Some(node) => Part::Node(node),
                // Any node says where a shard is, to each element.
                None if matches!(target, Target::Shard(_)) && !self.nodes.is_empty() => {
                    Part::Node(0)
                }
                None => Part::Unknown(target.clone()),
            };
            parts.entry(part).or_default().push(index);
        }
        parts
    }

    async fn part<Q, A, Call>(
        &self,
        part: Part,
        indexes: Vec<usize>,
        tries: Tries,
        queries: Arc<[Q]>,
        call: &impl Fn(Arc<Connection>, Arc<[Q]>) -> Call,
    ) -> Answered<A>
    where
        Call: Future<Output = Result<Vec<OfMany<A>>, Error>>,
    {
        let call = |connection| call(connection, Arc::clone(&queries));
        let result = match &part {
            Part::Node(node) => {
                let answer = self.nodes[*node].call(tries, &call).await;
                answer.map_err(|failed| failed.error)
            }
            Part::Unknown(target) => self.ask(target, tries.repeats, call).await,
        };
        (part, indexes, result)
    }
}

/// The answer to each element; all have the error of a call that failed as a whole.
fn each<A>(result: Result<Vec<OfMany<A>>, Error>, indexes: &[usize]) -> Vec<OfMany<A>> {
    match result {
        Ok(results) => results,
        Err(error) => indexes.iter().map(|_| Err(error.share())).collect(),
    }
}
