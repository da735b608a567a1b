//! Batches and waitpoints that are not removed together with a run: a batch without runs, a token for which no run has waited, and those whose
//! key was still valid when their last run left. They are kept as completed runs of their environment are.
//!
//! The sweep goes through all of them, on all shards, a step at a time, and begins again after a pause. Its session remembers where
//! it was; another session begins from the start.

use std::cell::RefCell;

use engine_core::{BatchId, KeptRun, Retention, RunStatus, Shard, Timestamp, WaitpointId};

use crate::flow::removal;
use crate::store::leftover::Leftover;
use crate::{flow, store};

/// Items of one step.
const ITEMS: i32 = 1000;

/// Pause between two rounds, milliseconds.
const PAUSE_MS: i64 = 3_600_000;

/// The progress of a round, and when it continues.
#[derive(Clone)]
struct Round {
    after: (Shard, String),
    due_at: Timestamp,
}

thread_local! {
    /// The rounds through batches and through waitpoints.
    static ROUNDS: RefCell<[Round; 2]> = const { RefCell::new([Round::FIRST, Round::FIRST]) };
}

impl Round {
    const FIRST: Self = Self {
        after: (Shard::FIRST, String::new()),
        due_at: Timestamp::from_micros(i64::MIN),
    };

    fn after(&self) -> (Shard, &str) {
        let (shard, id) = &self.after;
        (*shard, id)
    }

    /// The round after a step.
    fn next(found: &[Leftover], now: Timestamp) -> Self {
        match found.last() {
            Some(last) if found.len() == ITEMS as usize => Self {
                after: (last.shard, last.id.clone()),
                due_at: now,
            },
            _ => Self {
                due_at: now.plus_ms(PAUSE_MS),
                ..Self::FIRST
            },
        }
    }
}

/// Does the next step of each round that is due.
pub(crate) fn step(retention: &Retention, now: Timestamp) {
    let [mut batches, mut waitpoints] = ROUNDS.with_borrow(Clone::clone);
    if batches.due_at <= now {
        batches = step_batches(retention, now, &batches);
    }
    if waitpoints.due_at <= now {
        waitpoints = step_waitpoints(retention, now, &waitpoints);
    }
    ROUNDS.set([batches, waitpoints]);
}

/// Does a whole round.
pub(crate) fn all(retention: &Retention, now: Timestamp) {
    let (mut batches, mut waitpoints) = (Round::FIRST, Round::FIRST);
    while batches.due_at <= now || waitpoints.due_at <= now {
        pgrx::check_for_interrupts!();
        if batches.due_at <= now {
            batches = step_batches(retention, now, &batches);
        }
        if waitpoints.due_at <= now {
            waitpoints = step_waitpoints(retention, now, &waitpoints);
        }
    }
}

fn step_batches(retention: &Retention, now: Timestamp, round: &Round) -> Round {
    let found = store::leftover::batches(round.after(), ITEMS);
    for (shard, due) in flow::by_shard(due(&found, retention, now), |due| due.shard) {
        let ids: Vec<BatchId> = due.iter().map(|due| BatchId::parse(&due.id)).collect();
        removal::remove_batches(shard, &ids.iter().collect::<Vec<_>>(), now);
    }
    Round::next(&found, now)
}

fn step_waitpoints(retention: &Retention, now: Timestamp, round: &Round) -> Round {
    let found = store::leftover::waitpoints(round.after(), ITEMS);
    for (shard, due) in flow::by_shard(due(&found, retention, now), |due| due.shard) {
        let ids: Vec<WaitpointId> = due.iter().map(|due| WaitpointId::parse(&due.id)).collect();
        removal::remove_waitpoints(shard, &ids.iter().collect::<Vec<_>>(), now);
    }
    Round::next(&found, now)
}

/// Those whose time has come, on shards that are served.
fn due<'a>(
    found: &'a [Leftover],
    retention: &'a Retention,
    now: Timestamp,
) -> impl Iterator<Item = &'a Leftover> {
    let here = found
        .iter()
        .filter(|found| flow::shard::serves(found.shard));
    here.filter_map(move |found| {
        let run = KeptRun {
            environment_id: found.environment_id.clone(),
            environment_type: found.environment_type,
            is_test: false,
            task: String::new(),
            queue: String::new(),
            run_status: RunStatus::CompletedSuccessfully,
        };
        let until = retention.keep_until(&run, found.ended_at?)?;
        (until <= now).then_some(found)
    })
}
