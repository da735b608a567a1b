//! Waitpoints that are due or have timed out.

use engine_core::{Output, Settings, Shard, WaitpointId};

use crate::store::timer::Due;
use crate::{flow, store};

/// Completes due waitpoints; returns the timers that are done. A waitpoint that another session has locked comes later.
pub(super) fn finish<'a>(shard: Shard, settings: &Settings, due: Vec<&'a Due>) -> Vec<&'a Due> {
    let ids: Vec<WaitpointId> = due
        .iter()
        .map(|due| WaitpointId::parse(due.subject()))
        .collect();
    let free = store::waitpoint::lock_free(shard, &ids.iter().collect::<Vec<_>>());
    let done: Vec<(&'a Due, &WaitpointId)> = due
        .into_iter()
        .zip(&ids)
        .filter(|(_, id)| free.contains(id))
        .collect();
    let outputs: Vec<(WaitpointId, Output)> = done
        .iter()
        .map(|(due, id)| {
            let output = flow::wait::waitpoint::output_of_timer(due.detail.as_ref());
            ((*id).clone(), output)
        })
        .collect();
    flow::settle::complete(shard, &outputs, settings);
    done.into_iter().map(|(due, _)| due).collect()
}
