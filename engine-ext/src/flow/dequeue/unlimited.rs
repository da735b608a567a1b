//! Dequeues in an environment without limits: sessions share its mutex and take what they can lock.

use engine_core::{Environment, Settings};

use super::hand_out::{clear_strays, hand_out};
use super::outcome::Outcome;
use crate::backend::value::count;
use crate::store;
use crate::store::queue_item::Source;
use crate::store::queue_item::dequeue::Candidate;
use crate::store::row::Caller;

/// How often a call looks again after it had to set runs aside.
const ROUNDS: i32 = 100;

/// A dequeue in one environment, with its mutex held.
pub(super) struct Dequeuer<'a> {
    pub(super) from: Source<'a>,
    pub(super) environment: &'a Environment,
    pub(super) caller: Caller<'a>,
    pub(super) settings: &'a Settings,
}

impl Dequeuer<'_> {
    /// Dequeues up to `max_runs` runs where nothing is limited. Runs that no version executes hide those behind them, but
    /// only once, since they are set aside.
    pub(super) fn unlimited(&self, max_runs: i32) -> Outcome {
        self.until_full(max_runs, |left| self.open(left))
    }

    /// Looks again while it found only runs to set aside.
    pub(super) fn until_full(&self, max_runs: i32, look: impl Fn(i32) -> Outcome) -> Outcome {
        let mut all = Outcome::default();
        for _ in 0..ROUNDS {
            let outcome = look(max_runs - count(&all.runs));
            let has_set_aside = outcome.has_set_aside;
            all.add(outcome);
            if !has_set_aside || count(&all.runs) >= max_runs {
                break;
            }
        }
        all
    }

    /// Dequeues runs without limits; if that is less than wanted, items of runs that are not queued are cleared.
    pub(super) fn open(&self, max_runs: i32) -> Outcome {
        let (outcome, has_due) = self.take_unlimited(max_runs);
        if has_due && count(&outcome.runs) < max_runs && !outcome.has_set_aside {
            clear_strays(self.from, max_runs, self.caller, self.settings);
        }
        outcome
    }

    /// Dequeues up to `max_runs` runs of queues without a limit; returns as well whether other items may be due.
    pub(super) fn take_unlimited(&self, max_runs: i32) -> (Outcome, bool) {
        if max_runs == 0 {
            return (Outcome::default(), false);
        }
        let limited: Vec<&str> = self
            .environment
            .queue_caps()
            .map(|(queue, _)| queue)
            .collect();
        let locked =
            store::queue_item::dequeue::lock(self.from, &limited, max_runs, self.settings.now);
        (self.hand_out(locked.candidates), locked.has_due)
    }

    /// Hands locked runs to the caller.
    pub(super) fn hand_out(&self, candidates: Vec<Candidate>) -> Outcome {
        hand_out(
            self.from,
            self.environment,
            candidates,
            self.caller,
            self.settings,
        )
    }
}
