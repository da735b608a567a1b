//! A database in front of the nodes, as `engine router --plproxy` has it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::{Cluster, Workspace, progress, session_cpu_time, with_plproxy};
use tokio_postgres::Client;

use crate::stock::Stock;

/// Its database, and the session that calls are made in.
pub(super) struct Proxy<'a> {
    stock: Stock<'a>,
    session: i32,
}

/// Whether there is PL/Proxy for the server.
pub(super) async fn is_there(server: &Cluster) -> Result<bool> {
    let none = "create extension if not exists plproxy;";
    Ok(with_plproxy(none, major(&server.connect().await?).await?)?.is_some())
}

async fn major(client: &Client) -> Result<u32> {
    let major = "select current_setting('server_version_num')::integer / 10000";
    let major: i32 = client.query_one(major, &[]).await?.get(0);
    Ok(u32::try_from(major)?)
}

impl<'a> Proxy<'a> {
    /// A database that leads to these shards, each with the connection string of its node; and a client of it. The functions are
    /// those of `node`, on whose server it is.
    pub(super) async fn begin(
        node: &Stock<'a>,
        name: &str,
        places: Vec<(u16, String)>,
    ) -> Result<(Self, Client)> {
        let script = script(node, &places)?;
        let stock = Stock::without_engine(node.cluster(), name).await?;
        let client = stock.observer().await?;
        let script = with_plproxy(&script, major(&client).await?)?;
        client
            .batch_execute(&script.context("no PL/Proxy")?)
            .await?;
        for (shard, _) in places {
            let known = "insert into engine_proxy.environment values ('env' || $1::integer, $1)";
            client.execute(known, &[&i32::from(shard)]).await?;
        }
        let session = client
            .query_one("select pg_backend_pid()", &[])
            .await?
            .get(0);
        Ok((Self { stock, session }, client))
    }

    pub(super) fn cpu_time(&self) -> Option<Duration> {
        session_cpu_time(self.session)
    }

    pub(super) async fn remove(self) -> Result<()> {
        self.stock.remove().await
    }
}

/// What the command line prints.
fn script(node: &Stock<'_>, places: &[(u16, String)]) -> Result<String> {
    let workspace = Workspace::find()?;
    let mut build = workspace.cargo("build");
    build.args(["--quiet", "--package", "engine-cli", "--bin", "engine"]);
    progress::watch("building the command line", &mut build)?;
    let mut engine = Command::new(workspace.target().join("debug").join("engine"));
    engine.args([
        "router",
        "--plproxy",
        "-",
        "--database",
        &node.connection_string(),
    ]);
    let mut engine = engine
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start engine")?;
    let mut list = engine.stdin.take().context("no standard input")?;
    for (shard, connection) in places {
        writeln!(list, "{shard} {connection}")?;
    }
    drop(list);
    let printed = engine.wait_with_output()?;
    ensure!(printed.status.success(), "engine router failed");
    Ok(String::from_utf8(printed.stdout)?)
}
