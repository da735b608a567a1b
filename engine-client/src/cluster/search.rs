//! The way of a call to the node that serves what it is about.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::{Instant, sleep};

use super::Cluster;
use super::metric;
use super::node::Tries;
use super::route::{NodeIndex, Target};
use crate::backoff::Backoff;
use crate::{Connection, Error, ErrorKind};

/// How often nodes have said during one call that a shard is elsewhere.
#[derive(Debug, Default)]
pub(super) struct Corrections(HashMap<u16, usize>);

impl Cluster {
    /// Makes a call at the node of `target`. One that `repeats` is made again even if it may have taken effect.
    pub(super) async fn ask<T, Call>(
        &self,
        target: &Target,
        repeats: bool,
        call: impl Fn(Arc<Connection>) -> Call,
    ) -> Result<T, Error>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        let mut corrections = Corrections::default();
        let mut backoff = Backoff::new(self.config.link.reconnect);
        let tries = Tries {
            until: self.until(),
            repeats,
            is_probe: false,
        };
        loop {
            let result = match self.routes.node_of(target) {
                Some(index) => self.nodes[index]
                    .call(tries, &call)
                    .await
                    .map_err(|failed| (index, failed.error)),
                None => match self.find(target, tries, &call).await {
                    Ok(Some(answer)) => Ok(answer),
                    // By now its place is known.
                    Ok(None) => continue,
                    Err(error) => return Err(error),
                },
            };
            match result {
                Ok(answer) => return Ok(answer),
                Err((index, error)) if self.corrects(&error, index, target, &mut corrections) => {}
                // The pooler is about to be told where the shard is now.
                Err((_, error)) if self.is_late(&error, tries.until) => {
                    sleep(backoff.pause()).await
                }
                Err((_, error)) => return Err(error),
            }
        }
    }

    /// Makes a call at one node after another until one of them knows what it is about, and leaves those that cannot be reached
    /// for later. None if a node has said where to call.
    async fn find<T, Call>(
        &self,
        target: &Target,
        tries: Tries,
        call: &impl Fn(Arc<Connection>) -> Call,
    ) -> Result<Option<T>, Error>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        let mut backoff = Backoff::new(self.config.link.reconnect);
        let probe = Tries {
            is_probe: true,
            ..tries
        };
        loop {
            let (mut unreachable, mut unknown) = (None, None);
            for index in self.in_turn() {
                let failed = match self.nodes[index].call(probe, call).await {
                    Ok(answer) => {
                        self.routes.answered(target, index);
                        return Ok(Some(answer));
                    }
                    Err(failed) => failed,
                };
                let error = failed.error;
                match error.kind() {
                    ErrorKind::ShardElsewhere => {
                        if self.hear(&error, target, index) {
                            return Ok(None);
                        }
                        unknown = Some(error);
                    }
                    ErrorKind::UnknownEnvironment => unknown = Some(error),
                    ErrorKind::Connection if tries.repeats || !failed.is_unknown => {
                        unreachable = Some(error);
                    }
                    _ => return Err(error),
                }
            }
            // What no node knows may be on one that cannot be reached.
            let error = match (unreachable, unknown) {
                (Some(error), _) => error,
                (None, Some(error)) => return Err(error),
                (None, None) => return Err(Error::setup("the cluster has no nodes")),
            };
            let left = tries.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(error);
            }
            sleep(backoff.pause().min(left)).await;
        }
    }

    /// Corrects the place of the shard that is not at the node `asked`; returns whether another call may succeed.
    pub(super) fn corrects(
        &self,
        error: &Error,
        asked: NodeIndex,
        target: &Target,
        corrections: &mut Corrections,
    ) -> bool {
        if error.kind() == ErrorKind::UnknownEnvironment {
            if let Target::Environment(environment_id) = target {
                self.routes.forget(environment_id);
            }
            return false;
        }
        let Some((shard, _)) = error.elsewhere() else {
            return false;
        };
        let count = corrections.0.entry(shard).or_default();
        *count += 1;
        if *count > self.nodes.len() {
            return false;
        }
        if self.hear(error, target, asked) {
            return true;
        }
        // The node does not know where the shard is: another one may.
        let next = (asked + 1) % self.nodes.len();
        if self.is_routed || next == asked {
            return false;
        }
        self.routes.place(shard, next);
        true
    }

    /// Remembers what the node `asked` has said about the place of a shard; returns whether `target` is to be called elsewhere
    /// now.
    fn hear(&self, error: &Error, target: &Target, asked: NodeIndex) -> bool {
        let Some((shard, place)) = error.elsewhere() else {
            return false;
        };
        metric::elsewhere(&self.nodes[asked].name);
        if let Target::Environment(environment_id) = target {
            self.routes.learn(environment_id, shard);
        }
        let named = place.and_then(|place| self.nodes.iter().position(|node| node.name == place));
        if let Some(index) = named.filter(|index| !self.is_routed && *index != asked) {
            tracing::info!(shard, node = self.nodes[index].name, "a shard is elsewhere");
            self.routes.place(shard, index);
        }
        self.routes
            .node_of(target)
            .is_some_and(|index| index != asked)
    }

    /// Whether a pooler may still send calls to where the shard was.
    fn is_late(&self, error: &Error, until: Instant) -> bool {
        self.is_routed && error.kind() == ErrorKind::ShardElsewhere && Instant::now() < until
    }
}
