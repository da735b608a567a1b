//! The model of a family: a parent, what it waits for, and two workers.

#[path = "../../../engine-ext/core/tests/family/action.rs"]
mod action;
#[path = "../../../engine-ext/core/tests/family/completion.rs"]
mod completion;
#[path = "../../../engine-ext/core/tests/family/fault.rs"]
mod fault;
#[path = "../../../engine-ext/core/tests/family/member.rs"]
mod member;
#[path = "../../../engine-ext/core/tests/family/rule.rs"]
mod rule;
#[path = "../../../engine-ext/core/tests/family/settle.rs"]
mod settle;
#[path = "../../../engine-ext/core/tests/family/state.rs"]
mod state;
#[path = "../../../engine-ext/core/tests/family/step.rs"]
mod step;
#[path = "../../../engine-ext/core/tests/family/system.rs"]
mod system;
#[path = "../../../engine-ext/core/tests/family/worker.rs"]
mod worker;

mod perform;
mod play;
mod player;
mod seen;
mod tick;
mod wait;

use anyhow::{Context, Result};
use engine_harness::Scale;

use crate::stage::Stage;
use crate::{row, settings, trial};
use fault::Fault;
use state::Awaited;
use system::System;

const WAYS: Scale = Scale::new("ways to a change", 60, 5_000);
const WALKS: Scale = Scale::new("random walks", 60, 3_000);

/// Plays the shortest ways to changes of the model of a parent that waits for this.
async fn changes(awaited: Awaited) -> Result<()> {
    trial::changes(&System::new(Fault::None, awaited), WAYS.pick()).await
}

#[tokio::test]
async fn the_server_follows_the_model_of_a_parent_that_waits_for_its_child() -> Result<()> {
    changes(Awaited::Child).await
}

#[tokio::test]
async fn the_server_follows_the_model_of_a_parent_that_waits_for_a_batch() -> Result<()> {
    changes(Awaited::Batch).await
}

#[tokio::test]
async fn the_server_follows_the_model_of_a_parent_that_waits_for_a_token() -> Result<()> {
    changes(Awaited::Token).await
}

#[tokio::test]
async fn the_server_follows_the_model_of_a_family_on_random_walks() -> Result<()> {
    let models = Awaited::ALL.map(|awaited| System::new(Fault::None, awaited));
    trial::walks(&models, WALKS.pick()).await
}

/// What a model with a fault does wrong is played as well: the server agrees with the model that has none, and not with this one.
#[tokio::test]
async fn a_counter_example_of_a_family_becomes_calls_that_tell_its_fault_from_the_server()
-> Result<()> {
    let stage = Stage::set::<System>().await?;
    for (fault, awaited, rule) in fault::CAUGHT {
        let (wrong, right) = (
            System::new(*fault, *awaited),
            System::new(Fault::None, *awaited),
        );
        let trial = trial::fault(&stage, (&wrong, &right), rule, true);
        trial.await.with_context(|| format!("{fault:?}"))?;
    }
    Ok(())
}
