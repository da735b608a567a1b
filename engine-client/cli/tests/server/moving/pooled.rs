//! A move behind a pooler: its clients wait, and see no error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_client::{Cluster, Dequeue, Placement, Trigger};
use engine_harness::Pooler;
use engine_harness::condition::eventually;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::super::{engine, prints};
use super::{ENVIRONMENT, Nodes, PATIENCE, strs};

const CLIENTS: usize = 3;
const PAUSE: Duration = Duration::from_millis(5);

/// Clients in any language: they have one connection string, and repeat nothing.
struct Clients {
    are_over: Arc<AtomicBool>,
    triggered: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Result<()>>>,
}

impl Clients {
    async fn start(connection: &str) -> Result<Self> {
        let are_over = Arc::new(AtomicBool::new(false));
        let triggered = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for _ in 0..CLIENTS {
            let database: engine_client::Database = connection.parse()?;
            let connection = database.connect().await?;
            let (are_over, triggered) = (Arc::clone(&are_over), Arc::clone(&triggered));
            tasks.push(tokio::spawn(async move {
                let trigger = Trigger::new("t").environment_id(ENVIRONMENT);
                while !are_over.load(Ordering::SeqCst) {
                    connection.engine().trigger(&trigger).await?;
                    triggered.fetch_add(1, Ordering::SeqCst);
                    sleep(PAUSE).await;
                }
                Ok(())
            }));
        }
        Ok(Self {
            are_over,
            triggered,
            tasks,
        })
    }

    /// Waits until so many more runs are triggered; an error if a client saw one.
    async fn have_triggered(&mut self, more: usize) -> Result<()> {
        let enough = self.triggered.load(Ordering::SeqCst) + more;
        let ended = |tasks: &[JoinHandle<_>]| tasks.iter().position(JoinHandle::is_finished);
        eventually("runs are triggered", PATIENCE, async || {
            let has_ended = ended(&self.tasks).is_some();
            Ok(has_ended || self.triggered.load(Ordering::SeqCst) >= enough)
        })
        .await?;
        match ended(&self.tasks) {
            Some(index) => self.tasks.remove(index).await?,
            None => Ok(()),
        }
    }

    /// The number of runs that were acknowledged; an error if a client saw one.
    async fn end(self) -> Result<usize> {
        self.are_over.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await??;
        }
        Ok(self.triggered.load(Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_pooler_wait_while_a_shard_changes_hands_and_see_no_error() -> Result<()> {
    let nodes = Nodes::start().await?;
    let home = TempDir::new()?;
    let mut maps = Vec::new();
    for (node, database) in nodes.databases.iter().enumerate() {
        let list = home.path().join(format!("placement-{node}"));
        std::fs::write(&list, format!("7 {}\n", database.connection_string()))?;
        let list = list.to_str().context("the path is not text")?;
        let map = prints(database, &["router", list]).await?;
        let file = home.path().join(format!("node-{node}"));
        std::fs::write(&file, &map)?;
        maps.push(map);
    }
    let pooler = Pooler::routing(&maps[0], 10)?;
    let console = pooler.connection_string("pgbouncer");
    let reroute = format!(
        "cat {}/$ENGINE_PLACE > {}",
        home.path().display(),
        pooler.map().display()
    );
    let with = |from: usize, more: &[&str]| {
        let more = more.iter().map(|argument| (*argument).to_owned());
        let mut arguments = nodes.arguments(from);
        arguments.extend(["--pooler".to_owned(), console.clone()]);
        arguments.extend(more);
        arguments
    };

    let mut clients = Clients::start(&pooler.connection_string("engine_7")).await?;
    // One waits for a run of a queue that has none: the pause does not wait for it.
    let connection = pooler.connection_string("engine_{shard}");
    let waiting = Cluster::new(Placement::routed(&connection, [7])?);
    let long = Dequeue::new("idle")
        .environment_id(ENVIRONMENT)
        .wait(PATIENCE);
    let waiting = tokio::spawn(async move { waiting.dequeue(&long).await });
    clients.have_triggered(50).await?;
    for from in [0, 1] {
        let arguments = with(from, &["--reroute", &reroute]);
        prints(&nodes.databases[from], &strs(&arguments)).await?;
        clients.have_triggered(50).await?;
    }
    // One that is given up lets calls go on, and so does a command that fails.
    let mut old = nodes.databases[0].connect().await?;
    let transaction = old.transaction().await?;
    transaction.query_one("select 1", &[]).await?;
    let impatient = with(0, &["--patience", "1"]);
    let held = engine(&nodes.databases[0], &strs(&impatient)).await?;
    ensure!(held.stderr.contains("may still write"), "{held:?}");
    transaction.rollback().await?;
    clients.have_triggered(50).await?;
    let count = clients.end().await?;
    assert_eq!(
        nodes.sessions[0].count("engine.run").await?,
        i64::try_from(count)?
    );
    waiting.abort();

    let broken = with(0, &["--reroute", "echo no such host >&2; exit 3"]);
    let moved = engine(&nodes.databases[0], &strs(&broken)).await?;
    assert_eq!(moved.code, Some(1), "{moved:?}");
    ensure!(moved.stderr.contains("no such host"), "{moved:?}");
    assert_eq!(nodes.state(1).await?, "SERVING");
    prints(
        &nodes.databases[0],
        &strs(&with(0, &["--reroute", &reroute])),
    )
    .await?;
    nodes.check().await
}

#[tokio::test]
async fn a_pooler_that_does_not_lead_to_the_shard_is_told_before_anything_moves() -> Result<()> {
    let nodes = Nodes::start().await?;
    let pooler = Pooler::routing("[databases]\nengine_8 = host=nowhere\n", 2)?;
    let console = pooler.connection_string("pgbouncer");
    let mut arguments = nodes.arguments(0);
    arguments.extend(["--pooler".to_owned(), console]);
    let refused = engine(&nodes.databases[0], &strs(&arguments)).await?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    ensure!(
        refused.stderr.contains("no database engine_7"),
        "{refused:?}"
    );
    assert_eq!(nodes.state(0).await?, "SERVING");
    Ok(())
}
