//! A backend dies before each row that a call writes, and in the commit itself.
//!
//! Where it stops is not chosen by hand: a trigger on every table of the engine counts the rows that are about to be
//! written, and stops the backend at the one that the test asks for. Between two of these nothing changes, so that these
//! are all the states in which a crash can find a call. The short form takes some of them, of every flow.

use std::io::{Write, stderr};
use std::time::Duration;

use anyhow::{Result, ensure};
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Cluster, Database, Options, Scale, Session};
use tokio_postgres::Client;

use crate::flow::Flow;
use crate::window::kill_9_backends;

const PATIENCE: Duration = Duration::from_secs(60);

/// Notes each row that the session is about to write, and stops before the one with the number `crash.stop_at`, counted from one.
const STOP: &str = "
    create schema crash;
    create function crash.stop() returns trigger language plpgsql as $$
    begin
        perform set_config('crash.row', (current_setting('crash.row')::integer + 1)::text, false);
        perform set_config('crash.rows', concat_ws(',', nullif(current_setting('crash.rows'), ''), tg_table_name || ' ' || tg_op), false);
        if current_setting('crash.row') = current_setting('crash.stop_at') then
            perform pg_sleep(3600);
        end if;
        if tg_op = 'DELETE' then
            return old;
        end if;
        return new;
    end $$;
    do $$
    declare
        engine_table record;
    begin
        for engine_table in
            select oid::regclass as name from pg_class
            where relnamespace = 'engine'::regnamespace and relkind = 'r'
        loop
            execute format('create trigger a_crash before insert or update or delete on %s for each row execute function crash.stop()',
                           engine_table.name);
        end loop;
    end $$";

/// Before how many rows of a flow it is killed at most; in a turn, and in a removal of every kind, three times as many.
const ROWS: Scale = Scale::new("rows of each flow", 4, 40);

/// Processes die, and the machine does not: what they have written stays written. With fsync a server would begin each of its
/// recoveries with a sync of every file of every database.
fn survivable() -> Options {
    Options::default().set("fsync", "off")
}

/// A flow in a database of its own.
struct Point {
    flow: Flow,
    database: Database,
    call: String,
    /// The contents of the tables before.
    contents: Vec<String>,
    /// How many rows the call writes.
    rows: usize,
    /// The rows before which it is killed.
    at: Vec<usize>,
}

/// A session whose call stops at this row; with 0 it never stops.
async fn armed(database: &Database, row: usize) -> Result<Session> {
    let session = Session::open(database).await?;
    let set = format!("set crash.row = 0; set crash.rows = ''; set crash.stop_at = {row}");
    session.client.batch_execute(&set).await?;
    Ok(session)
}

impl Point {
    async fn prepare(cluster: &Cluster, flow: Flow, most: usize) -> Result<Self> {
        let database = cluster.database().await?;
        let session = Session::open(&database).await?;
        let call = flow.prepare(&session).await?;
        session.client.batch_execute(STOP).await?;
        let contents = session.contents().await?;
        let session = armed(&database, 0).await?;
        session.client.batch_execute("begin").await?;
        session.client.query_one(&call, &[]).await?;
        let rows = session
            .client
            .query_one("select current_setting('crash.rows')", &[])
            .await?;
        let rows: String = rows.get(0);
        session.client.batch_execute("rollback").await?;
        let rows: Vec<&str> = rows.split(',').collect();
        let most = match flow {
            Flow::Turn | Flow::TurnOfAllKinds | Flow::RemovalOfAllKinds => 3 * most,
            _ => most,
        };
        Ok(Self {
            flow,
            call,
            contents,
            database,
            rows: rows.len(),
            at: chosen(&rows, most),
        })
    }

    /// Begins the call; returns its backend once that has stopped at this row.
    async fn begin(&self, row: usize, observer: &Client) -> Result<i32> {
        let session = armed(&self.database, row).await?;
        let pid = backend_pid(&session.client).await?;
        let call = self.call.clone();
        let calling = tokio::spawn(async move { session.client.query(&call, &[]).await });
        let sleeps =
            "select count(*) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'";
        eventually("the call stops", PATIENCE, async || {
            ensure!(
                !calling.is_finished(),
                "{:?} returns before row {row}",
                self.flow
            );
            Ok(observer.query_one(sleeps, &[&pid]).await?.get::<_, i64>(0) == 1)
        })
        .await?;
        Ok(pid)
    }

    async fn has_done_nothing(&self, row: usize) -> Result<()> {
        let session = Session::open(&self.database).await?;
        let contents = session.contents().await?;
        assert_eq!(contents, self.contents, "{:?}, row {row}", self.flow);
        Ok(())
    }

    /// The call, once the server has recovered from all crashes: it does everything, at the first attempt.
    async fn call_at_last(&self) -> Result<()> {
        let session = armed(&self.database, 0).await?;
        session.check().await?;
        session.client.query_one(&self.call, &[]).await?;
        let contents = session.contents().await?;
        assert_ne!(contents, self.contents, "{:?} does nothing", self.flow);
        session.check().await
    }
}

/// The numbers of the rows before which a call is killed: of every row, if `most` allows it; otherwise of rows that begin a
/// write to another table, spread over the call.
fn chosen(rows: &[&str], most: usize) -> Vec<usize> {
    if rows.len() <= most {
        return (1..=rows.len()).collect();
    }
    let begins = |index: &usize| *index == 0 || rows[*index] != rows[*index - 1];
    let firsts: Vec<usize> = (0..rows.len())
        .filter(begins)
        .map(|index| index + 1)
        .collect();
    let count = firsts.len().min(most);
    (0..count)
        .map(|place| firsts[place * firsts.len() / count])
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_killed_while_it_writes_has_done_nothing() -> Result<()> {
    let cluster = Cluster::start(survivable()).await?;
    let most = usize::try_from(ROWS.pick())?;
    let mut points = Vec::new();
    for flow in Flow::ALL {
        points.push(Point::prepare(&cluster, flow, most).await?);
    }
    for point in &points {
        let (flow, rows, at) = (point.flow, point.rows, &point.at);
        // The test harness keeps what `println` prints.
        let _ = writeln!(
            stderr(),
            "{flow:?} writes {rows} rows, and is killed before {at:?}"
        );
    }
    for round in 0.. {
        let observer = cluster.connect().await?;
        let (mut pids, mut stopped) = (Vec::new(), Vec::new());
        for point in &points {
            if let Some(row) = point.at.get(round) {
                pids.push(point.begin(*row, &observer).await?);
                stopped.push((point, *row));
            }
        }
        if pids.is_empty() {
            break;
        }
        // Their writes are on disk: recovery must know that they do not count.
        observer.batch_execute("checkpoint").await?;
        kill_9_backends(&cluster, &pids).await?;
        for (point, row) in stopped {
            point.has_done_nothing(row).await?;
        }
    }
    for point in &points {
        point.call_at_last().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_killed_in_its_commit_has_done_everything() -> Result<()> {
    // A standby that does not exist: a commit is on disk then, and neither seen nor acknowledged.
    let options = survivable()
        .set("synchronous_standby_names", "none")
        .set("synchronous_commit", "local");
    let cluster = Cluster::start(options).await?;
    let mut calling = Vec::new();
    let mut points = Vec::new();
    for flow in Flow::ALL {
        let point = Point::prepare(&cluster, flow, 0).await?;
        let session = armed(&point.database, 0).await?;
        session
            .client
            .batch_execute("set synchronous_commit = on")
            .await?;
        let pid = backend_pid(&session.client).await?;
        let call = point.call.clone();
        calling.push((
            pid,
            tokio::spawn(async move { session.client.query(&call, &[]).await }),
        ));
        points.push(point);
    }
    let observer = cluster.connect().await?;
    for (pid, call) in &calling {
        let commits =
            "select count(*) from pg_stat_activity where pid = $1 and wait_event = 'SyncRep'";
        eventually("the call commits", PATIENCE, async || {
            ensure!(!call.is_finished(), "it has returned");
            Ok(observer.query_one(commits, &[pid]).await?.get::<_, i64>(0) == 1)
        })
        .await?;
    }
    let pids: Vec<i32> = calling.iter().map(|(pid, _)| *pid).collect();
    kill_9_backends(&cluster, &pids).await?;
    for point in &points {
        let session = Session::open(&point.database).await?;
        assert_ne!(
            session.contents().await?,
            point.contents,
            "{:?}",
            point.flow
        );
        session.check().await?;
    }
    Ok(())
}
