//! From one node to three, as the page shows it, while work goes on.

use anyhow::{Context, Result, ensure};
use engine_client::Placement;
use engine_harness::{Cluster, Database, Options, Page, Session};
use engine_nodes::caller::{Callers, patient};
use engine_nodes::fleet::{ENVIRONMENTS, create};
use engine_nodes::running::{Running, nothing, succeeded, worker};

use super::page::typed;

/// Runs of each caller between two steps.
const RUNS: usize = 30;

const NODES: [&str; 3] = ["node-a", "node-b", "node-c"];

/// The nodes of the page, of which the first serves every shard.
struct Nodes {
    clusters: Vec<Cluster>,
    databases: Vec<Database>,
    sessions: Vec<Session>,
}

impl Nodes {
    async fn start() -> Result<Self> {
        let options = Options::quick().set("wal_level", "logical");
        let mut nodes = Self {
            clusters: Vec::new(),
            databases: Vec::new(),
            sessions: Vec::new(),
        };
        for _ in NODES {
            let cluster = Cluster::start(options.clone()).await?;
            let database = cluster.database().await?;
            nodes.sessions.push(Session::open(&database).await?);
            nodes.databases.push(database);
            nodes.clusters.push(cluster);
        }
        for (environment, shard) in ENVIRONMENTS {
            create(&nodes.sessions[0], environment, shard).await?;
        }
        Ok(nodes)
    }

    /// What callers are told: these nodes, of which the first serves everything.
    fn placement(&self, nodes: usize) -> Result<Placement> {
        let mut placement = Placement::new();
        let named = NODES.iter().zip(&self.databases).take(nodes);
        for (index, (name, database)) in named.enumerate() {
            let shards = if index == 0 { 0..64 } else { 0..0 };
            placement = placement.node(*name, database.connection_string().parse()?, shards);
        }
        Ok(placement)
    }

    /// Callers and a worker that know these nodes.
    fn work(&self, nodes: usize) -> Result<(Callers, Running)> {
        let callers = Callers::start(&patient(self.placement(nodes)?), "t");
        let worker = worker(patient(self.placement(nodes)?), 6).task("t", nothing);
        Ok((callers, Running::start(worker)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_leads_from_one_node_to_three_while_work_goes_on() -> Result<()> {
    let nodes = Nodes::start().await?;
    let all = ENVIRONMENTS.map(|(environment, _)| environment);
    let role = "create role service; select engine_grant('service', 'trigger'), engine_grant('service', 'read', 'globex')";
    nodes.sessions[0].client.batch_execute(role).await?;
    for session in &nodes.sessions[1..] {
        session.client.batch_execute("create role service").await?;
    }
    let page = Page::all()?
        .into_iter()
        .find(|page| page.path.as_os_str() == "engine-ext/SCALE.md")
        .context("there is no such page")?;
    let blocks = page.blocks_of("console");
    let [add, spread] = &blocks[..] else {
        anyhow::bail!("the page has {} sessions", blocks.len());
    };
    let mut variables = vec![("DATABASE_URL", nodes.databases[0].connection_string())];
    for (name, database) in ["B", "C"].iter().zip(&nodes.databases[1..]) {
        variables.push((name, database.connection_string()));
    }

    let (callers, running) = nodes.work(1)?;
    callers.have_triggered(&all, RUNS).await?;
    let name = nodes.databases[0].name();
    assert_eq!(typed(&page, add, &variables, name).await?, 2);
    // One process after another is started with the new placement.
    let (next_callers, next_running) = nodes.work(NODES.len())?;
    let mut runs = callers.end().await?;
    running.stop().await?;
    next_callers.have_triggered(&all, RUNS).await?;
    assert_eq!(typed(&page, spread, &variables, name).await?, 4);
    next_callers.have_triggered(&all, RUNS).await?;
    runs.extend(next_callers.end().await?);
    succeeded(&patient(nodes.placement(NODES.len())?), &runs).await?;
    next_running.stop().await?;

    let mut count = 0;
    for (session, name) in nodes.sessions.iter().zip(NODES) {
        let here = session.count("engine.run").await?;
        ensure!(here > 0, "{name} has no runs");
        count += here;
        session.check().await.context(name)?;
    }
    assert_eq!(count, i64::try_from(runs.len())?);
    let granted = "engine.grant where role = 'service'::regrole and (environment_id = '*' or environment_id = 'globex')";
    let mut granted_at = Vec::new();
    for session in &nodes.sessions {
        granted_at.push(session.count(granted).await?);
    }
    // What is granted in an environment goes with its shard, which is at the second node.
    assert_eq!(granted_at, [2, 2, 1]);
    Ok(())
}

#[tokio::test]
async fn a_node_is_added_empty_and_with_all_roles_or_not_at_all() -> Result<()> {
    let nodes = Nodes::start().await?;
    let [home, there, _] = &nodes.sessions[..] else {
        anyhow::bail!("there are not three nodes");
    };
    let role = "create role service; select engine_grant('service', 'trigger')";
    home.client.batch_execute(role).await?;
    let to = nodes.databases[1].connection_string();
    let arguments = ["shard", "add", "--here", "node-a", "--to", &to];
    let database = &nodes.databases[0];
    let refused = super::engine(database, &arguments).await?;
    ensure!(
        refused.stderr.contains("one of them service"),
        "{refused:?}"
    );
    create(there, "acme", 9).await?;
    let refused = super::engine(database, &arguments).await?;
    ensure!(
        refused.stderr.contains("environments on shard 9"),
        "{refused:?}"
    );
    assert_eq!(there.count("engine.shard").await?, 0);
    Ok(())
}
