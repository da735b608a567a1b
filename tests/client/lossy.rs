//! A network that loses answers: the server has done what a call asks for, and its client never hears of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, Result};
use engine_client::tokio_postgres::Config;
use engine_client::tokio_postgres::config::Host;
use engine_harness::Database;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// Breaks the connections of some of the calls of one function, when their answer comes.
pub struct Lossy {
    directory: TempDir,
    port: u16,
    rule: Arc<Rule>,
    acceptor: JoinHandle<()>,
}

/// Which answers are lost.
struct Rule {
    /// The text of the calls.
    call: &'static str,
    /// The answer to one of so many calls is lost.
    one_of: usize,
    calls: AtomicUsize,
    lost: AtomicUsize,
}

impl Lossy {
    /// A network between the database and its clients that loses every `one_of`th answer to calls with this text.
    pub fn start(database: &Database, call: &'static str, one_of: usize) -> Result<Self> {
        let config: Config = database.connection_string().parse()?;
        let port = *config.get_ports().first().unwrap_or(&5432);
        let Some(Host::Unix(server)) = config.get_hosts().first() else {
            anyhow::bail!("the server has no socket");
        };
        let directory = TempDir::new()?;
        let socket = |path: &std::path::Path| path.join(format!(".s.PGSQL.{port}"));
        let listener = UnixListener::bind(socket(directory.path()))?;
        let rule = Arc::new(Rule {
            call,
            one_of,
            calls: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
        });
        let acceptor = tokio::spawn(accept(listener, socket(server), Arc::clone(&rule)));
        Ok(Self {
            directory,
            port,
            rule,
            acceptor,
        })
    }

    /// The database as it is reached through this network.
    pub fn config(&self, database: &Database) -> Result<Config> {
        let direct: Config = database.connection_string().parse()?;
        let mut config = Config::new();
        config.host_path(self.directory.path()).port(self.port);
        config.user(direct.get_user().context("no user")?);
        config.dbname(direct.get_dbname().context("no database")?);
        Ok(config)
    }

    /// How many answers were lost.
    pub fn lost(&self) -> usize {
        self.rule.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn accept(listener: UnixListener, server: PathBuf, rule: Arc<Rule>) {
    while let Ok((client, _)) = listener.accept().await {
        if let Ok(server) = UnixStream::connect(&server).await {
            tokio::spawn(pass(client, server, Arc::clone(&rule)));
        }
    }
}

/// Passes bytes on in both directions, until one side closes or an answer is lost.
async fn pass(client: UnixStream, server: UnixStream, rule: Arc<Rule>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let is_lost = AtomicBool::new(false);
    let ask = async {
        let mut bytes = vec![0; 1 << 20];
        while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
            let asked = &bytes[..length];
            let is_call = asked
                .windows(rule.call.len())
                .any(|window| window == rule.call.as_bytes());
            if is_call {
                let count = rule.calls.fetch_add(1, Ordering::SeqCst) + 1;
                is_lost.store(count.is_multiple_of(rule.one_of), Ordering::SeqCst);
            }
            if to_server.write_all(asked).await.is_err() {
                break;
            }
        }
    };
    let answer = async {
        let mut bytes = vec![0; 1 << 20];
        while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
            if is_lost.load(Ordering::SeqCst) {
                rule.lost.fetch_add(1, Ordering::SeqCst);
                break;
            }
            if to_client.write_all(&bytes[..length]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = ask => {}
        () = answer => {}
    }
}
