//! What is tried with a model: all its changes, random walks, and its faults.

use anyhow::{Context, Result, ensure};
use engine_harness::progress::tell;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::find;
use crate::played::Played;
use crate::stage::Stage;

/// Plays the shortest way to every change, or `most` of these ways by chance.
pub async fn changes<M: Played>(model: &M, most: u64) -> Result<()> {
    let stage = Stage::set::<M>().await?;
    let (mut ways, changes) = find::every_change(model);
    let (count, mut steps) = (ways.len(), 0);
    let most = usize::try_from(most)?;
    if most < count {
        ways.shuffle(&mut random()?);
        ways.truncate(most);
    }
    for way in &ways {
        steps += stage.play(model, way).await?;
    }
    tell(format!(
        "{changes} different changes, {} of {count} ways, {steps} steps: the server is where the model is",
        ways.len()
    ));
    Ok(())
}

/// Plays random walks of each of these models in turn.
pub async fn walks<M: Played>(models: &[M], count: u64) -> Result<()> {
    let stage = Stage::set::<M>().await?;
    let (mut random, mut steps) = (random()?, 0);
    for model in (0..count)
        .zip(models.iter().cycle())
        .map(|(_, model)| model)
    {
        let way = find::walk(model, &mut random);
        steps += stage.play(model, &way).await?;
    }
    tell(format!("{steps} steps: the server is where the model is"));
    Ok(())
}

/// Plays the shortest way on which a model with a fault breaks a rule: the server follows the model that has none. With
/// `is_told`, it does not follow the one with the fault.
pub async fn fault<M: Played>(
    stage: &Stage,
    (wrong, right): (&M, &M),
    rule: &str,
    is_told: bool,
) -> Result<()> {
    let way = find::counter_example(wrong, rule).context("there is no counter-example")?;
    if is_told {
        let followed = stage.play(wrong, &way).await;
        ensure!(followed.is_err(), "the server does the same on {way}");
    }
    stage.play(right, &way.possible(right)).await?;
    Ok(())
}

/// Chance, which is the same for the same seed.
fn random() -> Result<StdRng> {
    let seed = match std::env::var("ENGINE_SEED") {
        Ok(seed) => seed.parse().context("ENGINE_SEED is no number")?,
        Err(_) => rand::random::<u64>(),
    };
    tell(format!("seed {seed}"));
    Ok(StdRng::seed_from_u64(seed))
}
