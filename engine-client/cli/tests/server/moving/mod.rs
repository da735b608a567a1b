//! `engine shard move`, between two servers.

mod dumped;
mod load;
mod pooled;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::progress::tell;
use engine_harness::{Cluster, Database, Options, Scale, Session, Size};
use serde_json::json;
use tokio::time::timeout;

use self::load::Load;
use super::{engine, follow, prints, prints_json};

const PATIENCE: Duration = Duration::from_secs(60);

/// What no move of these few rows may take.
const LONGEST: Duration = Duration::from_secs(180);

/// The environment that is moved, on shard 7, and how many of its runs execute at once.
const ENVIRONMENT: &str = "acme";
const LIMIT: i64 = 4;

/// Two servers, of which the first serves the environment.
struct Nodes {
    clusters: [Cluster; 2],
    databases: [Database; 2],
    sessions: [Session; 2],
}

impl Nodes {
    async fn start() -> Result<Self> {
        let options = || Options::quick().set("wal_level", "logical");
        let clusters = [
            Cluster::start(options()).await?,
            Cluster::start(options()).await?,
        ];
        let databases = [clusters[0].database().await?, clusters[1].database().await?];
        let sessions = [
            Session::open(&databases[0]).await?,
            Session::open(&databases[1]).await?,
        ];
        let environment = format!(
            "select engine_set_environment('{ENVIRONMENT}', shard => 7, concurrency_limit => {LIMIT})"
        );
        sessions[0].client.batch_execute(&environment).await?;
        Ok(Self {
            clusters,
            databases,
            sessions,
        })
    }

    /// The arguments that move the shard away from the node `from`.
    fn arguments(&self, from: usize) -> Vec<String> {
        let to = self.databases[1 - from].connection_string();
        let place = format!("node-{}", 1 - from);
        ["shard", "move", "7", "--to", &to, "--place", &place]
            .map(str::to_owned)
            .to_vec()
    }

    async fn state(&self, node: usize) -> Result<String> {
        let sql = "select state from engine.shard_state where shard = 7";
        Ok(self.sessions[node].client.query_one(sql, &[]).await?.get(0))
    }

    /// Kills a server, and starts it again.
    async fn kill(&mut self, node: usize) -> Result<()> {
        self.clusters[node].kill_9()?;
        self.clusters[node].restart()?;
        self.sessions[node] = Session::open(&self.databases[node]).await?;
        Ok(())
    }

    async fn check(&self) -> Result<()> {
        for session in &self.sessions {
            session.check().await?;
        }
        Ok(())
    }
}

fn strs(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn a_shard_moves_there_and_back_under_load_and_nothing_is_lost_or_done_twice() -> Result<()> {
    let nodes = Nodes::start().await?;
    let [home, there] = &nodes.sessions;
    let of = format!("environment_id => '{ENVIRONMENT}'");
    // A run that is held, one that waits, one that is due in a year, an open batch, a schedule.
    home.trigger_with(&format!("'held', {of}")).await?;
    let held = home.take().await?;
    home.trigger_with(&format!("'waiting', {of}")).await?;
    let waiting = home.take().await?;
    let token = format!("select waitpoint_id from engine_create_manual_waitpoint({of})");
    let token: String = home.client.query_one(&token, &[]).await?.get(0);
    let block = "select engine_block($1, array[$2])";
    home.client
        .execute(block, &[&waiting.run_id, &token])
        .await?;
    let delayed = format!("'delayed', {of}, delay_until => now() + interval '1 year'");
    let delayed = home.trigger_with(&delayed).await?;
    let batch = format!("select batch_id from engine_create_batch(2, {of})");
    let batch: String = home.client.query_one(&batch, &[]).await?.get(0);
    let schedule = format!("select engine_set_schedule('yearly', 't', '0 0 1 1 *', {of})");
    home.client.batch_execute(&schedule).await?;

    let load = Load::begin(&nodes.databases).await?;
    load.has_completed(50).await?;
    let moved = prints_json(&nodes.databases[0], &strs(&nodes.arguments(0))).await?;
    ensure!(moved["end"] == "moved", "{moved}");
    tell(format!("calls were held up for {} ms", moved["held_up_ms"]));
    let states = (nodes.state(0).await?, nodes.state(1).await?);
    assert_eq!(states, ("AWAY".to_owned(), "SERVING".to_owned()));
    load.has_completed(50).await?;

    // All of that goes on there.
    there.complete(&held, json!({"ok": true})).await?;
    let complete = "select engine_complete_waitpoint($1)";
    there.client.execute(complete, &[&token]).await?;
    let goes_on = async || {
        there.tick().await?;
        Ok(there.status(&waiting.run_id).await?.1 == "EXECUTING")
    };
    eventually("the run goes on", PATIENCE, goes_on).await?;
    assert_eq!(there.status(&delayed.run_id).await?.1, "DELAYED");
    let add = "select engine_add_to_batch($1, '[{\"task\": \"t\"}, {\"task\": \"t\"}]')";
    there.client.execute(add, &[&batch]).await?;
    load.expect(2);
    let schedules = "select from engine.schedule";
    assert_eq!(there.client.query(schedules, &[]).await?.len(), 1);
    assert_eq!(home.client.query(schedules, &[]).await?.len(), 0);
    let stale = home
        .refused(&format!("select engine_trigger('t', {of})"))
        .await?;
    assert_eq!(stale.code, "RE020");
    ensure!(stale.detail.contains("node-1"), "{}", stale.detail);

    prints(&nodes.databases[1], &strs(&nodes.arguments(1))).await?;
    load.has_completed(50).await?;
    for _ in 1..Scale::new("moves there and back", 1, 10).pick() {
        for from in [0, 1] {
            prints(&nodes.databases[from], &strs(&nodes.arguments(from))).await?;
            load.has_completed(50).await?;
        }
    }
    let triggered = load.end().await?;
    let sql = "select run_id from engine.run_state where run_status = 'COMPLETED_SUCCESSFULLY'";
    let rows = home.client.query(sql, &[]).await?;
    let completed: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let lost: Vec<&String> = triggered.difference(&completed).collect();
    ensure!(lost.is_empty(), "{} runs are lost: {lost:?}", lost.len());
    let runs = "select count(*) from engine.run";
    let left: i64 = there.client.query_one(runs, &[]).await?.get(0);
    assert_eq!(left, 0);
    nodes.check().await
}

/// What a move needs in a database for as long as it lasts.
const LEFT: &str = "select (select count(*) from pg_subscription) + (select count(*) from pg_publication) + \
                    (select count(*) from pg_replication_slots)";

/// A move prints some twenty lines.
const LINES: u64 = 20;

/// The mover is killed after lines of its output, and in the full form each of the servers as well.
#[tokio::test]
async fn a_move_in_which_anything_is_killed_at_any_step_is_gone_on_with_by_the_same_command()
-> Result<()> {
    let mut nodes = Nodes::start().await?;
    let sql = format!(
        "select engine_trigger('t', environment_id => '{ENVIRONMENT}') from generate_series(1, 200)"
    );
    nodes.sessions[0].client.batch_execute(&sql).await?;
    let mut from = 0;
    let kills = Scale::new("kills of a move", 4, 60).pick();
    let victims = match Size::now() {
        Size::Short => 1,
        Size::Full => 3,
    };
    for kill in 0..kills {
        let lines = kill / victims * (victims * LINES / kills);
        let arguments = nodes.arguments(from);
        let (mut child, mut printed) = follow(&nodes.databases[from], &strs(&arguments))?;
        for _ in 0..lines {
            timeout(LONGEST, printed.next_line()).await??;
        }
        let what = match kill % victims {
            0 => {
                child.start_kill()?;
                "the mover"
            }
            1 => {
                nodes.kill(from).await?;
                "the old node"
            }
            _ => {
                nodes.kill(1 - from).await?;
                "the new node"
            }
        };
        let about = format!("{what} was killed after {lines} lines");
        timeout(PATIENCE, child.wait())
            .await
            .with_context(|| about.clone())??;
        // One that is only told now what another one has done has nothing to do.
        let arguments = strs(&arguments);
        let again = timeout(LONGEST, engine(&nodes.databases[from], &arguments)).await;
        let again = again.with_context(|| about.clone())??;
        let has_nothing_to_do = again.stderr.contains("is served there already");
        ensure!(
            again.code == Some(0) || has_nothing_to_do,
            "{about}: {again:?}"
        );
        from = 1 - from;
        let (old, new) = (nodes.state(1 - from).await?, nodes.state(from).await?);
        assert_eq!((&*old, &*new), ("AWAY", "SERVING"), "{about}");
        let runs = "select count(*) from engine.run";
        let count: i64 = nodes.sessions[from]
            .client
            .query_one(runs, &[])
            .await?
            .get(0);
        assert_eq!(count, 200, "{about}");
        nodes.check().await.with_context(|| about.clone())?;
        for session in &nodes.sessions {
            let left: i64 = session.client.query_one(LEFT, &[]).await?.get(0);
            assert_eq!(left, 0, "{about}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_copy_whose_slot_died_with_a_server_begins_again() -> Result<()> {
    let nodes = Nodes::start().await?;
    let [home, there] = &nodes.sessions;
    home.trigger_with(&format!("'t', environment_id => '{ENVIRONMENT}'"))
        .await?;
    let arguments = nodes.arguments(0);
    let (mut child, mut printed) = follow(&nodes.databases[0], &strs(&arguments))?;
    timeout(LONGEST, printed.next_line()).await??;
    child.kill().await?;
    let copied = "select count(*) from pg_subscription_rel where srsubstate <> 'r'";
    eventually("all is copied", PATIENCE, async || {
        Ok(there.client.query_one(copied, &[]).await?.get::<_, i64>(0) == 0)
    })
    .await?;
    // A server that dies at the wrong moment leaves this.
    let broken = "set allow_system_table_mods = on; \
                  update pg_subscription_rel set srsubstate = 'f' where srrelid = 'engine.run'::regclass";
    there.client.batch_execute(broken).await?;
    let said = prints(&nodes.databases[0], &strs(&arguments)).await?;
    ensure!(said.contains("the copy begins again"), "{said}");
    assert_eq!(there.count("engine.run").await?, 1);
    nodes.check().await
}

#[tokio::test]
async fn a_move_is_given_up_and_one_that_cannot_succeed_is_refused_before_it_begins() -> Result<()>
{
    let nodes = Nodes::start().await?;
    let [home, there] = &nodes.sessions;
    let arguments = nodes.arguments(0);
    let arguments = strs(&arguments);
    home.trigger_with(&format!("'t', environment_id => '{ENVIRONMENT}'"))
        .await?;
    let with = |more: &[&'static str]| [&arguments[..], more].concat();
    let dry = prints(&nodes.databases[0], &with(&["--dry-run"])).await?;
    assert_eq!(dry, "both ends are ready: 1 runs, 1 of them unfinished\n");

    // A transaction that began before keeps the shard here.
    let mut old = nodes.databases[0].connect().await?;
    let transaction = old.transaction().await?;
    transaction.query_one("select 1", &[]).await?;
    let held = engine(&nodes.databases[0], &with(&["--patience", "1"])).await?;
    assert_eq!(held.code, Some(1), "{held:?}");
    ensure!(held.stderr.contains("may still write"), "{held:?}");
    transaction.rollback().await?;
    assert_eq!(nodes.state(0).await?, "SERVING");
    home.trigger_with(&format!("'t', environment_id => '{ENVIRONMENT}'"))
        .await?;
    prints(&nodes.databases[0], &with(&["--back"])).await?;
    assert_eq!(there.count("engine.run").await?, 0);
    for session in &nodes.sessions {
        let left: i64 = session.client.query_one(LEFT, &[]).await?.get(0);
        assert_eq!(left, 0);
    }

    let other = format!("select engine_set_environment('{ENVIRONMENT}', shard => 9)");
    there.client.batch_execute(&other).await?;
    let refused = engine(&nodes.databases[0], &arguments).await?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    ensure!(refused.stderr.contains("on shard 9"), "{refused:?}");
    let first = engine(
        &nodes.databases[0],
        &["shard", "move", "0", "--to", "host=x"],
    )
    .await?;
    assert_eq!(first.code, Some(2), "{first:?}");
    nodes.check().await
}
