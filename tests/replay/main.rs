//! The model of the state machine drives a real server: the ways of a run that it finds are calls here, and after each of them the
//! server must be where the model is.
//!
//! The ways are the shortest one to every distinct change, random walks, and the counter-examples of the model's deliberate
//! faults. The model itself is that of the core's tests: its rooms are read from there.

#[path = "../../engine-ext/core/tests/model/action.rs"]
mod action;
#[path = "../../engine-ext/core/tests/model/apply.rs"]
mod apply;
#[path = "../../engine-ext/core/tests/model/asked.rs"]
mod asked;
#[path = "../../engine-ext/core/tests/model/caller.rs"]
mod caller;
#[path = "../../engine-ext/core/tests/model/fault.rs"]
mod fault;
#[path = "../../engine-ext/core/tests/model/repeat.rs"]
mod repeat;
#[path = "../../engine-ext/core/tests/model/row.rs"]
mod row;
#[path = "../../engine-ext/core/tests/model/rule.rs"]
mod rule;
#[path = "../../engine-ext/core/tests/model/settings.rs"]
mod settings;
#[path = "../../engine-ext/core/tests/model/state.rs"]
mod state;
#[path = "../../engine-ext/core/tests/model/step.rs"]
mod step;
#[path = "../../engine-ext/core/tests/model/system.rs"]
mod system;

mod begin;
mod find;
mod perform;
mod seen;
mod stage;
mod way;

use anyhow::{Context, Result, ensure};
use engine_harness::Scale;
use engine_harness::progress::tell;
use rand::SeedableRng;
use rand::rngs::StdRng;

use fault::Fault;
use stage::Stage;
use state::Scope;
use system::System;

const WALKS: Scale = Scale::new("random walks", 60, 3_000);

/// The model without a fault, or with one.
fn model(fault: Fault) -> System {
    System::new(fault, Scope::Repeats, false)
}

#[tokio::test]
async fn the_server_follows_the_model_on_the_shortest_way_to_every_change() -> Result<()> {
    let system = model(Fault::None);
    let stage = Stage::set().await?;
    let (ways, changes) = find::every_change(&system);
    let mut steps = 0;
    for way in &ways {
        steps += stage.play(&system, way).await?;
    }
    tell(format!(
        "{changes} different changes, {} ways, {steps} steps: the server is where the model is",
        ways.len()
    ));
    Ok(())
}

#[tokio::test]
async fn the_server_follows_the_model_on_random_walks() -> Result<()> {
    let seed = match std::env::var("ENGINE_SEED") {
        Ok(seed) => seed.parse().context("ENGINE_SEED is no number")?,
        Err(_) => rand::random::<u64>(),
    };
    tell(format!("seed {seed}"));
    let system = model(Fault::None);
    let stage = Stage::set().await?;
    let (mut random, mut steps) = (StdRng::seed_from_u64(seed), 0);
    for _ in 0..WALKS.pick() {
        let way = find::walk(&system, &mut random);
        steps += stage.play(&system, &way).await?;
    }
    tell(format!("{steps} steps: the server is where the model is"));
    Ok(())
}

/// What a model with a fault does wrong is played as well: the server agrees with the model that has none, and not with this one.
#[tokio::test]
async fn a_counter_example_of_the_model_becomes_calls_that_tell_its_fault_from_the_server()
-> Result<()> {
    let stage = Stage::set().await?;
    let right = model(Fault::None);
    for (fault, rule) in fault::CAUGHT {
        let wrong = model(*fault);
        let way = find::counter_example(&wrong, rule).with_context(|| format!("{fault:?}"))?;
        // That one is the callers' as well: the calls are the same.
        if *fault != Fault::StaleCallerIsTold {
            let told = stage.play(&wrong, &way).await;
            ensure!(
                told.is_err(),
                "{fault:?}: the server does the same on {way}"
            );
        }
        stage.play(&right, &way.possible(&right)).await?;
    }
    Ok(())
}
