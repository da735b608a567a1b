//! The load under which servers die: client processes that call everything, and what they have noted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Options, Server, Session};
use rand::RngExt;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::audit::{Found, audit};
use super::journal::Journals;

pub const DATABASE: &str = "app";

const CLIENTS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(120);

const SET_UP: &str = "
    create table public.effect (run_id text, attempt int, token text, primary key (run_id, attempt, token));
    select engine_grant('ticker', 'tick');
    select engine_set_environment('limited', concurrency_limit => 4);
    select engine_set_environment('brief');
    select engine_set_environment('odd');
    select engine_set_environment('versioned', requires_version => true);
    select engine_register_worker('versioned', '20250101.1', '[{\"id\": \"raw\"}]',
        '[{\"name\": \"task/raw\"}, {\"name\": \"narrow\", \"concurrencyLimit\": 2}, {\"name\": \"keyed\", \"concurrencyLimit\": 1}]', image => 'image');
    select engine_set_queue('narrow', e, 2), engine_set_queue('keyed', e, 1) from unnest(array['default', 'limited', 'brief', 'versioned']) as e;
    select engine_set_retention('brief', keep => '1s')";

/// Processes die, and the machine does not. Deadlines are short, so that what was lost with its worker goes on soon.
pub fn options() -> Options {
    let settings = [
        ("fsync", "off"),
        ("shared_preload_libraries", "engine"),
        ("engine.database", DATABASE),
        ("engine.role", "ticker"),
        ("engine.tick_interval_ms", "100"),
        ("engine.heartbeat_pending_executing_ms", "2000"),
        ("engine.heartbeat_executing_ms", "2000"),
        ("engine.heartbeat_executing_with_waitpoints_ms", "2000"),
        ("engine.heartbeat_pending_cancel_ms", "1000"),
        ("engine.heartbeat_suspended_ms", "2000"),
        ("engine.queue_backoff_min_ms", "10"),
        ("engine.queue_backoff_max_ms", "100"),
        ("engine.queue_max_attempts", "10000"),
        ("engine.debounce_bucket_ms", "100"),
    ];
    let set = |options: Options, (name, value): (&str, &str)| options.set(name, value);
    settings.into_iter().fold(Options::default(), set)
}

/// A session in the database of the load.
pub async fn session(server: &Server) -> Result<Session> {
    Ok(Session {
        client: server.connect(DATABASE).await?,
    })
}

pub struct Load {
    connection: String,
    directory: TempDir,
    clients: Vec<Child>,
    /// How many client processes there were.
    begun: u64,
    seed: u64,
    pub journals: Journals,
}

impl Load {
    /// Creates the database, and starts clients that find it by this connection string.
    pub async fn begin(cluster: &Cluster, connection: &str, seed: u64) -> Result<Self> {
        let client = cluster.connect().await?;
        for statement in [
            "create role ticker login",
            "create role reader",
            "create database app template engine_template",
        ] {
            client.batch_execute(statement).await?;
        }
        let session = session(cluster.server()).await?;
        session.client.batch_execute(SET_UP).await?;
        Self::attach(connection, seed)
    }

    /// Starts clients on a database that is there.
    pub fn attach(connection: &str, seed: u64) -> Result<Self> {
        let mut load = Self {
            connection: connection.to_owned(),
            directory: TempDir::new()?,
            clients: Vec::new(),
            begun: 0,
            seed,
            journals: Journals::default(),
        };
        for place in 0..CLIENTS {
            let client = load.start_client(place)?;
            load.clients.push(client);
        }
        Ok(load)
    }

    fn start_client(&mut self, place: usize) -> Result<Child> {
        self.begun += 1;
        let name = format!("c{place}x{}", self.begun);
        let seed = self.seed.wrapping_mul(1000) + self.begun;
        let kind = if place == 0 { "worker" } else { "caller" };
        Command::new(program()?)
            .arg(kind)
            .arg(&self.connection)
            .args([&name, &seed.to_string()])
            .arg(self.directory.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a client")
    }

    /// Kills a client; another one takes its place.
    pub async fn kill_a_client(&mut self, rng: &mut StdRng) -> Result<()> {
        let place = rng.random_range(0..CLIENTS);
        self.clients[place].kill().await?;
        self.clients[place] = self.start_client(place)?;
        Ok(())
    }

    /// Has the next session that calls something die at the point of this number.
    pub fn arm(&self, number: u32) -> Result<()> {
        let fresh = self.directory.path().join("arm.fresh");
        fs::write(&fresh, number.to_string())?;
        fs::rename(fresh, self.directory.path().join("arm"))?;
        Ok(())
    }

    /// Takes the order back, if no session has it.
    pub fn disarm(&self) {
        let _ = fs::remove_file(self.directory.path().join("arm"));
    }

    /// Reads what was acknowledged by now, and audits.
    pub async fn audit(&mut self, session: &Session) -> Result<Found> {
        self.journals.read(self.directory.path())?;
        audit(session, &self.journals).await
    }

    /// How many ends of runs were acknowledged.
    pub fn ends(&mut self) -> Result<usize> {
        self.journals.read(self.directory.path())?;
        Ok(self.journals.ended.len())
    }

    /// Waits until so many ends were acknowledged.
    pub async fn until_ends(&mut self, ends: usize) -> Result<()> {
        eventually("runs end", PATIENCE, async || Ok(self.ends()? >= ends)).await
    }

    /// Has the clients begin nothing new.
    pub fn drain(&self) -> Result<()> {
        fs::write(self.directory.path().join("drain"), "")?;
        self.disarm();
        Ok(())
    }

    pub async fn end_schedules(session: &Session) -> Result<()> {
        let delete = "select engine_delete_schedule('s' || n) from generate_series(1, 20) as n";
        Ok(session.client.batch_execute(delete).await?)
    }

    /// Waits until all runs have ended, after [`drain`](Self::drain).
    pub async fn until_finished(&self, session: &Session) -> Result<()> {
        let unfinished = "engine.run_state where execution_status <> 'FINISHED'";
        let begun_at = Instant::now();
        while session.count(unfinished).await? > 0 {
            if begun_at.elapsed() > PATIENCE {
                bail!("still unfinished:\n{}", describe(session).await?);
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub async fn stop(&mut self) -> Result<()> {
        for client in &mut self.clients {
            client.kill().await?;
        }
        Ok(())
    }
}

/// The client's program, beside that of the tests.
fn program() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.parent().and_then(Path::parent);
    Ok(profile.context("no profile")?.join("crash-client"))
}

/// Runs that have not ended.
async fn describe(session: &Session) -> Result<String> {
    let sql = "select string_agg(line, E'\\n') from (select format('%s %s %s, attempt %s, %s of %s, worker queue %s, queue %s, %s', s.run_id, \
               s.execution_status, s.run_status, s.attempt_number, r.task, r.environment_id, r.worker_queue, r.queue, s.status_reason) as line \
               from engine.run_state as s join engine.run as r on r.shard = s.shard and r.id = s.run_id \
               where s.execution_status <> 'FINISHED' limit 20) as l";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}
