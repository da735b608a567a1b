//! A session that calls everything, under settings and in transactions of any kind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use engine_harness::Database;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Error};

use crate::call::Call;
use crate::catalog::Function;
use crate::figure::Figures;
use crate::sane::Sane;
use crate::setting;
use crate::stock::Stock;
use crate::verdict;

/// Longest call before the session abandons it: `statement_timeout` is shorter.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all sessions share.
pub struct Ground {
    pub database: Database,
    pub functions: Vec<Function>,
    pub stock: Stock,
    pub figures: Figures,
    /// Settings of the engine, as `set` takes them.
    pub settings: Vec<String>,
    pub until: Instant,
}

/// How a transaction begins; an empty one means none, and every call commits.
const BEGINNINGS: &[&str] = &[
    "",
    "",
    "",
    "",
    "begin",
    "begin isolation level repeatable read",
    "begin isolation level serializable",
    "begin read only",
];

/// Calls until the time is up.
///
/// # Errors
/// If a parameter is of a type that the fuzzer does not know, or the server is gone.
pub async fn play(ground: Arc<Ground>, seed: u64) -> Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut client = ground.database.connect().await?;
    while Instant::now() < ground.until {
        if client.is_closed() || random.random_bool(0.02) {
            client = connect(&ground.database).await?;
        }
        chapter(&ground, &client, &mut random).await?;
    }
    Ok(())
}

/// Some calls under the same settings, together or separately.
async fn chapter(ground: &Ground, client: &Client, random: &mut StdRng) -> Result<()> {
    let settings = setting::random(&ground.settings, random);
    // A refused setting prevents the others, too.
    let _ = client.batch_execute(&settings).await;
    let beginning = BEGINNINGS.choose(random).copied().unwrap_or_default();
    let is_apart = beginning.is_empty();
    let calls = if is_apart { 20 } else { 5 };
    let _ = client.batch_execute(beginning).await;
    for _ in 0..random.random_range(1..=calls) {
        let is_saved = !is_apart && random.random_bool(0.5);
        if is_saved {
            let _ = client.batch_execute("savepoint s").await;
        }
        let is_through = call(ground, client, random).await?;
        if is_saved && (!is_through || random.random_bool(0.2)) {
            let _ = client.batch_execute("rollback to savepoint s").await;
        } else if !is_apart && !is_through {
            break;
        }
    }
    if !is_apart {
        let end = if random.random_bool(0.7) {
            "commit"
        } else {
            "rollback"
        };
        let _ = client.batch_execute(end).await;
    }
    Ok(())
}

/// One call; returns whether it succeeded.
async fn call(ground: &Ground, client: &Client, random: &mut StdRng) -> Result<bool> {
    let trigger = ground
        .functions
        .iter()
        .find(|function| function.name == "engine_trigger");
    let Some(trigger) = trigger else {
        bail!("there is no engine_trigger");
    };
    let sane = Sane {
        stock: &ground.stock,
        trigger,
    };
    let call = Call::random(&ground.functions, &sane, random)?;
    match timeout(PATIENCE, client.simple_query(&call.sql)).await {
        Ok(Ok(_)) => {
            ground.figures.count(&call.function, None);
            Ok(true)
        }
        Ok(Err(error)) => {
            judge(ground, &call, &error);
            Ok(false)
        }
        Err(_) => {
            ground
                .figures
                .find("no answer", &call, &format!("{PATIENCE:?}"));
            bail!("no answer: {}", call.brief);
        }
    }
}

fn judge(ground: &Ground, call: &Call, error: &Error) {
    let Some(refusal) = error.as_db_error() else {
        // The connection broke: the server has crashed, or the driver does not understand it.
        ground.figures.count(&call.function, Some("none"));
        ground
            .figures
            .find("connection lost", call, &error.to_string());
        return;
    };
    ground
        .figures
        .count(&call.function, Some(refusal.code().code()));
    if let Some(complaint) = verdict::complaint(refusal) {
        ground
            .figures
            .find(&complaint, call, &verdict::line(refusal));
    }
}

/// A new session, as soon as the server accepts one: after a crash, a moment later.
async fn connect(database: &Database) -> Result<Client> {
    let started = Instant::now();
    loop {
        match database.connect().await {
            Ok(client) => return Ok(client),
            Err(error) if started.elapsed() > PATIENCE => return Err(error),
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Keeps the stock filled, the environments open and the clock going until the time is up.
///
/// # Errors
/// If the server is gone, or the tick fails.
pub async fn keep(ground: Arc<Ground>) -> Result<()> {
    let client = ground.database.connect().await?;
    while Instant::now() < ground.until {
        let started = Instant::now();
        for call in [
            "select engine_set_environment('default', concurrency_limit => 50, burst_factor => 1, paused => false, requires_version => false)",
            "select engine_set_environment('staging', paused => false)",
            "select engine_set_queue('task/mail', concurrency_limit => null, paused => false, override_limit => null, max_size => null)",
            "select engine_tick()",
        ] {
            let Err(error) = client.batch_execute(call).await else {
                continue;
            };
            let refusal = error.as_db_error();
            let is_in_order = refusal.is_some_and(|refusal| {
                matches!(refusal.code().code(), "55P03" | "40P01" | "RE005")
            });
            if !is_in_order {
                let line = refusal.map_or_else(|| error.to_string(), verdict::line);
                ground.figures.note(
                    format!("keeper {call}"),
                    format!("refused to the keeper: {call}\n    {line}"),
                );
            }
        }
        ground.stock.fill(&client).await?;
        sleep((started.elapsed() * 4).max(Duration::from_millis(200))).await;
    }
    Ok(())
}
