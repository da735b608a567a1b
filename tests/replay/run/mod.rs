//! The model of one run and its callers.

#[path = "../../../engine-ext/core/tests/model/action.rs"]
mod action;
#[path = "../../../engine-ext/core/tests/model/apply.rs"]
mod apply;
#[path = "../../../engine-ext/core/tests/model/asked.rs"]
mod asked;
#[path = "../../../engine-ext/core/tests/model/caller.rs"]
mod caller;
#[path = "../../../engine-ext/core/tests/model/fault.rs"]
mod fault;
#[path = "../../../engine-ext/core/tests/model/repeat.rs"]
mod repeat;
#[path = "../../../engine-ext/core/tests/model/rule.rs"]
mod rule;
#[path = "../../../engine-ext/core/tests/model/state.rs"]
mod state;
#[path = "../../../engine-ext/core/tests/model/step.rs"]
mod step;
#[path = "../../../engine-ext/core/tests/model/system.rs"]
mod system;

mod begin;
mod perform;
mod play;
mod player;

use anyhow::{Context, Result};
use engine_harness::Scale;

use crate::stage::Stage;
use crate::{row, settings, trial};
use fault::Fault;
use state::Scope;
use system::System;

const WALKS: Scale = Scale::new("random walks", 60, 3_000);

/// The model without a fault, or with one.
fn model(fault: Fault) -> System {
    System::new(fault, Scope::Repeats, false)
}

#[tokio::test]
async fn the_server_follows_the_model_on_the_shortest_way_to_every_change() -> Result<()> {
    trial::changes(&model(Fault::None), u64::MAX).await
}

#[tokio::test]
async fn the_server_follows_the_model_on_random_walks() -> Result<()> {
    trial::walks(&[model(Fault::None)], WALKS.pick()).await
}

/// What a model with a fault does wrong is played as well: the server agrees with the model that has none, and not with this one.
#[tokio::test]
async fn a_counter_example_of_the_model_becomes_calls_that_tell_its_fault_from_the_server()
-> Result<()> {
    let stage = Stage::set::<System>().await?;
    let right = model(Fault::None);
    for (fault, rule) in fault::CAUGHT {
        // That one is the callers' as well: the calls are the same.
        let is_told = *fault != Fault::StaleCallerIsTold;
        let wrong = model(*fault);
        let trial = trial::fault(&stage, (&wrong, &right), rule, is_told);
        trial.await.with_context(|| format!("{fault:?}"))?;
    }
    Ok(())
}
