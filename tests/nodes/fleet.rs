//! Three servers, each of which serves other shards.

use std::time::Duration;

use anyhow::{Context, Result};
use engine_client::{Cluster, ClusterConfig, Placement, Trigger};
use engine_harness::{Cluster as Server, Database, Options, Session};

/// How long a test waits for what has to happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The nodes, with the first shard of each: it serves those up to the next one's.
const NODES: [(&str, u16); 3] = [("node-a", 0), ("node-b", 22), ("node-c", 43)];

/// One more than the last shard.
const SHARDS: u16 = 64;

/// An environment of each node, and its shard.
pub const ENVIRONMENTS: [(&str, u16); 3] = [("acme", 7), ("globex", 25), ("initech", 45)];

/// A node of the cluster.
pub struct Node {
    /// What clients call it.
    pub name: &'static str,
    /// Those that it serves.
    pub shards: std::ops::Range<u16>,
    /// The primary.
    pub server: Server,
    /// The database with the extension.
    pub database: Database,
    /// What is promoted if the server dies.
    pub standby: Option<Server>,
}

impl Node {
    /// A session with the primary, as superuser.
    ///
    /// # Errors
    /// If the server refuses it.
    pub async fn session(&self) -> Result<Session> {
        let client = self.server.server().connect(self.database.name()).await?;
        Ok(Session { client })
    }

    /// Where clients find it: whichever of its two servers is the primary.
    fn connection_string(&self) -> String {
        let Some(standby) = &self.standby else {
            return self.database.connection_string();
        };
        format!(
            "host={},{} port=5432,5432 user=postgres dbname='{}' target_session_attrs=read-write connect_timeout=1",
            self.server.server().socket().display(),
            standby.server().socket().display(),
            self.database.name()
        )
    }
}

/// Nodes that share the shards.
pub struct Fleet {
    /// In the order of their shards.
    pub nodes: Vec<Node>,
}

impl Fleet {
    /// Starts the servers; each has the environment of its node.
    ///
    /// # Errors
    /// If one of them does not start.
    pub async fn start(options: Options) -> Result<Self> {
        let mut nodes = Vec::new();
        for (index, (name, first)) in NODES.into_iter().enumerate() {
            let end = NODES.get(index + 1).map_or(SHARDS, |(_, next)| *next);
            let server = Server::start(options.clone()).await?;
            let database = server.database().await?;
            nodes.push(Node {
                name,
                shards: first..end,
                server,
                database,
                standby: None,
            });
        }
        let fleet = Self { nodes };
        for node in &fleet.nodes {
            let session = node.session().await?;
            for other in fleet.nodes.iter().filter(|other| other.name != node.name) {
                let (first, last) = (
                    i32::from(other.shards.start),
                    i32::from(other.shards.end) - 1,
                );
                let set = "select engine_set_shard(n, 'AWAY', $3) from generate_series($1::integer, $2) as n";
                let client = &session.client;
                client.query(set, &[&first, &last, &other.name]).await?;
            }
            for (environment, shard) in ENVIRONMENTS {
                if node.shards.contains(&shard) {
                    create(&session, environment, shard).await?;
                }
            }
        }
        Ok(fleet)
    }

    /// Which shards are where.
    ///
    /// # Errors
    /// If a connection string cannot be read.
    pub fn placement(&self) -> Result<Placement> {
        let mut placement = Placement::new();
        for node in &self.nodes {
            let database = node.connection_string().parse()?;
            placement = placement.node(node.name, database, node.shards.clone());
        }
        Ok(placement)
    }

    /// Every shard is believed to be at the node after its own.
    ///
    /// # Errors
    /// If a connection string cannot be read.
    pub fn stale_placement(&self) -> Result<Placement> {
        let mut placement = Placement::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let wrong = &self.nodes[(index + 1) % self.nodes.len()];
            let database = node.connection_string().parse()?;
            placement = placement.node(node.name, database, wrong.shards.clone());
        }
        Ok(placement)
    }

    /// A cluster of the nodes that gives up early.
    ///
    /// # Errors
    /// If a connection string cannot be read.
    pub fn cluster(&self) -> Result<Cluster> {
        let config = ClusterConfig {
            patience: Duration::from_secs(1),
            ..ClusterConfig::default()
        };
        Ok(Cluster::with(self.placement()?, config))
    }

    /// The node of an environment.
    ///
    /// # Errors
    /// If there is none.
    pub fn node_of(&mut self, environment: &str) -> Result<&mut Node> {
        let found = ENVIRONMENTS.iter().find(|(name, _)| *name == environment);
        let (_, shard) = found.context("it is not one of the environments")?;
        let mut nodes = self.nodes.iter_mut();
        let node = nodes.find(|node| node.shards.contains(shard));
        node.context("no node serves its shard")
    }

    /// Every invariant holds on every node.
    ///
    /// # Errors
    /// If one is violated.
    pub async fn check(&self) -> Result<()> {
        for node in &self.nodes {
            let session = node.session().await?;
            session.check().await.context(node.name)?;
        }
        Ok(())
    }

    /// The number of such rows on all nodes: what follows `from`.
    ///
    /// # Errors
    /// If a server refuses the question.
    pub async fn count(&self, from: &str) -> Result<i64> {
        let mut count = 0;
        for node in &self.nodes {
            count += node.session().await?.count(from).await?;
        }
        Ok(count)
    }
}

/// Creates an environment on a shard.
///
/// # Errors
/// If the server refuses it.
pub async fn create(session: &Session, environment: &str, shard: u16) -> Result<()> {
    let set = "select engine_set_environment($1, shard => $2)";
    let arguments: [&(dyn engine_client::tokio_postgres::types::ToSql + Sync); 2] =
        [&environment, &i32::from(shard)];
    session.client.query(set, &arguments).await?;
    Ok(())
}

/// A run of `task` in each environment, so many times over.
pub fn triggers(task: &str, rounds: usize) -> Vec<Trigger> {
    let environments = ENVIRONMENTS
        .iter()
        .cycle()
        .take(rounds * ENVIRONMENTS.len());
    environments
        .map(|(environment, _)| Trigger::new(task).environment_id(*environment))
        .collect()
}
