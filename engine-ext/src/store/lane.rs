//! Lanes: what a claimer has to choose from where there are limits, and how it leaves them.

use std::collections::BTreeSet;

use engine_core::{Environment, Lane, RunId, Timestamp, admit};
use pgrx::datum::TimestampWithTimeZone;

use super::claim::Source;
use super::mutex;
use super::run::{column, time};
use super::statement::{Cells, Statement, arguments, statement};

static CANDIDATES: Statement = statement!("claim_candidates.sql");
static DUE: Statement = statement!("lane_due.sql");
static COUNT: Statement = statement!("slot_count.sql");
static COUNT_LANES: Statement = statement!("lane_count.sql");
static SETTLE: Statement = statement!("lane_settle.sql");

/// A due item that a claimer has seen.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its run.
    pub(crate) run_id: RunId,
    /// Its place.
    pub(crate) available_at: i64,
    /// Whether its lane is where it is found.
    pub(crate) is_filed: bool,
}

/// How many slots of an environment are held; from `cap` on it does not matter.
pub(crate) fn slots_held(from: Source<'_>, environment: &Environment, cap: i64) -> i64 {
    let arguments = arguments![
        from.shard.number(),
        from.environment_id,
        cap,
        !environment.is_fitted,
    ];
    let held: Option<i64> = COUNT.query(arguments, Cells::value).pop();
    held.unwrap_or(0)
}

/// Whether a claimer has to look at lanes; it looks at `unfiled` items that are in none yet.
pub(crate) fn are_due(
    from: Source<'_>,
    environment: &Environment,
    unfiled: i32,
    now: Timestamp,
) -> bool {
    if environment.lane_cap().is_some() || !environment.is_fitted {
        return true;
    }
    let limited: Vec<&str> = environment.queue_caps().map(|(queue, _)| queue).collect();
    let due = from.scan(now, |low| {
        DUE.query(
            arguments![
                from.shard.number(),
                from.worker_queue,
                from.environment_id,
                time(now),
                unfiled,
                limited,
                time(low),
            ],
            Cells::value,
        )
    });
    due.into_iter().next().unwrap_or(true)
}

/// What a claimer has seen.
pub(crate) struct Seen {
    lanes: Vec<SeenLane>,
}

struct SeenLane {
    lane: Lane<Item>,
    /// Whether this claimer has the lane to itself.
    is_held: bool,
    /// Whether the lane is not any more as its row says: a slot of it was given back, a filed item of it went, or it has none.
    is_changed: bool,
}

impl Seen {
    /// Whether there is nothing to choose from, and nothing to settle.
    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Takes the lanes that have a limit, or are as they were left when they had one, each for itself, and counts their slots; gives
    /// whether others have some of them.
    pub(crate) fn hold(&mut self, from: Source<'_>, environment: &Environment) -> bool {
        let before = self.lanes.len();
        self.lanes.retain_mut(|seen| {
            let (queue, key) = (&seen.lane.queue, &seen.lane.concurrency_key);
            let has_filed = seen.lane.items.iter().any(|item| item.is_filed);
            seen.is_held = environment.cap_of(queue).is_some() || has_filed || seen.is_changed;
            !seen.is_held || mutex::try_lane(from.environment_id, queue, key)
        });
        let is_held = |seen: &&mut SeenLane| seen.is_held;
        let limited: Vec<&mut SeenLane> = self.lanes.iter_mut().filter(is_held).collect();
        if !limited.is_empty() {
            count(from, environment, limited);
        }
        self.lanes.len() < before
    }

    /// Up to `max` items that may go: those of lanes that are held, in their order, each with its lane; and how many of the
    /// others.
    pub(crate) fn admit(&self, max: usize) -> (Vec<(usize, Item)>, usize) {
        let lanes: Vec<&Lane<Item>> = self.lanes.iter().map(|seen| &seen.lane).collect();
        let mut admitted = admit(&lanes, max, |item| (item.available_at, item.run_id.clone()));
        let all = admitted.len();
        admitted.retain(|(lane, _)| self.lanes[*lane].is_held);
        let others = all - admitted.len();
        (admitted, others)
    }

    /// Takes an item away that was admitted: it got a slot, or somebody else has its run.
    pub(crate) fn take(&mut self, lane: usize, item: &Item, got_slot: bool) {
        let seen = &mut self.lanes[lane];
        seen.lane.items.retain(|other| other.run_id != item.run_id);
        if got_slot {
            seen.lane.free -= 1;
            seen.is_changed |= item.is_filed;
        }
    }

    /// Items that are not filed yet, and may not go before a slot of their lane is given back.
    pub(crate) fn blocked(&self) -> Vec<RunId> {
        self.lanes
            .iter()
            .flat_map(|seen| seen.lane.blocked())
            .filter(|item| !item.is_filed)
            .map(|item| item.run_id.clone())
            .collect()
    }

    /// The lanes that are to be settled once `blocked` items are filed.
    pub(crate) fn changed(&self, blocked: &[RunId]) -> Vec<&Lane<Item>> {
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

/// The lanes that a claimer of up to `max_runs` runs has to choose from, with up to `unfiled` items that are in none yet. It
/// counts their slots if the environment's mutex is held alone; else [`Seen::hold`] does, once the lanes are held.
pub(crate) fn candidates(
    from: Source<'_>,
    environment: &Environment,
    max_runs: i32,
    unfiled: i32,
    counts: bool,
    now: Timestamp,
) -> Seen {
    let caps: Vec<(&str, i32)> = environment.queue_caps().collect();
    let rows = from.scan(now, |low| {
        CANDIDATES.query(
            arguments![
                from.shard.number(),
                from.worker_queue,
                from.environment_id,
                time(now),
                max_runs,
                unfiled,
                column(&caps, |(queue, _)| *queue),
                column(&caps, |(_, cap)| *cap),
                environment.lane_cap().unwrap_or(i32::MAX),
                time(low),
                counts,
                !environment.is_fitted,
            ],
            row,
        )
    });
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

/// The rows of a lane come one after another.
fn row(cells: &mut Cells) -> (Lane<Item>, bool, Option<Item>) {
    let lane = Lane {
        queue: cells.value(),
        concurrency_key: cells.value(),
        free: usize::try_from(cells.value::<i64>()).unwrap_or(0),
        items: Vec::new(),
    };
    let is_released = cells.value();
    let (run_id, available_at, is_filed) = (
        cells.nullable::<String>(),
        cells.nullable::<TimestampWithTimeZone>(),
        cells.nullable::<bool>(),
    );
    let item = match (run_id, available_at, is_filed) {
        (Some(run_id), Some(available_at), Some(is_filed)) => Some(Item {
            run_id: RunId::parse(&run_id),
            available_at: available_at.into(),
            is_filed,
        }),
        _ => None,
    };
    (lane, is_released, item)
}

/// Counts what is free in lanes that are held.
fn count(from: Source<'_>, environment: &Environment, lanes: Vec<&mut SeenLane>) {
    let cap = |seen: &&mut SeenLane| environment.cap_of(&seen.lane.queue).unwrap_or(i32::MAX);
    let caps: Vec<i32> = lanes.iter().map(cap).collect();
    let held = COUNT_LANES.query(
        arguments![
            from.shard.number(),
            from.environment_id,
            column(&lanes, |seen| seen.lane.queue.as_str()),
            column(&lanes, |seen| seen.lane.concurrency_key.as_str()),
            caps.clone(),
            !environment.is_fitted,
        ],
        Cells::value::<i64>,
    );
    for ((seen, cap), held) in lanes.into_iter().zip(caps).zip(held) {
        seen.lane.free = usize::try_from(i64::from(cap) - held).unwrap_or(0);
    }
}

/// Leaves `lanes` as they are after a claim: `blocked` items are filed, and each lane says what it has.
pub(crate) fn settle(
    from: Source<'_>,
    environment: &Environment,
    lanes: &[&Lane<Item>],
    blocked: &[RunId],
) {
    let cap = |lane: &&Lane<Item>| environment.cap_of(&lane.queue).unwrap_or(i32::MAX);
    SETTLE.execute(arguments![
        from.shard.number(),
        from.environment_id,
        column(blocked, |run_id| run_id.as_str()),
        column(lanes, |lane| lane.queue.as_str()),
        column(lanes, |lane| lane.concurrency_key.as_str()),
        column(lanes, cap),
        !environment.is_fitted,
    ]);
}
