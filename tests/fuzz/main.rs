//! A fuzzer generated from the catalog: every function of the extension is called by several sessions at once, with
//! arguments of every kind, and afterwards everything can still be read and executed.
//!
//! It runs for `ENGINE_FUZZ_SECONDS`, with the seed `ENGINE_SEED`, or a random one. The calls of the sessions follow
//! from the seed; the ids that they find, and their order, depend on the server.

mod border;
mod call;
mod catalog;
mod datum;
mod document;
mod drain;
mod figure;
mod reader;
mod sane;
mod session;
mod setting;
mod stock;
mod verdict;
mod wild;

use std::env;
use std::fs;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine_harness::progress::tell;
use engine_harness::{Cluster, Options, Scale};
use tokio::task::JoinSet;

use figure::Figures;
use session::{Ground, keep, play};
use stock::Stock;

/// How long it runs unless the environment says otherwise.
const SECONDS: Scale = Scale::new("seconds", 20, 600);

const SESSIONS: u64 = 5;

/// Duration in seconds from which on every function must have succeeded: one that is always refused is not tested.
const LONG: u64 = 120;

/// What the server says when one of its processes has died, or has given up its session.
const CRASHES: &[&str] = &[
    "was terminated by signal",
    "PANIC:",
    "FATAL:",
    "terminating any other active server processes",
    "panicked at",
];

/// No superuser has enabled it here: a clock that jumps would hide what other calls do.
const DISABLED: &str = "engine_set_test_clock";

#[tokio::test(flavor = "multi_thread")]
async fn a_fuzzer_of_the_whole_catalog_finds_nothing() -> Result<()> {
    let seconds = number("ENGINE_FUZZ_SECONDS", || SECONDS.pick());
    let seed: u64 = number("ENGINE_SEED", rand::random);
    tell(format!("fuzzer: {seconds} s, ENGINE_SEED={seed}"));
    let cluster = Cluster::start(options(seed)).await?;
    let database = cluster.database().await?;
    for (setting, value) in [
        ("engine.heartbeat_pending_executing_ms", "4000"),
        ("engine.heartbeat_executing_ms", "5000"),
        ("engine.queue_backoff_min_ms", "100"),
        ("engine.queue_max_attempts", "3"),
        ("engine.retry_requeue_threshold_ms", "1000"),
    ] {
        database.set(setting, value).await?;
    }
    let client = database.connect().await?;
    client
        .batch_execute("select engine_set_environment('staging', 'STAGING')")
        .await?;
    let ground = Arc::new(Ground {
        functions: catalog::functions(&client).await?,
        settings: setting::of_engine(&client).await?,
        database,
        stock: Stock::default(),
        figures: Figures::default(),
        until: Instant::now() + Duration::from_secs(seconds),
    });
    let mut sessions = JoinSet::new();
    sessions.spawn(keep(Arc::clone(&ground)));
    for session in 0..SESSIONS {
        sessions.spawn(play(Arc::clone(&ground), seed.wrapping_add(session)));
    }
    while let Some(session) = sessions.join_next().await {
        session??;
    }
    drop(client);
    let mut found = ground.figures.findings();
    found.extend(aftermath(&ground).await?);
    found.extend(crashes(&cluster)?);
    tell(format!("fuzzer: {}", ground.figures));
    ensure!(
        found.is_empty(),
        "ENGINE_SEED={seed}: found\n{}",
        found.join("\n")
    );
    let mut untried = ground.figures.never_successful();
    untried.retain(|function| *function != DISABLED);
    ensure!(
        seconds < LONG || untried.is_empty(),
        "ENGINE_SEED={seed}: never successful: {untried:?}"
    );
    Ok(())
}

/// Final checks: read everything, execute everything, and read it again.
async fn aftermath(ground: &Ground) -> Result<Vec<String>> {
    let client = ground.database.connect().await?;
    let mut found = reader::violations(&client).await?;
    found.extend(reader::complaints(&client, &ground.functions).await?);
    found.extend(drain::complaints(&client).await?);
    found.extend(reader::violations(&client).await?);
    found.extend(reader::complaints(&client, &ground.functions).await?);
    found.sort();
    found.dedup();
    Ok(found)
}

/// Every second server has the library preloaded. None logs the refused statements, which may be long.
fn options(seed: u64) -> Options {
    let options = Options::default()
        .set("log_min_error_statement", "panic")
        .set("log_min_messages", "log")
        .set("deadlock_timeout", "200ms");
    if seed.is_multiple_of(2) {
        options.set("shared_preload_libraries", "engine")
    } else {
        options
    }
}

fn crashes(cluster: &Cluster) -> Result<Vec<String>> {
    let log = fs::read_to_string(cluster.log())?;
    let is_crash = |line: &&str| CRASHES.iter().any(|crash| line.contains(crash));
    Ok(log.lines().filter(is_crash).map(str::to_owned).collect())
}

/// A number from an environment variable.
fn number<T: FromStr>(variable: &str, otherwise: impl FnOnce() -> T) -> T {
    match env::var(variable).map(|text| text.parse()) {
        Ok(Ok(number)) => number,
        Ok(Err(_)) => panic!("{variable} is no number"),
        Err(_) => otherwise(),
    }
}
