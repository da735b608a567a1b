//! Runs whose time to live has passed.

use engine_core::{Command, Refusal, RunId, Settings, Shard, decide};

use super::Tick;
use crate::flow::transition::Transitions;
use crate::store::row::Caller;
use crate::{flow, store};

/// Ends runs whose time to live has passed; returns their number. None of them is dequeued, however late this is.
pub(super) fn expire(tick: &mut Tick<'_>) -> Result<i32, Refusal> {
    let found =
        store::queue_item::expiry::find(&store::shard::unserved(), tick.left, tick.settings.now);
    let mut expired = 0;
    for (shard, found) in flow::by_shard(&found, |(shard, _)| *shard) {
        let ids: Vec<&RunId> = found.into_iter().map(|(_, id)| id).collect();
        expired += expire_on(shard, &ids, tick.settings)?;
    }
    Ok(tick.took(expired))
}

/// Ends those of these runs of a shard whose time to live has passed; returns their number.
fn expire_on(shard: Shard, found: &[&RunId], settings: &Settings) -> Result<usize, Refusal> {
    let runs = store::run::lock_free(shard, found);
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
    Ok(expired)
}
