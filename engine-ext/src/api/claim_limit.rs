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

/// Claims with the mutex held, until there are `max_runs` runs, or no more that may go: runs that no version does hide those
/// behind them, but only once, since they are set aside.
pub(super) fn claim_held(
    from: Source<'_>,
    environment: &Environment,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) -> Got {
    let mut all = Got::default();
    for _ in 0..ROUNDS {
        let left = max_runs - length(&all.claimed);
        let got = match environment.cap() {
            Some(cap) => claim_capped(from, environment, cap, left, caller, settings),
            None => claim_lanes(from, environment, left, caller, settings),
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
fn claim_capped(
    from: Source<'_>,
    environment: &Environment,
    cap: i64,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) -> Got {
    let wanted = i64::from(max_runs).min(cap);
    if wanted == 0 {
        return Got::default();
    }
    let mut reservation = match environment.reserves_slots && reservation::are_possible() {
        true => Some(Reservation::place(from.environment_id, wanted)),
        false => None,
    };
    // Counted after that, in a statement of its own.
    let count = || {
        let look = Look::now(from.environment_id, settings.now);
        let held = store::lane::slots_held(from, cap);
        match look {
            Some(look) if held >= cap => look.found_full(from.environment_id),
            _ => {}
        }
        held
    };
    let held = match &reservation {
        Some(reservation) => reservation
            .held_at_most(from.environment_id)
            .filter(|held| cap - held >= wanted)
            .unwrap_or_else(|| reservation.counted(from.environment_id, count())),
        None => count(),
    };
    let free = (cap - held).min(wanted);
    if free <= 0 {
        return match reservation.is_some_and(|reservation| reservation.has_others()) {
            true => Got::busy(),
            false => Got::default(),
        };
    }
    if let Some(reservation) = &mut reservation {
        reservation.narrow(free);
    }
    // No more than was wanted, which is an integer.
    let got = claim_lanes(from, environment, free as i32, caller, settings);
    if let Some(reservation) = reservation {
        reservation.keep(got.slots);
    }
    got
}

/// Claims within the limits of queues, and of lanes, whatever the environment's is.
fn claim_lanes(
    from: Source<'_>,
    environment: &Environment,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) -> Got {
    let window = FIRST_WINDOW.max(max_runs.saturating_mul(2));
    match environment.has_lanes() && store::lane::are_due(from, environment, window, settings.now) {
        true => claim_limited(from, environment, max_runs, window, caller, settings),
        false => claim_open(from, environment, max_runs, caller, settings),
    }
}

/// Claims where there is nothing to do with lanes that have a limit.
fn claim_open(
    from: Source<'_>,
    environment: &Environment,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) -> Got {
    let got = claim_unlimited(from, environment, max_runs, caller, settings);
    if length(&got.claimed) < max_runs && !got.has_set_aside {
        clear_strays(from, max_runs, caller, settings);
    }
    got
}

/// Claims where lanes have limits, and looks at `window` items first that are in no lane yet.
fn claim_limited(
    from: Source<'_>,
    environment: &Environment,
    max_runs: i32,
    mut window: i32,
    caller: Caller<'_>,
    settings: &Settings,
) -> Got {
    let is_alone = environment.needs_mutex();
    let mut all = Got::default();
    while length(&all.claimed) < max_runs {
        let left = max_runs - length(&all.claimed);
        let mut seen =
            store::lane::candidates(from, environment, left, window, is_alone, settings.now);
        if seen.is_empty() {
            clear_strays(from, left, caller, settings);
            break;
        }
        all.is_busy |= !is_alone && seen.hold(from, environment);
        all.add(claim_seen(
            from,
            environment,
            &mut seen,
            left,
            caller,
            settings,
        ));
        let blocked = seen.blocked();
        let changed = seen.changed(&blocked);
        if !changed.is_empty() {
            store::lane::settle(from, environment, &changed, &blocked);
        }
        // Whoever filed something sees other items next time; else there is nothing left that may go.
        if blocked.is_empty() {
            break;
        }
        window = (window * 4).min(LARGEST_WINDOW);
    }
    if !is_alone {
        // What stands behind runs of lanes that others hold.
        let left = max_runs - length(&all.claimed);
        all.add(claim_unlimited(from, environment, left, caller, settings));
    }
    all
}

/// Claims up to `max_runs` of the runs that were seen.
fn claim_seen(
    from: Source<'_>,
    environment: &Environment,
    seen: &mut Seen,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) -> Got {
    let mut all = Got::default();
    loop {
        let left = max_runs - length(&all.claimed);
        let (held, free) = seen.admit(usize::try_from(left).unwrap_or(0));
        let ids: Vec<&RunId> = held.iter().map(|(_, item)| &item.run_id).collect();
        let candidates = match ids.is_empty() {
            true => Vec::new(),
            false => store::claim::lock_admitted(from, &ids),
        };
        let locked: BTreeSet<&RunId> = candidates
            .iter()
            .map(|candidate| &candidate.run.id)
            .collect();
        let is_all = locked.len() == held.len();
        for (lane, item) in &held {
            seen.take(*lane, item, locked.contains(&item.run_id));
        }
        all.add(hand_out(from, environment, candidates, caller, settings));
        // A run that somebody else has locked makes way for the next one.
        if is_all {
            // Lanes without a limit are nobody's: of these the next runs are taken that are free, however many others take some.
            let free = i32::try_from(free).unwrap_or(i32::MAX);
            all.add(claim_unlimited(from, environment, free, caller, settings));
            return all;
        }
    }
}

/// Claims up to `max_runs` runs of queues without a limit.
fn claim_unlimited(
    from: Source<'_>,
    environment: &Environment,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) -> Got {
    if max_runs == 0 {
        return Got::default();
    }
    let limited: Vec<&str> = environment.queue_caps().map(|(queue, _)| queue).collect();
    let candidates = store::claim::lock(from, &limited, max_runs, settings.now);
    hand_out(from, environment, candidates, caller, settings)
}
