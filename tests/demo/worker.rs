//! One worker process of the demo: `engine-demo work`, which the demo starts.

use std::fs::File;
use std::io::{self, ErrorKind, Read, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use engine_client::{
    BackoffRange, Cluster, Context, Database, Failure, Identity, Placement, Worker, WorkerConfig,
};
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::batch::TASK;
use super::digest::Digest;
use super::listing::JsonPath;
use super::nodes::node;

/// Read at once; a file of any size needs no more memory than this.
const CHUNK: usize = 128 * 1024;

/// How long runs under way may take to end when the worker is told to.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct Arguments {
    /// The worker's id in snapshots.
    #[arg(long)]
    name: String,

    /// The connection string of the database, or those of all nodes.
    #[arg(long, required = true)]
    database: Vec<String>,

    /// The directory to which the paths of the runs are relative.
    #[arg(long)]
    root: PathBuf,

    /// How many runs are executed at once.
    #[arg(long)]
    concurrency: usize,

    /// Additional time per run, in milliseconds.
    #[arg(long)]
    pause_ms: u64,
}

/// Works until standard input ends, which it does with the process that holds its other end,
/// however that one ends.
pub async fn run(arguments: Arguments) -> Result<()> {
    let worker = worker(&arguments)?;
    let root: Arc<Path> = arguments.root.into();
    let pause = Duration::from_millis(arguments.pause_ms);
    let config = WorkerConfig {
        identity: Identity {
            worker_id: Some(arguments.name),
            runner_id: None,
        },
        concurrency: arguments.concurrency,
        drain_timeout: DRAIN_TIMEOUT,
        idle: BackoffRange {
            min: Duration::from_millis(10),
            max: Duration::from_millis(200),
        },
        timekeeper: Some(Duration::from_millis(250)),
        ..WorkerConfig::default()
    };
    worker
        .config(config)
        .task(TASK, move |context: Context, path: JsonPath| {
            digest(context, root.join(PathBuf::from(path)), pause)
        })
        .run(end_of_input())
        .await?;
    Ok(())
}

/// A worker of one database, or of several nodes.
fn worker(arguments: &Arguments) -> Result<Worker> {
    let mut placement = Placement::new();
    for (index, database) in arguments.database.iter().enumerate() {
        let mut database: tokio_postgres::Config = database.parse()?;
        database.application_name(&arguments.name);
        if arguments.database.len() == 1 {
            return Ok(Worker::new(Database::from(database)));
        }
        // Which shards are where the nodes say.
        placement = placement.node(node::name(index), database.into(), []);
    }
    Ok(Worker::on_cluster(Cluster::new(placement)))
}

async fn digest(context: Context, path: PathBuf, pause: Duration) -> Result<Digest, Failure> {
    sleep(pause).await;
    let digest = spawn_blocking(move || read(&path, &context)).await?;
    Ok(digest?)
}

/// Reads a file to its end, unless the result is no longer wanted.
fn read(path: &Path, context: &Context) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut chunk = vec![0; CHUNK];
    let mut hash = Sha256::new();
    let mut digest = Digest::default();
    let mut is_in_word = false;
    loop {
        let length = file.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        if context.is_cancelled() {
            return Err(ErrorKind::Interrupted.into());
        }
        let read = &chunk[..length];
        hash.update(read);
        digest.bytes += length as u64;
        for byte in read {
            // Like isspace() in C's locale; Rust does not count the vertical tab.
            let is_space = byte.is_ascii_whitespace() || *byte == b'\x0b';
            digest.lines += u64::from(*byte == b'\n');
            digest.words += u64::from(!is_space && !is_in_word);
            is_in_word = !is_space;
        }
    }
    let sum = hash.finalize();
    digest.sha256 = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(digest)
}

async fn end_of_input() {
    let (ended, end) = oneshot::channel::<()>();
    // A thread of its own: the runtime would wait for a blocking read when it shuts down.
    thread::spawn(move || {
        let mut input = stdin().lock();
        while matches!(input.read(&mut [0; 64]), Ok(length) if length > 0) {}
        drop(ended);
    });
    // Ends with an error, because nothing is ever sent.
    let _ = end.await;
}
