//! Claims in one environment, with its mutex held.
//!
//! Where nothing is limited, claimers share the mutex and take what they can lock. Where a queue has a limit they take the lanes
//! that they want slots of, each for itself, count, in a later statement, and take what core admits: between the count and the
//! commit nobody else can take a slot of these lanes, and whoever gives one back only makes room. Where the environment has a
//! limit they reserve slots of it first, or, where that is not possible, have the mutex alone.

use std::collections::BTreeSet;

use engine_core::{Environment, RunId, Settings};

use super::hand_out::{Got, clear_strays, hand_out, length};
use crate::store;
use crate::store::claim::Source;
use crate::store::lane::Seen;
use crate::store::reservation::{self, Reservation};
use crate::store::run::Caller;
use crate::store::saturation::Look;

/// How often a call claims again that had to set runs aside.
const ROUNDS: i32 = 100;
/// Items that are in no lane yet, of which a claimer looks at this many first, and at most at that many at a time.
const FIRST_WINDOW: i32 = 48;
const LARGEST_WINDOW: i32 = 4096;

/// A claimer in one environment.
pub(super) struct Claimer<'a> {
    pub(super) from: Source<'a>,
    pub(super) environment: &'a Environment,
    pub(super) caller: Caller<'a>,
    pub(super) settings: &'a Settings,
}

impl Claimer<'_> {
    /// Claims with the mutex held, until there are `max_runs` runs, or no more that may go: runs that no version does hide those
    /// behind them, but only once, since they are set aside.
    pub(super) fn claim(&self, max_runs: i32) -> Got {
        let mut all = Got::default();
        for _ in 0..ROUNDS {
            let left = max_runs - length(&all.claimed);
            let got = match self.environment.cap() {
                Some(cap) => self.claim_capped(cap, left),
                None => self.claim_lanes(left),
            };
            let goes_on = got.has_set_aside;
            all.add(got);
            if !goes_on || length(&all.claimed) >= max_runs {
                break;
            }
        }
        all
    }

    /// Claims where the environment has a limit: no more than `cap` of its slots are held.
    fn claim_capped(&self, cap: i64, max_runs: i32) -> Got {
        let wanted = i64::from(max_runs).min(cap);
        if wanted == 0 {
            return Got::default();
        }
        let mut reservation = if self.environment.reserves_slots && reservation::are_possible() {
            Some(Reservation::place(self.from.environment_id, wanted))
        } else {
            None
        };
        let held = self.held(cap, wanted, reservation.as_ref());
        let free = (cap - held).min(wanted);
        if free <= 0 {
            return if reservation.is_some_and(|reservation| reservation.has_others()) {
                Got::busy()
            } else {
                Got::default()
            };
        }
        if let Some(reservation) = &mut reservation {
            reservation.narrow(free);
        }
        // No more than was wanted, which is an integer.
        let got = self.claim_lanes(free as i32);
        if let Some(reservation) = reservation {
            reservation.keep(got.slots);
        }
        got
    }

    /// The slots that are held, or reserved by others; or more than these, if even that leaves as many as are wanted. They are
    /// counted after the reservation was placed, in a statement of its own.
    fn held(&self, cap: i64, wanted: i64, reservation: Option<&Reservation>) -> i64 {
        let id = self.from.environment_id;
        let Some(reservation) = reservation else {
            return self.count(cap);
        };
        reservation
            .held_at_most(id)
            .filter(|held| cap - held >= wanted)
            .unwrap_or_else(|| reservation.counted(self.environment, self.count(cap)))
    }

    /// Counts the slots that are held; from `cap` on it does not matter.
    fn count(&self, cap: i64) -> i64 {
        let id = self.from.environment_id;
        let look = Look::now(id, self.settings.now);
        let held = store::lane::slots_held(self.from, self.environment, cap);
        if let Some(look) = look.filter(|_| held >= cap && self.environment.is_fitted) {
            look.found_full(id);
        }
        held
    }

    /// Claims within the limits of queues, and of lanes, whatever the environment's is.
    fn claim_lanes(&self, max_runs: i32) -> Got {
        let window = FIRST_WINDOW.max(max_runs.saturating_mul(2));
        if self.environment.has_lanes()
            && store::lane::are_due(self.from, self.environment, window, self.settings.now)
        {
            self.claim_limited(max_runs, window)
        } else {
            self.claim_open(max_runs)
        }
    }

    /// Claims where there is nothing to do with lanes that have a limit.
    fn claim_open(&self, max_runs: i32) -> Got {
        let got = self.claim_unlimited(max_runs);
        if length(&got.claimed) < max_runs && !got.has_set_aside {
            clear_strays(self.from, max_runs, self.caller, self.settings);
        }
        got
    }

    /// Claims where lanes have limits, and looks at `window` items first that are in no lane yet.
    fn claim_limited(&self, max_runs: i32, mut window: i32) -> Got {
        let is_alone = self.environment.needs_mutex();
        let mut all = Got::default();
        let mut before = Vec::new();
        while length(&all.claimed) < max_runs {
            let left = max_runs - length(&all.claimed);
            let mut seen = store::lane::candidates(
                self.from,
                self.environment,
                left,
                window,
                is_alone,
                self.settings.now,
            );
            if seen.is_empty() {
                clear_strays(self.from, left, self.caller, self.settings);
                break;
            }
            all.is_busy |= !is_alone && seen.hold(self.from, self.environment);
            all.add(self.claim_seen(&mut seen, left));
            let blocked = seen.blocked();
            let changed = seen.changed(&blocked);
            if !changed.is_empty() {
                store::lane::settle(self.from, self.environment, &changed, &blocked);
            }
            // Whoever filed something sees other items next time; else there is nothing left that may go. An item that is not to be
            // filed is one that somebody claims by other settings.
            if blocked.is_empty() || blocked == before {
                break;
            }
            before = blocked;
            window = (window * 4).min(LARGEST_WINDOW);
        }
        if !is_alone {
            // What stands behind runs of lanes that others hold.
            let left = max_runs - length(&all.claimed);
            all.add(self.claim_unlimited(left));
        }
        all
    }

    /// Claims up to `max_runs` of the runs that were seen.
    fn claim_seen(&self, seen: &mut Seen, max_runs: i32) -> Got {
        let mut all = Got::default();
        loop {
            let left = max_runs - length(&all.claimed);
            let (held, free) = seen.admit(usize::try_from(left).unwrap_or(0));
            let ids: Vec<&RunId> = held.iter().map(|(_, item)| &item.run_id).collect();
            let candidates = if ids.is_empty() {
                Vec::new()
            } else {
                store::claim::lock_admitted(self.from, &ids)
            };
            let locked: BTreeSet<&RunId> = candidates
                .iter()
                .map(|candidate| &candidate.run.id)
                .collect();
            let is_all = locked.len() == held.len();
            for (lane, item) in &held {
                seen.take(*lane, item, locked.contains(&item.run_id));
            }
            all.add(hand_out(
                self.from,
                self.environment,
                candidates,
                self.caller,
                self.settings,
            ));
            // A run that somebody else has locked makes way for the next one.
            if is_all {
                // Lanes without a limit are nobody's: of these the next runs are taken that are free, however many others take some.
                let free = i32::try_from(free).unwrap_or(i32::MAX);
                all.add(self.claim_unlimited(free));
                return all;
            }
        }
    }

    /// Claims up to `max_runs` runs of queues without a limit.
    fn claim_unlimited(&self, max_runs: i32) -> Got {
        if max_runs == 0 {
            return Got::default();
        }
        let limited: Vec<&str> = self
            .environment
            .queue_caps()
            .map(|(queue, _)| queue)
            .collect();
        let candidates = store::claim::lock(self.from, &limited, max_runs, self.settings.now);
        hand_out(
            self.from,
            self.environment,
            candidates,
            self.caller,
            self.settings,
        )
    }
}
