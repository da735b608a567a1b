//! Lanes: what a dequeue chooses from where there are limits.
//!
//! A lane is the runs of one concurrency key of a queue, which share a limit.

use std::collections::BTreeSet;

use engine_core::{Environment, Lane, RunId, Timestamp, choose};

use crate::backend::locks;
use crate::store::queue_item::lane::Item;
use crate::store::queue_item::{Source, lane};

/// The lanes that a dequeue has read.
pub(super) struct Seen {
    lanes: Vec<SeenLane>,
}

struct SeenLane {
    lane: Lane<Item>,
    /// Whether this dequeue holds the lane.
    is_held: bool,
    /// Whether the lane differs from its row: a slot was given back, a filed item was claimed, or it has no item.
    is_changed: bool,
}

/// Reads the lanes from which a dequeue of up to `max_runs` runs chooses, with up to `unfiled` items that are not filed yet.
/// Their slots are counted here if the environment's mutex is held exclusively (`counts`); otherwise [`Seen::hold`] counts
/// them, after it has taken the lanes.
pub(super) fn look(
    from: Source<'_>,
    environment: &Environment,
    max_runs: i32,
    unfiled: i32,
    counts: bool,
    now: Timestamp,
) -> Seen {
    let rows = lane::candidates(from, environment, max_runs, unfiled, counts, now);
    let mut lanes: Vec<SeenLane> = Vec::new();
    for (mut lane, is_released, item) in rows {
        let is_same = |last: &&mut SeenLane| {
            last.lane.queue == lane.queue && last.lane.concurrency_key == lane.concurrency_key
        };
        match lanes.last_mut().filter(is_same) {
            Some(last) => last.lane.items.extend(item),
            None => {
                let is_changed = is_released || item.is_none();
                lane.items.extend(item);
                lanes.push(SeenLane {
                    lane,
                    is_held: true,
                    is_changed,
                });
            }
        }
    }
    Seen { lanes }
}

impl Seen {
    /// Whether there is nothing to choose from, and nothing to settle.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Takes the lanes that have a limit, or are left from an earlier limit, one by one, and counts their slots; returns
    /// whether other sessions hold some of them.
    pub(super) fn hold(&mut self, from: Source<'_>, environment: &Environment) -> bool {
        let before = self.lanes.len();
        self.lanes.retain_mut(|seen| {
            let (queue, key) = (&seen.lane.queue, &seen.lane.concurrency_key);
            let has_filed = seen.lane.items.iter().any(|item| item.is_filed);
            seen.is_held = environment.cap_of(queue).is_some() || has_filed || seen.is_changed;
            !seen.is_held || locks::try_lane(from.environment_id, queue, key)
        });
        let is_held = |seen: &&mut SeenLane| seen.is_held;
        let limited: Vec<&mut SeenLane> = self.lanes.iter_mut().filter(is_held).collect();
        count(from, environment, limited);
        self.lanes.len() < before
    }

    /// Up to `max` items that can start: those of held lanes, in order, each with its lane; and the number of the others.
    pub(super) fn choose(&self, max: usize) -> (Vec<(usize, Item)>, usize) {
        let lanes: Vec<&Lane<Item>> = self.lanes.iter().map(|seen| &seen.lane).collect();
        let mut chosen = choose(&lanes, max, |item| (item.available_at, item.run_id.clone()));
        let all = chosen.len();
        chosen.retain(|(lane, _)| self.lanes[*lane].is_held);
        let others = all - chosen.len();
        (chosen, others)
    }

    /// Removes an item that was chosen: it took a slot, or another session has its run.
    pub(super) fn take(&mut self, lane: usize, item: &Item, got_slot: bool) {
        let seen = &mut self.lanes[lane];
        seen.lane.items.retain(|other| other.run_id != item.run_id);
        if got_slot {
            seen.lane.free -= 1;
            seen.is_changed |= item.is_filed;
        }
    }

    /// Items that are not filed yet, and cannot start until a slot of their lane is given back.
    pub(super) fn blocked(&self) -> Vec<RunId> {
        self.lanes
            .iter()
            .flat_map(|seen| seen.lane.blocked())
            .filter(|item| !item.is_filed)
            .map(|item| item.run_id.clone())
            .collect()
    }

    /// The lanes to settle after `blocked` items are filed.
    pub(super) fn changed(&self, blocked: &[RunId]) -> Vec<&Lane<Item>> {
        let blocked: BTreeSet<&RunId> = blocked.iter().collect();
        self.lanes
            .iter()
            .filter(|seen| {
                let mut items = seen.lane.items.iter();
                seen.is_changed || items.any(|item| blocked.contains(&item.run_id))
            })
            .map(|seen| &seen.lane)
            .collect()
    }
}

/// Counts the free slots of held lanes.
fn count(from: Source<'_>, environment: &Environment, held: Vec<&mut SeenLane>) {
    if held.is_empty() {
        return;
    }
    let lanes: Vec<(&str, &str, i32)> = held
        .iter()
        .map(|seen| {
            let cap = environment.cap_of(&seen.lane.queue).unwrap_or(i32::MAX);
            (
                seen.lane.queue.as_str(),
                seen.lane.concurrency_key.as_str(),
                cap,
            )
        })
        .collect();
    let free = lane::free(from, environment, &lanes);
    for (seen, free) in held.into_iter().zip(free) {
        seen.lane.free = free;
    }
}
