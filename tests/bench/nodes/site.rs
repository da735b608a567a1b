//! Databases that share the shards, a caller of them, and what its calls use.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use engine_client::{Cluster, Connection, Dequeue, Placement};
use engine_harness::{Cluster as Server, Pooler, session_cpu_time};
use nix::sys::resource::{UsageWho, getrusage};
use tokio_postgres::Client;

use super::call::Call;
use super::proxy::Proxy;
use super::subject::Subject;
use super::way::Way;
use crate::stock::Stock;

/// The shards in use, each with an environment.
const SHARDS: std::ops::Range<u16> = 1..7;

enum Caller {
    Server(Client),
    Cluster(Cluster),
}

/// What each of some calls has used, microseconds of CPU.
#[derive(Clone, Default)]
pub(super) struct Cost {
    pub(super) latencies_ms: Vec<f64>,
    pub(super) server: f64,
    pub(super) pooler: f64,
    pub(super) client: f64,
}

impl Cost {
    pub(super) fn whole(&self) -> f64 {
        self.server + self.pooler + self.client
    }
}

/// The nodes of one way, and its client.
pub(super) struct Site<'a> {
    stocks: Vec<Stock<'a>>,
    subjects: Vec<Subject>,
    caller: Caller,
    pooler: Option<Pooler>,
    proxy: Option<Proxy<'a>>,
    /// The processes of the caller's sessions.
    sessions: BTreeSet<i32>,
}

impl<'a> Site<'a> {
    pub(super) async fn begin(servers: &[&'a Server], way: Way) -> Result<Self> {
        let mut stocks = Vec::new();
        for server in servers.iter().take(way.nodes()) {
            stocks.push(Stock::empty(server).await?);
        }
        let mut subjects = Vec::new();
        for shard in SHARDS {
            for (node, stock) in stocks.iter().enumerate() {
                let client = stock.observer().await?;
                if node == way.node_of(shard) {
                    subjects.push(Subject::begin(&client, shard).await?);
                } else {
                    let away = "select engine_set_shard($1, 'AWAY', $2)";
                    let place = way.node_of(shard).to_string();
                    client.query(away, &[&i32::from(shard), &place]).await?;
                }
            }
        }
        let mut site = Self {
            caller: Caller::Server(stocks[0].observer().await?),
            pooler: None,
            proxy: None,
            stocks,
            subjects,
            sessions: BTreeSet::new(),
        };
        match way {
            Way::Direct => {}
            Way::Proxy(nodes) => {
                let places = SHARDS
                    .map(|shard| (shard, site.stocks[way.node_of(shard)].connection_string()));
                let (proxy, client) = Proxy::begin(
                    &site.stocks[0],
                    &format!("plproxy_{nodes}"),
                    places.collect(),
                )
                .await?;
                site.caller = Caller::Server(client);
                site.proxy = Some(proxy);
            }
            Way::Driver(_) | Way::Pooler(_) => {
                let placement = site.placement(way)?;
                site.caller = Caller::Cluster(Cluster::new(placement));
            }
        }
        site.meet().await?;
        Ok(site)
    }

    fn placement(&mut self, way: Way) -> Result<Placement> {
        if let Way::Pooler(_) = way {
            let mut databases = String::from("[databases]\n");
            for shard in SHARDS {
                let node = self.stocks[way.node_of(shard)].connection_string();
                databases.push_str(&format!("engine_{shard} = {node}\n"));
            }
            let pooler = self.pooler.insert(Pooler::routing(&databases, 1)?);
            let connection = pooler.connection_string("engine_{shard}");
            return Ok(Placement::routed(&connection, SHARDS)?);
        }
        let mut placement = Placement::new();
        for (node, stock) in self.stocks.iter().enumerate() {
            let shards = SHARDS.filter(|shard| way.node_of(*shard) == node);
            placement = placement.node(node.to_string(), stock.address()?, shards);
        }
        Ok(placement)
    }

    /// Finds every environment, and the sessions that serve them.
    async fn meet(&mut self) -> Result<()> {
        let process = "select pg_backend_pid()";
        match &self.caller {
            Caller::Server(client) if self.proxy.is_some() => {
                for index in 0..self.subjects.len() {
                    Call::Dequeue
                        .at_server(client, &self.subjects, index)
                        .await?;
                }
                let behind = "select pid from pg_stat_activity \
                              where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'";
                for stock in &self.stocks {
                    let rows = stock.observer().await?.query(behind, &[]).await?;
                    self.sessions
                        .extend(rows.iter().map(|row| row.get::<_, i32>(0)));
                }
            }
            Caller::Server(client) => {
                let row = client.query_one(process, &[]).await?;
                self.sessions.insert(row.get(0));
            }
            Caller::Cluster(cluster) => {
                for subject in &self.subjects {
                    let dequeue = Dequeue::default().environment_id(&subject.environment);
                    cluster.dequeue(&dequeue).await?;
                }
                for shard in SHARDS {
                    let ask = |connection: Arc<Connection>| async move {
                        // In one round trip, as the driver's calls are: behind a pooler the next one may be in another session.
                        let rows = connection.client().query_typed(process, &[]).await;
                        Ok::<_, engine_client::Error>(rows)
                    };
                    let rows = cluster.of_shard(shard, ask).await??;
                    self.sessions.insert(rows[0].get(0));
                }
            }
        }
        Ok(())
    }

    /// Makes some calls, about one environment after the other.
    pub(super) async fn turn(&self, call: Call) -> Result<Cost> {
        let before = self.used()?;
        let mut latencies_ms = Vec::new();
        for number in 0..call.calls() {
            let index = number % self.subjects.len();
            let begun = Instant::now();
            match &self.caller {
                Caller::Server(client) => call.at_server(client, &self.subjects, index).await?,
                Caller::Cluster(cluster) => call.at_node(cluster, &self.subjects, index).await?,
            }
            latencies_ms.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let after = self.used()?;
        let each = |part: usize| {
            let used = after[part].saturating_sub(before[part]);
            used.as_secs_f64() * 1e6 / call.calls() as f64
        };
        Ok(Cost {
            latencies_ms,
            server: each(0),
            pooler: each(1),
            client: each(2),
        })
    }

    /// CPU time of the sessions, the pooler and this process.
    fn used(&self) -> Result<[Duration; 3]> {
        let mut sessions = Duration::ZERO;
        for process in &self.sessions {
            sessions += session_cpu_time(*process).context("a session has ended")?;
        }
        let pooler = match &self.proxy {
            Some(proxy) => proxy.cpu_time(),
            None => self.pooler.as_ref().map(Pooler::cpu_time),
        };
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        let own = usage.user_time() + usage.system_time();
        let micros = own.tv_sec() * 1_000_000 + own.tv_usec();
        Ok([
            sessions,
            pooler.unwrap_or_default(),
            Duration::from_micros(u64::try_from(micros)?),
        ])
    }

    pub(super) async fn analyze(&self) -> Result<()> {
        for stock in &self.stocks {
            stock.observer().await?.batch_execute("analyze").await?;
        }
        Ok(())
    }

    pub(super) async fn end(self) -> Result<()> {
        drop((self.caller, self.pooler));
        if let Some(proxy) = self.proxy {
            proxy.remove().await?;
        }
        for stock in self.stocks {
            stock.remove().await?;
        }
        Ok(())
    }
}
