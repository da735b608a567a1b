//! Several databases that share the shards.

mod call;
mod dequeue;
mod many;
pub(crate) mod metric;
mod node;
mod placement;
mod route;
mod search;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::node::Node;
use self::route::{NodeIndex, Routes, Target};
use crate::together::together;
use crate::{BatchId, Connection, Database, Error, Identity, LinkConfig, RunId, WaitpointId};

pub use self::placement::Placement;

/// How a [`Cluster`] calls its nodes. Every value has a default:
///
/// ```
/// use std::time::Duration;
///
/// use engine_client::ClusterConfig;
///
/// let config = ClusterConfig { patience: Duration::from_secs(2), ..ClusterConfig::default() };
/// ```
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// How long a call is repeated while its node cannot be reached, or its shard is being moved. Default: 10 s.
    pub patience: Duration,
    /// The identity in the snapshots of runs that are dequeued, started and completed by calls of the cluster. An id that is
    /// missing is made up. Default: both are.
    pub identity: Identity,
    /// How the connection to each node is opened and kept.
    pub link: LinkConfig,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(10),
            identity: Identity::default(),
            link: LinkConfig::default(),
        }
    }
}

/// Several databases, the nodes, each of which serves some of the shards.
///
/// Ids of runs, waitpoints and batches name their shard; where an environment is, is learnt from the nodes' answers. So a call
/// goes to the node that serves what it is about, and takes one round trip, as with one database. The [`Placement`] that it
/// begins with may be old: a node that does not serve the shard of a call says so (`RE020`), and where the shard is; that is
/// remembered, and the call made there.
///
/// One connection per node is opened when it is first needed, and shared by all calls: they are pipelined. A node that cannot
/// be reached affects calls about its shards only. These are repeated with growing pauses, as are those about a shard that is
/// being moved (`RE021`), until [`ClusterConfig::patience`] has passed. A call whose answer was lost may have taken effect: it
/// is repeated where the server recognizes that, as the methods say.
///
/// Clones share their connections and what they have learnt. Runs that are to be triggered in a transaction of yours need
/// the connection to one node: [`Engine`](crate::Engine). A [`Worker`](crate::Worker) works
/// [on a cluster](crate::Worker::on_cluster).
///
/// ```no_run
/// # async fn example() -> Result<(), engine_client::Error> {
/// use std::sync::Arc;
///
/// use engine_client::{Cluster, Connection, Placement, Trigger};
///
/// let placement = Placement::new()
///     .node("node-a", "host=a.example.org dbname=app".parse()?, 0..=31)
///     .node("node-b", "host=b.example.org dbname=app".parse()?, 32..=63);
/// let cluster = Cluster::new(placement);
/// let trigger = Trigger::new("greet").environment_id("acme").payload("Ada")?;
/// let run = cluster.trigger(&trigger).await?;
/// // What has no method of its own is called by a closure.
/// let run_id = &run.run_id;
/// let redrive = |connection: Arc<Connection>| async move { connection.engine().redrive(run_id).await };
/// cluster.of_run(run_id, redrive).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cluster {
    nodes: Arc<[Node]>,
    routes: Arc<Routes>,
    config: Arc<ClusterConfig>,
    /// Whether a pooler says where shards are.
    is_routed: bool,
}

impl Cluster {
    /// A cluster of these nodes, with the default configuration.
    pub fn new(placement: Placement) -> Self {
        Self::with(placement, ClusterConfig::default())
    }

    /// A cluster of these nodes.
    pub fn with(placement: Placement, config: ClusterConfig) -> Self {
        metric::describe();
        let config = ClusterConfig {
            identity: config.identity.completed(),
            ..config
        };
        let routes = Routes::new(&placement.nodes);
        let nodes = placement.nodes.into_iter();
        Self {
            nodes: nodes
                .map(|node| Node::new(node.name, node.database, config.link.clone()))
                .collect(),
            routes: Arc::new(routes),
            config: Arc::new(config),
            is_routed: placement.is_routed,
        }
    }

    /// Makes a call at the node of a run.
    ///
    /// The call is repeated if its answer was lost: one about a snapshot is then refused as stale or finished, if the first
    /// one has taken effect.
    ///
    /// # Errors
    /// Those of the call; [`Connection`](crate::ErrorKind::Connection) if the node could not be reached in time;
    /// [`ShardElsewhere`](crate::ErrorKind::ShardElsewhere) if no node serves the run's shard.
    pub async fn of_run<T, Call>(
        &self,
        run_id: &RunId,
        call: impl Fn(Arc<Connection>) -> Call,
    ) -> Result<T, Error>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        self.ask(&Target::run(run_id), true, call).await
    }

    /// Makes a call at the node of a waitpoint; it is repeated if its answer was lost.
    ///
    /// # Errors
    /// As [`of_run`](Self::of_run).
    pub async fn of_waitpoint<T, Call>(
        &self,
        waitpoint_id: &WaitpointId,
        call: impl Fn(Arc<Connection>) -> Call,
    ) -> Result<T, Error>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        self.ask(&Target::waitpoint(waitpoint_id), true, call).await
    }

    /// Makes a call at the node of a batch; it is repeated if its answer was lost.
    ///
    /// # Errors
    /// As [`of_run`](Self::of_run).
    pub async fn of_batch<T, Call>(
        &self,
        batch_id: &BatchId,
        call: impl Fn(Arc<Connection>) -> Call,
    ) -> Result<T, Error>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        self.ask(&Target::batch(batch_id), true, call).await
    }

    /// Makes a call at the node of an environment, which has to name it. It is not repeated if its answer was lost: it may have
    /// taken effect.
    ///
    /// The first call about an environment goes from node to node until one knows it. An environment is new: create it with
    /// [`of_shard`](Self::of_shard).
    ///
    /// ```no_run
    /// # use engine_client::{Cluster, Error, QueueChange};
    /// # async fn example(cluster: Cluster) -> Result<(), Error> {
    /// cluster
    ///     .of_environment("acme", |connection| async move {
    ///         let change = QueueChange::new("mail").environment_id("acme").concurrency_limit(Some(5));
    ///         connection.engine().set_queue(&change).await
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`of_run`](Self::of_run); [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment) if no node knows it.
    pub async fn of_environment<T, Call>(
        &self,
        environment_id: &str,
        call: impl Fn(Arc<Connection>) -> Call,
    ) -> Result<T, Error>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        let target = Target::Environment(environment_id.to_owned());
        self.ask(&target, false, call).await
    }

    /// Makes a call at the node of a shard, such as one that creates an environment there. It is repeated if its answer was
    /// lost.
    ///
    /// # Errors
    /// As [`of_run`](Self::of_run).
    pub async fn of_shard<T, Call>(
        &self,
        shard: u16,
        call: impl Fn(Arc<Connection>) -> Call,
    ) -> Result<T, Error>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        self.ask(&Target::Shard(shard), true, call).await
    }

    /// Makes a call at every node, once and at the same time; the answers come with the names of the nodes, in their order.
    ///
    /// ```no_run
    /// # use engine_client::Cluster;
    /// # async fn example(cluster: Cluster) {
    /// let found = cluster.on_each(|connection| async move { connection.engine().check().await });
    /// for (node, violations) in found.await {
    ///     println!("{node}: {violations:?}");
    /// }
    /// # }
    /// ```
    pub async fn on_each<T, Call>(
        &self,
        call: impl Fn(Arc<Connection>) -> Call,
    ) -> Vec<(&str, Result<T, Error>)>
    where
        Call: Future<Output = Result<T, Error>>,
    {
        let call = &call;
        let calls = self.nodes.iter().map(|node| async move {
            let answer = node.once(call).await;
            (&*node.name, answer.map_err(|failed| failed.error))
        });
        together(calls).await
    }

    /// Lets pending calls finish and closes the connections, as far as no clone uses them.
    pub async fn close(&self) {
        together(self.nodes.iter().map(|node| node.link.close())).await;
    }

    /// The same cluster with connections of its own, for another runtime. What one of the two learns, both know.
    pub(crate) fn apart(&self, config: ClusterConfig) -> Self {
        let nodes = self.nodes.iter().map(|node| {
            Node::new(
                node.name.clone(),
                node.database.clone(),
                config.link.clone(),
            )
        });
        Self {
            nodes: nodes.collect(),
            routes: Arc::clone(&self.routes),
            config: Arc::new(config),
            is_routed: self.is_routed,
        }
    }

    /// The nodes, by name.
    pub(crate) fn databases(&self) -> impl Iterator<Item = (&str, &Database)> {
        self.nodes.iter().map(|node| (&*node.name, &node.database))
    }

    /// Whether a pooler says where shards are: then the nodes themselves are not known.
    pub(crate) fn is_routed(&self) -> bool {
        self.is_routed
    }

    fn until(&self) -> Instant {
        Instant::now() + self.config.patience
    }

    /// All nodes, from any one on.
    fn in_turn(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        let count = self.nodes.len();
        let first = rand::random_range(0..count.max(1));
        (0..count).map(move |offset| (first + offset) % count)
    }
}
