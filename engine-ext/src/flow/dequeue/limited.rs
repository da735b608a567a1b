//! Dequeues in an environment with limits.
//!
//! If a queue has a limit, a session takes the lanes from which it wants slots, counts in a later statement, and takes what
//! core chooses: between the count and the commit no other session can take a slot of these lanes, and one that gives a slot
//! back only makes room. If the environment has a limit, it reserves slots of it first, or, where that is not possible,
//! holds the mutex exclusively.

use std::collections::BTreeSet;

use engine_core::RunId;

use super::hand_out::clear_strays;
use super::lanes;
use super::lanes::Seen;
use super::outcome::Outcome;
use super::unlimited::Dequeuer;
use crate::backend::value::count;
use crate::shared::reservation::Reservation;
use crate::shared::saturation::Look;
use crate::{shared, store};

/// Number of unfiled items that a dequeue reads first, and most that it reads at a time.
const FIRST_WINDOW: i32 = 48;

const LARGEST_WINDOW: i32 = 4096;

impl Dequeuer<'_> {
    /// Dequeues up to `max_runs` runs within the limits of the environment, its queues and their lanes.
    pub(super) fn limited(&self, max_runs: i32) -> Outcome {
        self.until_full(max_runs, |left| match self.environment.cap() {
            Some(cap) => self.within_environment_limit(cap, left),
            None => self.within_queue_limits(left),
        })
    }

    /// Dequeues in an environment with a limit: no more than `cap` of its slots are held.
    fn within_environment_limit(&self, cap: i64, max_runs: i32) -> Outcome {
        let wanted = i64::from(max_runs).min(cap);
        if wanted == 0 {
            return Outcome::default();
        }
        let mut reservation = (self.environment.reserves_slots && shared::is_available())
            .then(|| Reservation::reserve(self.from.environment_id, wanted));
        let held = self.held(cap, wanted, reservation.as_ref());
        let free = (cap - held).min(wanted);
        if free <= 0 {
            return if reservation.is_some_and(|reservation| reservation.has_others()) {
                Outcome::busy()
            } else {
                Outcome::default()
            };
        }
        if let Some(reservation) = &mut reservation {
            reservation.narrow(free);
        }
        // At most the wanted number, which is an integer.
        let outcome = self.within_queue_limits(free as i32);
        if let Some(reservation) = reservation {
            reservation.keep(outcome.slots);
        }
        outcome
    }

    /// The slots that are held, or reserved by other sessions; or an upper bound, if even that leaves as many as are wanted.
    /// They are counted after the reservation was placed, in a separate statement.
    fn held(&self, cap: i64, wanted: i64, reservation: Option<&Reservation>) -> i64 {
        let id = self.from.environment_id;
        let Some(reservation) = reservation else {
            return self.slots_held(cap);
        };
        reservation
            .held_at_most(id)
            .filter(|held| cap - held >= wanted)
            .unwrap_or_else(|| reservation.counted(self.environment, self.slots_held(cap)))
    }

    /// Counts the held slots, up to `cap`.
    fn slots_held(&self, cap: i64) -> i64 {
        let id = self.from.environment_id;
        let look = Look::now(id, self.settings.now);
        let held = store::queue_item::lane::slots_held(self.from, self.environment, cap);
        if let Some(look) = look.filter(|_| held >= cap && self.environment.is_fitted) {
            look.found_full(id);
        }
        held
    }

    /// Dequeues within the limits of queues and of lanes, regardless of the environment's limit.
    fn within_queue_limits(&self, max_runs: i32) -> Outcome {
        let window = FIRST_WINDOW.max(max_runs.saturating_mul(2));
        if self.environment.has_lanes()
            && store::queue_item::lane::are_due(
                self.from,
                self.environment,
                window,
                self.settings.now,
            )
        {
            self.by_lane(max_runs, window)
        } else {
            self.open(max_runs)
        }
    }

    /// Dequeues where lanes have limits, and reads `window` unfiled items first.
    fn by_lane(&self, max_runs: i32, mut window: i32) -> Outcome {
        let is_alone = self.environment.needs_mutex();
        let mut all = Outcome::default();
        let mut before = Vec::new();
        while count(&all.runs) < max_runs {
            let left = max_runs - count(&all.runs);
            let mut seen = lanes::look(
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
            all.add(self.take_seen(&mut seen, left));
            let blocked = seen.blocked();
            let changed = seen.changed(&blocked);
            if !changed.is_empty() {
                store::queue_item::lane::settle(self.from, self.environment, &changed, &blocked);
            }
            // A dequeue that filed something sees other items next time; otherwise no item is left that can start. An item
            // that is not to be filed is being claimed by a session with other settings.
            if blocked.is_empty() || blocked == before {
                break;
            }
            before = blocked;
            window = (window * 4).min(LARGEST_WINDOW);
        }
        if !is_alone {
            // Runs behind lanes that other sessions hold.
            let left = max_runs - count(&all.runs);
            all.add(self.take_unlimited(left).0);
        }
        all
    }

    /// Claims up to `max_runs` of the runs that were read.
    fn take_seen(&self, seen: &mut Seen, max_runs: i32) -> Outcome {
        let mut all = Outcome::default();
        loop {
            let left = max_runs - count(&all.runs);
            let (held, free) = seen.choose(usize::try_from(left).unwrap_or(0));
            let ids: Vec<&RunId> = held.iter().map(|(_, item)| &item.run_id).collect();
            let candidates = if ids.is_empty() {
                Vec::new()
            } else {
                store::queue_item::dequeue::lock_chosen(self.from, &ids)
            };
            let locked: BTreeSet<&RunId> = candidates
                .iter()
                .map(|candidate| &candidate.run.id)
                .collect();
            let is_all = locked.len() == held.len();
            for (lane, item) in &held {
                seen.take(*lane, item, locked.contains(&item.run_id));
            }
            all.add(self.hand_out(candidates));
            // A run that another session has locked is replaced by the next one.
            if is_all {
                // Lanes without a limit are not held: the next free runs of these are taken, however many other sessions
                // take.
                let free = i32::try_from(free).unwrap_or(i32::MAX);
                all.add(self.take_unlimited(free).0);
                return all;
            }
        }
    }
}
