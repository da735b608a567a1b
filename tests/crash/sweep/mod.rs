//! `kill -9` of everything, at any time, under a load of every operation; what is left is audited after each kill.
//!
//! The number of kills comes from `ENGINE_KILLS`, the seed from `ENGINE_SEED`, or chance. A round that fails names its own seed, and
//! the kill after which it failed.

pub mod audit;
mod journal;
pub mod load;
mod round;
mod tally;
mod victim;

use std::env;

use anyhow::{Context, Result, ensure};
use engine_harness::Scale;
use engine_harness::progress::tell;

use self::round::Round;
use self::tally::Tally;

const KILLS: Scale = Scale::new("kills", 60, 5000);

/// Kills of one server; then it must finish everything, and another one begins.
const KILLS_OF_A_ROUND: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_nothing_acknowledged_is_lost_and_nothing_is_done_twice() -> Result<()> {
    let kills = number("ENGINE_KILLS")?.unwrap_or_else(|| KILLS.pick());
    let seed = number("ENGINE_SEED")?.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    tell(format!("sweep: {kills} kills, ENGINE_SEED={seed}"));
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    let mut left = kills;
    for number in 0.. {
        let seed = seed + number;
        let these = left.min(KILLS_OF_A_ROUND);
        if these == 0 {
            break;
        }
        left -= these;
        let mut round = Round::begin(seed).await?;
        let ended = round.play(these, &mut tally).await;
        if let Err(failure) = ended {
            let failure = format!("ENGINE_SEED={seed} ENGINE_KILLS={these}: {failure:#}");
            tell(format!("{failure}\n{}", round.end_of_log()));
            failures.push(failure);
        }
        tell(format!(
            "{} of {kills} kills, {} runs",
            tally.kills(),
            tally.runs
        ));
        if number % 5 == 4 {
            tell(tally.to_string());
        }
    }
    tell(tally.to_string());
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

fn number(variable: &str) -> Result<Option<u64>> {
    let value = env::var(variable).ok();
    value
        .map(|value| value.parse().with_context(|| variable.to_owned()))
        .transpose()
}
