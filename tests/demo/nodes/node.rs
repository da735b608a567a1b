//! The servers, each of which serves other shards.

use std::ops::Range;

use anyhow::{Context, Result};
use engine_client::{Engine, Placement};
use engine_harness::{Cluster as Server, Database};
use tokio::task::{JoinHandle, block_in_place, spawn_blocking};
use tokio_postgres::Client;

use crate::batch::{self, Standing};

/// The shards in use, each with an environment.
pub const SHARDS: Range<u16> = 1..7;

/// What clients and databases call a node, by its number.
pub fn name(index: usize) -> String {
    format!("node-{}", index + 1)
}

/// The environment of a shard.
pub fn environment(shard: u16) -> String {
    format!("tenant-{shard}")
}

/// A server with its part of the runs. It is stopped when this is dropped.
pub struct Node {
    pub name: String,
    pub database: Database,
    pub client: Client,
    /// None while it starts again.
    server: Option<Server>,
    /// As it was when the node was last asked.
    pub standing: Standing,
    is_dead: bool,
}

impl Node {
    /// Kills every process of the server with SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.is_dead = true;
        let server = self.server.as_mut().context("it does not run")?;
        block_in_place(|| server.kill_9())
    }

    /// Starts the server again on what it had written.
    pub fn restart(&mut self) -> Result<JoinHandle<Result<Server>>> {
        let mut server = self.server.take().context("it is starting already")?;
        Ok(spawn_blocking(move || {
            server.restart()?;
            Ok(server)
        }))
    }

    /// Its server has started.
    pub async fn rejoin(&mut self, server: Server) -> Result<()> {
        self.server = Some(server);
        self.client = self.database.connect().await?;
        self.is_dead = false;
        Ok(())
    }
}

/// Where which runs are.
pub struct Nodes(pub Vec<Node>);

impl Nodes {
    /// Gives each server a database, and its share of the environments.
    pub async fn start(servers: Vec<Server>) -> Result<Self> {
        let count = servers.len();
        let mut nodes = Vec::new();
        for (index, server) in servers.into_iter().enumerate() {
            let database = server.database().await?;
            let client = database.connect().await?;
            batch::set_heartbeats(&client, database.name()).await?;
            for shard in SHARDS {
                place(&client, shard, index, home(shard, count)).await?;
            }
            nodes.push(Node {
                name: name(index),
                database,
                client,
                server: Some(server),
                standing: Standing::default(),
                is_dead: false,
            });
        }
        Ok(Self(nodes))
    }

    /// What a client is told about where shards are.
    pub fn placement(&self) -> Result<Placement> {
        let mut placement = Placement::new();
        for (index, node) in self.0.iter().enumerate() {
            let shards = SHARDS.filter(|shard| home(*shard, self.0.len()) == index);
            let database = node.database.connection_string().parse()?;
            placement = placement.node(&node.name, database, shards);
        }
        Ok(placement)
    }

    pub fn connection_strings(&self) -> Vec<String> {
        let nodes = self.0.iter();
        nodes
            .map(|node| node.database.connection_string())
            .collect()
    }

    /// The progress of all runs, as far as nodes are there.
    pub async fn standing(&mut self) -> Result<Standing> {
        let mut sum = Standing::default();
        for node in &mut self.0 {
            if !node.is_dead {
                let standing = batch::standing(&node.client).await;
                node.standing = standing.with_context(|| node.name.clone())?;
            }
            sum += node.standing;
        }
        Ok(sum)
    }

    /// Runs that have finished on all nodes but the last.
    pub fn finished_by_others(&self) -> usize {
        let others = self.0.iter().rev().skip(1);
        others.map(|node| node.standing.finished).sum()
    }

    /// Violated invariants, each with its node.
    pub async fn violations(&self) -> Result<Vec<String>> {
        let mut violations = Vec::new();
        for node in &self.0 {
            let found = Engine::new(&node.client).check().await?;
            let found = found.iter().map(|of| format!("{}: {of:?}", node.name));
            violations.extend(found);
        }
        Ok(violations)
    }
}

/// The number of the node that has a shard at first.
fn home(shard: u16, nodes: usize) -> usize {
    usize::from(shard - SHARDS.start) % nodes
}

/// Tells the node `index` about a shard of the node `home`.
async fn place(client: &Client, shard: u16, index: usize, home: usize) -> Result<()> {
    let number = i32::from(shard);
    if index == home {
        let set = "select engine_set_environment($1, shard => $2)";
        client.query(set, &[&environment(shard), &number]).await?;
    } else {
        let set = "select engine_set_shard($1, 'AWAY', $2)";
        client.query(set, &[&number, &name(home)]).await?;
    }
    Ok(())
}
