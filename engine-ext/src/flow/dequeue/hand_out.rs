//! Hands locked runs to the asking worker, or applies what core decides instead.

use engine_core::{Command, Environment, Plan, Run, RunId, Settings, SlotLimits, decide};

use super::assign::assign;
use super::outcome::Outcome;
use crate::flow::transition::Transitions;
use crate::store::queue_item::Source;
use crate::store::queue_item::claim::{Candidate, Carried, Dequeued};
use crate::store::row::Caller;
use crate::{flow, guc, mint, store};

/// Hands locked runs to the caller. Those that no version executes are set aside.
pub(super) fn hand_out(
    from: Source<'_>,
    environment: &Environment,
    candidates: Vec<Candidate>,
    caller: Caller<'_>,
    settings: &Settings,
) -> Outcome {
    let (mut dequeued, mut others, mut limits) = (Vec::new(), Vec::new(), SlotLimits::default());
    for candidate in candidates {
        let plan = match decide(&candidate.run, Command::Dequeue, settings) {
            Ok(Plan::Claim { max_attempts }) => {
                match assign(&candidate, environment, from, max_attempts, settings) {
                    Ok(assignment) => {
                        dequeued.push(Dequeued {
                            snapshot_id: mint::next_snapshot_id(&candidate.run.snapshot_id),
                            limits: environment.limits(&candidate.queue),
                            assignment,
                            candidate,
                            carried: Carried::default(),
                        });
                        continue;
                    }
                    Err(plan) => plan,
                }
            }
            Ok(plan) => plan,
            Err(refusal) => unreachable!("a dequeue is never refused: {}", refusal.message()),
        };
        limits = limits.or(environment.limits(&candidate.queue));
        others.push((candidate.run, plan));
    }
    let takes_slot = |(_, plan): &&(Run, Plan)| matches!(plan, Plan::Move(moved) if moved.execution_status.holds_slot());
    let slots = dequeued.len() + others.iter().filter(takes_slot).count();
    if !dequeued.is_empty() && from.only_looks {
        return Outcome {
            runs: dequeued,
            ..Outcome::default()
        };
    }
    if !dequeued.is_empty() {
        let base_cost = guc::base_cost_in_cents();
        store::queue_item::claim::apply(
            from,
            &mut dequeued,
            "Dequeued",
            base_cost,
            caller,
            settings,
        );
    }
    apply(from, &others, limits, caller, settings);
    Outcome {
        runs: dequeued,
        slots: i64::try_from(slots).unwrap_or(i64::MAX),
        has_set_aside: !others.is_empty(),
        is_busy: false,
    }
}

/// Deletes due items of runs that are not queued. Nothing leaves one behind; but if one existed, every later dequeue would
/// read it.
pub(super) fn clear_strays(
    from: Source<'_>,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) {
    let found = store::queue_item::claim::strays(from, max_runs, settings.now);
    if found.is_empty() {
        return;
    }
    let found: Vec<&RunId> = found.iter().collect();
    let runs = store::run::lock_free(from.shard, &found);
    let locked: Vec<&RunId> = runs.iter().map(|run| &run.id).collect();
    // Read after the runs are locked: items that another dequeue has claimed since are gone.
    let taken = store::queue_item::delete(from.shard, &locked);
    let plans: Vec<(Run, Plan)> = runs
        .into_iter()
        .filter(|run| taken.contains(&run.id))
        .filter_map(|run| {
            let plan = decide(&run, Command::Stray, settings).ok()?;
            Some((run, plan))
        })
        .collect();
    apply(from, &plans, SlotLimits::default(), caller, settings);
}

fn apply(
    from: Source<'_>,
    plans: &[(Run, Plan)],
    limits: SlotLimits,
    caller: Caller<'_>,
    settings: &Settings,
) {
    let mut transitions = Transitions::new(from.shard, caller, settings).limited(limits);
    for (run, plan) in plans {
        // A run that was refused before has a record of that after its latest snapshot.
        let last = match plan {
            Plan::Refuse { .. } => store::run::last_ordinal(run),
            Plan::Claim { .. }
            | Plan::Start { .. }
            | Plan::Finish(_)
            | Plan::Move(_)
            | Plan::Notify
            | Plan::Keep => run.snapshot_ordinal,
        };
        transitions.add_after(run, last, plan.clone());
    }
    flow::settle::apply(transitions);
}
