//! The contract between the suite `peers` and an adapter, for Rust; see README.md.

use std::env;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Instant;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

pub trait Peer: Sized {
    /// Creates the schema.
    async fn install(url: &str) -> Result<()>;

    /// Queues jobs.
    async fn fill(url: &str, jobs: usize) -> Result<()>;

    /// Opens all connections.
    async fn connect(order: &Order) -> Result<Self>;

    /// Processes the queue, and returns when the last completion is written.
    async fn drain(&mut self) -> Result<Drained>;

    /// Stops what still runs.
    async fn close(self) -> Result<()> {
        Ok(())
    }
}

/// How to process a queue.
pub struct Order {
    pub url: String,
    pub jobs: usize,
    pub clients: u32,
    /// Jobs that a client may take at once; 1 where nothing may be batched.
    pub batch: u32,
    /// How to complete a job, for a peer with several ways.
    #[allow(dead_code, reason = "most peers have one")]
    pub variant: Option<String>,
}

#[derive(Default)]
pub struct Drained {
    pub jobs: usize,
    /// Duration of each claim, together with the completions of its jobs. Empty if the peer does not expose that.
    pub cycles_ms: Vec<f64>,
}

/// Does what the suite asks for.
pub async fn run<P: Peer>() -> Result<()> {
    let mut words = env::args().skip(1);
    let mut next = || words.next().ok_or("a word is missing");
    let phase = next()?;
    let order = Order {
        url: next()?,
        jobs: next()?.parse()?,
        clients: next()?.parse()?,
        batch: next()?.parse()?,
        variant: words.next(),
    };
    match phase.as_str() {
        "install" => P::install(&order.url).await,
        "fill" => P::fill(&order.url, order.jobs).await,
        "drain" => drain::<P>(&order).await,
        phase => Err(format!("unknown phase {phase}").into()),
    }
}

async fn drain<P: Peer>(order: &Order) -> Result<()> {
    let mut peer = P::connect(order).await?;
    say("ready")?;
    wait()?;
    let start = Instant::now();
    let drained = peer.drain().await?;
    let seconds = start.elapsed().as_secs_f64();
    let (jobs, cycles) = (drained.jobs, drained.cycles_ms);
    say(&format!(
        r#"{{"jobs": {jobs}, "seconds": {seconds}, "cycles_ms": {cycles:?}}}"#
    ))?;
    wait()?;
    peer.close().await
}

fn say(line: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

/// Waits for a word of the suite, or for its end.
fn wait() -> Result<()> {
    io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

/// The sizes of the parts in which `jobs` jobs are filled in.
pub fn parts(jobs: usize) -> impl Iterator<Item = usize> {
    const PART: usize = 10_000;
    (0..jobs)
        .step_by(PART)
        .map(move |first| PART.min(jobs - first))
}
