//! Runs whose time to live has passed.

use engine_core::{Command, Refusal, RunId, decide};

use super::Tick;
use crate::flow::transition::Transitions;
use crate::store::row::Caller;
use crate::{flow, store};

/// Ends runs whose time to live has passed; returns their number. None of them is dequeued, however late this is.
pub(super) fn expire(tick: &mut Tick<'_>) -> Result<i32, Refusal> {
    let (shard, settings) = (tick.shard, tick.settings);
    let found = store::queue_item::expiry::find(shard, tick.left, settings.now);
    if found.is_empty() {
        return Ok(0);
    }
    let runs = store::run::lock_free(shard, &found.iter().collect::<Vec<_>>());
    let ids: Vec<&RunId> = runs.iter().map(|run| &run.id).collect();
    let lapsed = store::queue_item::expiry::lapsed(shard, &ids, settings.now);
    let mut transitions = Transitions::new(shard, Caller::default(), settings);
    for run in &runs {
        if let Some((_, ttl)) = lapsed.iter().find(|(id, _)| *id == run.id) {
            transitions.add(run, decide(run, Command::Expire { ttl }, settings)?);
        }
    }
    let expired = transitions.len();
    flow::settle::apply(transitions);
    Ok(tick.took(expired))
}
