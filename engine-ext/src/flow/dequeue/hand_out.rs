//! Hands locked runs to the asking worker, or applies what core decides instead.

use engine_core::{
    Command, Environment, ExecutionStatus, Plan, Run, RunId, RunStatus, Settings, SlotLimits,
    Transition, decide, first_attempt,
};

use super::assign::assign;
use super::outcome::Outcome;
use crate::backend::position::Positions;
use crate::backend::value::column;
use crate::flow::transition::Transitions;
use crate::store::queue_item::dequeue::Candidate;
use crate::store::queue_item::hand_out::{Begun, Carried, Dequeued};
use crate::store::queue_item::{Purpose, Source};
use crate::store::row::Caller;
use crate::store::snapshot::NewSnapshot;
use crate::{flow, guc, store};

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
            Ok(Plan::Dequeue { max_attempts }) => {
                match assign(&candidate, environment, from, max_attempts, settings) {
                    Ok(assignment) => {
                        dequeued.push(Dequeued {
                            snapshot_id: candidate.run.next_snapshot_id(),
                            limits: environment.limits(&candidate.queue),
                            assignment,
                            candidate,
                            carried: Carried::default(),
                            begun: None,
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
    if !dequeued.is_empty() {
        match from.purpose {
            Purpose::Look => {
                return Outcome {
                    runs: dequeued,
                    ..Outcome::default()
                };
            }
            Purpose::HandOut => claim(from, &mut dequeued, caller, settings),
            Purpose::Start { is_warm } => {
                dequeued = dequeue_and_start(from, dequeued, is_warm, caller, settings);
            }
        }
    }
    apply(from, &others, limits, caller, settings);
    Outcome {
        runs: dequeued,
        slots: i64::try_from(slots).unwrap_or(i64::MAX),
        has_set_aside: !others.is_empty(),
        is_busy: false,
    }
}

fn claim(from: Source<'_>, runs: &mut [Dequeued], caller: Caller<'_>, settings: &Settings) {
    let (now, base_cost) = (settings.now, guc::base_cost_in_cents());
    if !store::queue_item::hand_out::are_simple(runs) {
        store::queue_item::hand_out::apply(from, runs, base_cost, caller, settings);
        return;
    }
    let interval_ms = interval_ms(ExecutionStatus::PendingExecuting, settings);
    let snapshots = runs.iter().map(dequeue_snapshot);
    let mut positions = Positions::draw(runs.len());
    store::snapshot::insert(snapshots, &mut positions, caller, now);
    store::queue_item::hand_out::insert_deadlines(from, runs, interval_ms, now);
    store::queue_item::hand_out::dequeue(from, runs, base_cost, now);
}

/// Claims runs, and starts those without an attempt so far that carry nothing: their state moves once, and no snapshot inherits.
fn dequeue_and_start(
    from: Source<'_>,
    runs: Vec<Dequeued>,
    is_warm: bool,
    caller: Caller<'_>,
    settings: &Settings,
) -> Vec<Dequeued> {
    let order: Vec<RunId> = column(&runs, |dequeued| dequeued.candidate.run.id.clone());
    let (mut fresh, mut again) = (Vec::new(), Vec::new());
    for mut dequeued in runs {
        let carries = dequeued.candidate.carries;
        match first_attempt(&dequeued.candidate.run).filter(|_| !carries) {
            Some(attempt_number) => {
                let snapshot_id = dequeued.snapshot_id.next(dequeued.ordinal() + 1);
                dequeued.begun = Some(Begun {
                    attempt_number,
                    snapshot_id,
                });
                fresh.push(dequeued);
            }
            None => again.push(dequeued),
        }
    }
    if !fresh.is_empty() {
        start(from, &fresh, is_warm, caller, settings);
    }
    if again.is_empty() {
        return fresh;
    }
    claim(from, &mut again, caller, settings);
    fresh.extend(again);
    let asked_order =
        |dequeued: &Dequeued| order.iter().position(|id| *id == dequeued.candidate.run.id);
    fresh.sort_by_cached_key(asked_order);
    fresh
}

/// Takes runs out of the queue, and starts their first attempts.
fn start(
    from: Source<'_>,
    runs: &[Dequeued],
    is_warm: bool,
    caller: Caller<'_>,
    settings: &Settings,
) {
    let (now, base_cost) = (settings.now, guc::base_cost_in_cents());
    let interval_ms = interval_ms(ExecutionStatus::Executing, settings);
    let mut positions = Positions::draw(runs.len() * 2);
    let snapshots = runs.iter().flat_map(first_snapshots);
    store::snapshot::insert(snapshots, &mut positions, caller, now);
    store::queue_item::hand_out::insert_deadlines(from, runs, interval_ms, now);
    store::queue_item::hand_out::start(from, runs, base_cost, is_warm, now);
}

/// The heartbeat interval of runs that a worker holds.
fn interval_ms(status: ExecutionStatus, settings: &Settings) -> i64 {
    match settings.heartbeats.interval_ms(status) {
        Some(interval_ms) => interval_ms,
        None => unreachable!("a run that a worker holds is watched"),
    }
}

/// The snapshot of a run's first dequeue, which inherits nothing. A run that was redriven after it began finished has the number of
/// no attempt, others none.
fn dequeue_snapshot(dequeued: &Dequeued) -> NewSnapshot<'_> {
    NewSnapshot {
        run_id: &dequeued.candidate.run.id,
        ordinal: dequeued.ordinal(),
        transition: Transition::Dequeued,
        execution_status: ExecutionStatus::PendingExecuting,
        run_status: RunStatus::Dequeued,
        attempt_number: dequeued.candidate.run.attempt_number,
        description: Transition::Dequeued.description(),
        machine: Some(dequeued.assignment.machine.as_str()),
        detail: None,
    }
}

/// The snapshots of a dequeue and of the start that comes with it.
fn first_snapshots(dequeued: &Dequeued) -> [NewSnapshot<'_>; 2] {
    let of_dequeue = dequeue_snapshot(dequeued);
    let begun = dequeued.begun();
    let of_start = NewSnapshot {
        ordinal: of_dequeue.ordinal + 1,
        transition: Transition::Started,
        execution_status: ExecutionStatus::Executing,
        run_status: RunStatus::Executing,
        attempt_number: Some(begun.attempt_number),
        description: Transition::Started.description(),
        machine: None,
        detail: None,
        ..of_dequeue
    };
    [of_dequeue, of_start]
}

/// Deletes due items of runs that are not queued. Nothing leaves one behind; but if one existed, every later dequeue would
/// read it.
pub(super) fn clear_strays(
    from: Source<'_>,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) {
    let found = store::queue_item::dequeue::strays(from, max_runs, settings.now);
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
            Plan::Dequeue { .. }
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
