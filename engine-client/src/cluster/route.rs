//! Where shards and environments are, as far as it is known.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::placement::{PlacedNode, SHARD_COUNT};
use crate::{BatchId, RunId, WaitpointId};

/// Most environments whose places are remembered: some 10 MB. With more of them all are forgotten, and learnt again.
const MOST_ENVIRONMENTS: usize = 100_000;

/// The length of an id that names its shard.
const ID_LENGTH: usize = 25;

/// A node, by its number in the placement.
pub(super) type NodeIndex = usize;

/// What a call is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Target {
    Shard(u16),
    Environment(String),
}

impl Target {
    pub(super) fn run(run_id: &RunId) -> Self {
        Self::Shard(shard_of(run_id.as_str()))
    }

    pub(super) fn waitpoint(waitpoint_id: &WaitpointId) -> Self {
        Self::Shard(shard_of(waitpoint_id.as_str()))
    }

    pub(super) fn batch(batch_id: &BatchId) -> Self {
        Self::Shard(shard_of(batch_id.as_str()))
    }
}

/// Where an environment is.
#[derive(Debug, Clone, Copy)]
enum Home {
    Shard(u16),
    /// A node knows it; on which of its shards it is has not been seen.
    Node(NodeIndex),
}

/// The cache: it may be wrong, and is corrected by the nodes.
#[derive(Debug)]
pub(super) struct Routes(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    shards: HashMap<u16, NodeIndex>,
    environments: HashMap<String, Home>,
}

impl Routes {
    pub(super) fn new(nodes: &[PlacedNode]) -> Self {
        let mut known = Known::default();
        for (index, node) in nodes.iter().enumerate() {
            let shards = node.shards.iter().filter(|shard| **shard < SHARD_COUNT);
            known.shards.extend(shards.map(|shard| (*shard, index)));
        }
        Self(RwLock::new(known))
    }

    /// Where a call is to be made; none if that has to be found out.
    pub(super) fn node_of(&self, target: &Target) -> Option<NodeIndex> {
        let known = self.read();
        match target {
            Target::Shard(shard) => known.shards.get(shard).copied(),
            Target::Environment(environment_id) => match known.environments.get(environment_id)? {
                Home::Shard(shard) => known.shards.get(shard).copied(),
                Home::Node(node) => Some(*node),
            },
        }
    }

    /// A shard is at this node.
    pub(super) fn place(&self, shard: u16, node: NodeIndex) {
        self.write().shards.insert(shard, node);
    }

    /// A call about `target` has succeeded at this node.
    pub(super) fn answered(&self, target: &Target, node: NodeIndex) {
        if self.node_of(target) == Some(node) {
            return;
        }
        match target {
            Target::Shard(shard) => self.place(*shard, node),
            Target::Environment(environment_id) => self.settle(environment_id, Home::Node(node)),
        }
    }

    /// The environment is on this shard.
    pub(super) fn learn(&self, environment_id: &str, shard: u16) {
        let is_known = matches!(
            self.read().environments.get(environment_id),
            Some(Home::Shard(known)) if *known == shard
        );
        if !is_known {
            self.settle(environment_id, Home::Shard(shard));
        }
    }

    /// The environment is not where it was believed to be.
    pub(super) fn forget(&self, environment_id: &str) {
        self.write().environments.remove(environment_id);
    }

    /// A call about this environment and others was refused for one of them.
    pub(super) fn doubt(&self, target: &Target) {
        let Target::Environment(environment_id) = target else {
            return;
        };
        let mut known = self.write();
        if matches!(known.environments.get(environment_id), Some(Home::Node(_))) {
            known.environments.remove(environment_id);
        }
    }

    fn settle(&self, environment_id: &str, home: Home) {
        let mut known = self.write();
        if known.environments.len() >= MOST_ENVIRONMENTS {
            known.environments.clear();
        }
        known.environments.insert(environment_id.to_owned(), home);
    }

    /// Nothing can panic while it is locked.
    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shard at the end of an id; 0 for ids that the engine did not mint.
pub(super) fn shard_of(id: &str) -> u16 {
    let is_minted = id.len() == ID_LENGTH
        && id.starts_with('c')
        && id
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    let suffix = id.get(ID_LENGTH - 2..).filter(|_| is_minted);
    suffix
        .and_then(|suffix| u16::from_str_radix(suffix, 36).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Placement;

    fn routes() -> Routes {
        let database = || "host=nowhere dbname=app".parse().unwrap();
        let placement =
            Placement::new()
                .node("a", database(), 0..=31)
                .node("b", database(), [32, 41]);
        Routes::new(&placement.nodes)
    }

    #[test]
    fn an_id_names_its_shard_by_its_end() {
        assert_eq!(shard_of("cmibtzv1k0000abcd12345607"), 7);
        assert_eq!(shard_of("cmibtzv1k0000abcd123456zz"), 1295);
        for foreign in ["order-17", "cmibtzv1k0000abcd123456Z1", "", "ä"] {
            assert_eq!(shard_of(foreign), 0, "{foreign}");
        }
    }

    #[test]
    fn an_environment_follows_its_shard() {
        let routes = routes();
        let acme = Target::Environment("acme".to_owned());
        assert_eq!(routes.node_of(&acme), None);
        routes.answered(&acme, 0);
        assert_eq!(routes.node_of(&acme), Some(0));
        routes.learn("acme", 41);
        assert_eq!(routes.node_of(&acme), Some(1));
        routes.place(41, 0);
        assert_eq!(routes.node_of(&acme), Some(0));
        routes.forget("acme");
        assert_eq!(routes.node_of(&acme), None);
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let routes = routes();
        for number in 0..=MOST_ENVIRONMENTS {
            routes.learn(&number.to_string(), 1);
        }
        assert_eq!(routes.read().environments.len(), 1);
    }
}
