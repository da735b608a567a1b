//! Runs whose delay has ended.

use engine_core::{Command, Plan, Refusal, RunId, Settings, Shard, Timestamp, decide};

use crate::flow::transition::Transitions;
use crate::store::row::Caller;
use crate::store::timer::Due;
use crate::{flow, store};

/// Queues runs whose delay has ended; returns the timers that are done. If a run was moved to a later time, its timer is set
/// to that.
pub(super) fn end<'a>(
    shard: Shard,
    settings: &Settings,
    due: Vec<&'a Due>,
) -> Result<Vec<&'a Due>, Refusal> {
    let ids: Vec<RunId> = due.iter().map(|due| RunId::parse(&due.id)).collect();
    let runs = store::run::lock_free(shard, &ids.iter().collect::<Vec<_>>());
    let ids: Vec<&RunId> = runs.iter().map(|run| &run.id).collect();
    let timings = flow::timing::of_all(shard, &ids);
    let mut transitions = Transitions::new(shard, Caller::default(), settings);
    let (mut done, mut later): (Vec<&Due>, Vec<(&RunId, Timestamp)>) = (Vec::new(), Vec::new());
    for (run, (_, timing)) in runs.iter().zip(&timings) {
        match (
            decide(run, Command::EndDelay(timing), settings)?,
            timing.delay_until,
        ) {
            (Plan::Keep, Some(at)) if at > settings.now => later.push((&run.id, at)),
            (plan, _) => {
                transitions.add(run, plan);
                let timer = due.iter().find(|timer| timer.id == run.id.as_str());
                done.extend(timer.copied());
            }
        }
    }
    flow::settle::apply(transitions);
    store::timer::end_delays(&later);
    Ok(done)
}
