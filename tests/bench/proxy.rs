//! A network between client and server: every byte arrives later, in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use engine_harness::Server;
use nix::sys::prctl::set_timerslack;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// What the proxy is to add each way.
pub(super) const DELAY: Duration = Duration::from_micros(500);

const BUFFER: usize = 64 * 1024;

/// Bytes on their way.
struct Parcel {
    due: Instant,
    bytes: Vec<u8>,
    to: UnboundedSender<Vec<u8>>,
}

/// How long the proxy itself holds bytes: less than the latency that it adds, since passing them on takes time as well.
#[derive(Clone)]
struct Delay(Arc<AtomicU64>);

impl Default for Delay {
    fn default() -> Self {
        let delay = Self(Arc::default());
        delay.set(DELAY);
        delay
    }
}

impl Delay {
    fn set(&self, delay: Duration) {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.0.store(nanos, Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// Accepts connections on a socket of its own and passes them on to a server.
pub(super) struct Proxy {
    directory: TempDir,
    delay: Delay,
    acceptor: JoinHandle<()>,
}

impl Proxy {
    pub(super) fn start(server: &Server) -> Result<Self> {
        let directory = TempDir::new()?;
        let proxied = Server::at(directory.path());
        let listener = UnixListener::bind(proxied.socket_file())
            .context("the proxy cannot take connections")?;
        let line = delay_line()?;
        let delay = Delay::default();
        let acceptor = tokio::spawn(accept(listener, server.socket_file(), line, delay.clone()));
        Ok(Self {
            directory,
            delay,
            acceptor,
        })
    }

    /// Changes how long it holds the bytes that come from now on.
    pub(super) fn set_delay(&self, delay: Duration) {
        self.delay.set(delay);
    }

    /// The server as it is reached through the proxy.
    pub(super) fn server(&self) -> Server {
        Server::at(self.directory.path())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// All parcels wait for the same time, so they leave in the order in which they came, and one thread can hold them all.
/// It is a thread because timers of tokio have a granularity of a millisecond. It ends with the last sender.
fn delay_line() -> Result<mpsc::Sender<Parcel>> {
    let (sender, parcels) = mpsc::channel::<Parcel>();
    let line = move || {
        // Sleeps end 50 µs late by default. Where that cannot be changed, the measured round trip shows it.
        let _ = set_timerslack(1);
        for parcel in parcels {
            thread::sleep(parcel.due.saturating_duration_since(Instant::now()));
            // A connection that was closed meanwhile accepts nothing more.
            let _ = parcel.to.send(parcel.bytes);
        }
    };
    thread::Builder::new()
        .name("delay line".to_owned())
        .spawn(line)?;
    Ok(sender)
}

async fn accept(listener: UnixListener, server: PathBuf, line: mpsc::Sender<Parcel>, delay: Delay) {
    while let Ok((client, _)) = listener.accept().await {
        // A client whose server is not there sees its connection closed.
        if let Ok(server) = UnixStream::connect(&server).await {
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            pass(from_client, to_server, line.clone(), delay.clone());
            pass(from_server, to_client, line.clone(), delay.clone());
        }
    }
}

/// Starts one direction of a connection. It ends with its reader.
fn pass(reader: OwnedReadHalf, writer: OwnedWriteHalf, line: mpsc::Sender<Parcel>, delay: Delay) {
    let (to, arrived) = unbounded_channel();
    tokio::spawn(send(reader, to, line, delay));
    tokio::spawn(deliver(writer, arrived));
}

async fn send(
    mut reader: OwnedReadHalf,
    to: UnboundedSender<Vec<u8>>,
    line: mpsc::Sender<Parcel>,
    delay: Delay,
) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(length @ 1..) = reader.read(&mut buffer).await {
        let parcel = Parcel {
            due: Instant::now() + delay.get(),
            bytes: buffer[..length].to_vec(),
            to: to.clone(),
        };
        if line.send(parcel).is_err() {
            break;
        }
    }
}

async fn deliver(mut writer: OwnedWriteHalf, mut arrived: UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = arrived.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            break;
        }
    }
}
