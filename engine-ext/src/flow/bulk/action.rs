//! What a bulk action does to some runs.

use std::collections::BTreeSet;

use engine_core::{
    BulkAction, BulkId, Cancel, Command, Plan, Refusal, Release, Run, RunId, Settings, Shard,
    decide,
};

use super::transfer;
use crate::backend::{locks, subtransaction};
use crate::flow::removal;
use crate::flow::transition::Transitions;
use crate::store::bulk_action::Tally;
use crate::store::removal::Spans;
use crate::store::row::Caller;
use crate::store::run_match::{self, Wanted};
use crate::{flow, store};

/// SQLSTATE of a run that something else still needs, and that is not forgotten: object in use.
const NEEDED: &str = "55006";

pub(super) struct Action<'a> {
    pub(super) shard: Shard,
    pub(super) id: &'a BulkId,
    pub(super) action: &'a BulkAction,
    pub(super) reason: Option<&'a str>,
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) settings: &'a Settings,
}

impl Action<'_> {
    /// Acts on these runs, in the order of their ids, unless they have moved on; those that are locked are left for later.
    pub(super) fn on(&self, ids: &[&RunId]) -> Tally {
        if *self.action == BulkAction::Forget {
            return self.forget(ids);
        }
        let runs = store::run::lock_free(self.shard, ids);
        let mut tally = Tally::default();
        self.note_others(ids, runs.iter().map(|run| &run.id).collect(), &mut tally);
        // Read once they are locked: from now on they stay what they are.
        let locked: Vec<&RunId> = runs.iter().map(|run| &run.id).collect();
        let wanted: BTreeSet<RunId> = run_match::among(self.shard, self.wanted, &locked)
            .into_iter()
            .collect();
        let runs: Vec<&Run> = runs.iter().filter(|run| wanted.contains(&run.id)).collect();
        tally.skipped += count(locked.len() - runs.len());
        let done = match self.action {
            BulkAction::Replay { keep_steps } => self.replay(&runs, *keep_steps, &mut tally),
            _ => self.change(&runs, &mut tally),
        };
        store::bulk_action::mark(self.shard, &done.iter().collect::<Vec<_>>(), self.id);
        tally
    }

    /// Counts the runs among these that were not locked: another session has locked them, or they are gone.
    fn note_others(&self, ids: &[&RunId], locked: BTreeSet<&RunId>, tally: &mut Tally) {
        let others: Vec<&RunId> = ids
            .iter()
            .copied()
            .filter(|id| !locked.contains(id))
            .collect();
        if others.is_empty() {
            return;
        }
        let there = store::run::existing(&others);
        tally.skipped += count(others.len() - there.len());
        tally.locked.extend(there);
    }

    /// Changes locked runs; returns those that have changed.
    fn change(&self, runs: &[&Run], tally: &mut Tally) -> Vec<RunId> {
        let mut transitions = Transitions::new(self.shard, Caller::default(), self.settings);
        let (mut done, mut entering) = (Vec::new(), 0);
        for run in runs {
            let plan = match self.plan(run, &mut entering) {
                Ok(Some((plan, last_ordinal))) => Ok((plan, last_ordinal)),
                Ok(None) => Err(None),
                Err(refusal) => Err(Some(refusal)),
            };
            match plan {
                Ok((Plan::Keep, _)) | Err(None) => tally.skipped += 1,
                Ok((plan, last_ordinal)) => {
                    tally.done += 1;
                    transitions.add_after(run, last_ordinal, plan);
                    done.push(run.id.clone());
                }
                Err(Some(refusal)) => tally.refuse(refusal.sqlstate()),
            }
        }
        flow::settle::apply(transitions);
        done
    }

    /// What becomes of a locked run, and the ordinal of its last snapshot; `None` if it stays as it is. `entering` runs are to enter
    /// another queue, and are not there yet.
    fn plan(&self, run: &Run, entering: &mut i64) -> Result<Option<(Plan, i32)>, Refusal> {
        let decide = |command| decide(run, command, self.settings);
        let ordinal = run.snapshot_ordinal;
        let plan = match self.action {
            BulkAction::Cancel => {
                let cancel = Cancel {
                    reason: self.reason.map(str::to_owned),
                    ..Cancel::default()
                };
                decide(Command::Cancel(&cancel))?
            }
            BulkAction::Redrive => {
                flow::keep::check(&run.id)?;
                let plan = decide(Command::Redrive)?;
                return Ok(Some((plan, store::run::last_ordinal(run))));
            }
            BulkAction::Release => {
                let release = Release {
                    timing: flow::timing::of(run),
                    is_between_attempts: store::release::is_between_attempts(run),
                };
                decide(Command::Release {
                    snapshot_id: &run.snapshot_id,
                    release: &release,
                })?
            }
            BulkAction::Reschedule { time } => {
                flow::attempt::reschedule::prepare(run, *time, self.settings)?
            }
            BulkAction::Move { queue } => {
                match transfer::to_queue(run, queue, entering, self.settings)? {
                    Some(plan) => plan,
                    None => return Ok(None),
                }
            }
            BulkAction::SetPriority { priority_ms } => {
                transfer::to_priority(run, *priority_ms, self.settings)?
            }
            BulkAction::Replay { .. } | BulkAction::Forget => {
                unreachable!("they change no run")
            }
        };
        Ok(Some((plan, ordinal)))
    }

    /// Triggers runs that do the work of these again; returns both.
    fn replay(&self, runs: &[&Run], keep_steps: bool, tally: &mut Tally) -> Vec<RunId> {
        let mut done = Vec::new();
        for run in runs {
            pgrx::check_for_interrupts!();
            let (environment_id, _) = store::delay::place(&run.id);
            if !flow::quota::try_lock(&environment_id) {
                tally.locked.push(run.id.clone());
                continue;
            }
            let now = flow::now();
            let replay = || flow::replay::replay(&run.id, keep_steps, now);
            // A replay that keeps steps may be refused after it has written.
            let answer = if keep_steps {
                subtransaction::answer(replay)
            } else {
                Ok(replay())
            };
            match answer {
                Ok(answer) => {
                    if let Some(triggered) = tally.count(answer) {
                        let new = triggered.iter().map(|new| new.run_id().clone());
                        done.extend(new.filter(|new| new.shard() == self.shard));
                        done.push(run.id.clone());
                    }
                }
                Err(sqlstate) => tally.refuse(&sqlstate),
            }
        }
        done
    }

    /// Forgets runs that have ended.
    fn forget(&self, ids: &[&RunId]) -> Tally {
        let mut tally = Tally::default();
        if !locks::try_sweep() {
            tally.locked.extend(ids.iter().map(|id| (*id).clone()));
            return tally;
        }
        let wanted = run_match::among(self.shard, self.wanted, ids);
        tally.skipped += count(ids.len() - wanted.len());
        let ids: Vec<&RunId> = wanted.iter().collect();
        let spans = Spans::single(ids.iter().map(|id| id.as_str()));
        let ended = removal::lock(self.shard, &ids, &spans);
        let locked: BTreeSet<RunId> = ended.iter().map(|run| run.id.clone()).collect();
        self.note_others(&ids, locked.iter().collect(), &mut tally);
        let gone = removal::remove(self.shard, ended, &spans, self.settings.now);
        tally.done += count(gone.len());
        for _ in gone.len()..locked.len() {
            tally.refuse(NEEDED);
        }
        tally
    }
}

fn count(runs: usize) -> i64 {
    i64::try_from(runs).unwrap_or(i64::MAX)
}
