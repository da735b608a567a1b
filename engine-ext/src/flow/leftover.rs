//! Batches and waitpoints that are not removed together with a run: a batch without runs, a token for which no run has waited, and those whose
//! key was still valid when their last run left. They are kept as completed runs of their environment are.
//!
//! The sweep goes through all of them, a step at a time, and begins again after a pause. Its session
//! remembers where it was; another session begins from the start.

use std::cell::RefCell;
use std::collections::BTreeMap;

use engine_core::{BatchId, KeptRun, Retention, RunStatus, Shard, Timestamp, WaitpointId};

use crate::flow::removal;
use crate::store;
use crate::store::leftover::Leftover;

/// Items of one step.
const ITEMS: i32 = 1000;

/// Pause between two rounds, milliseconds.
const PAUSE_MS: i64 = 3_600_000;

/// The progress of a round, and when it continues.
#[derive(Clone)]
struct Round {
    after_id: String,
    due_at: Timestamp,
}

thread_local! {
    /// The rounds through batches and through waitpoints, by shard.
    static ROUNDS: RefCell<BTreeMap<Shard, [Round; 2]>> = const { RefCell::new(BTreeMap::new()) };
}

impl Round {
    const FIRST: Self = Self {
        after_id: String::new(),
        due_at: Timestamp::from_micros(i64::MIN),
    };

    /// The round after a step.
    fn next(found: &[Leftover], now: Timestamp) -> Self {
        match found.last() {
            Some(last) if found.len() == ITEMS as usize => Self {
                after_id: last.id.clone(),
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
pub(crate) fn step(shard: Shard, retention: &Retention, now: Timestamp) {
    let known = ROUNDS.with_borrow(|rounds| rounds.get(&shard).cloned());
    let [batches, waitpoints] = known.unwrap_or([Round::FIRST, Round::FIRST]);
    let is_due = |round: &Round| round.due_at <= now;
    let rounds = [
        if is_due(&batches) {
            step_batches(shard, retention, now, &batches)
        } else {
            batches
        },
        if is_due(&waitpoints) {
            step_waitpoints(shard, retention, now, &waitpoints)
        } else {
            waitpoints
        },
    ];
    ROUNDS.with_borrow_mut(|all| all.insert(shard, rounds));
}

/// Does a whole round.
pub(crate) fn all(shard: Shard, retention: &Retention, now: Timestamp) {
    let (mut batches, mut waitpoints) = (Round::FIRST, Round::FIRST);
    while batches.due_at <= now || waitpoints.due_at <= now {
        pgrx::check_for_interrupts!();
        if batches.due_at <= now {
            batches = step_batches(shard, retention, now, &batches);
        }
        if waitpoints.due_at <= now {
            waitpoints = step_waitpoints(shard, retention, now, &waitpoints);
        }
    }
}

fn step_batches(shard: Shard, retention: &Retention, now: Timestamp, round: &Round) -> Round {
    let found = store::leftover::batches(shard, &round.after_id, ITEMS);
    let ids: Vec<BatchId> = due(&found, retention, now).map(BatchId::parse).collect();
    removal::remove_batches(shard, &ids.iter().collect::<Vec<_>>(), now);
    Round::next(&found, now)
}

fn step_waitpoints(shard: Shard, retention: &Retention, now: Timestamp, round: &Round) -> Round {
    let found = store::leftover::waitpoints(shard, &round.after_id, ITEMS);
    let ids: Vec<WaitpointId> = due(&found, retention, now)
        .map(WaitpointId::parse)
        .collect();
    removal::remove_waitpoints(shard, &ids.iter().collect::<Vec<_>>(), now);
    Round::next(&found, now)
}

/// The ids of those whose time has come.
fn due<'a>(
    found: &'a [Leftover],
    retention: &'a Retention,
    now: Timestamp,
) -> impl Iterator<Item = &'a str> {
    found.iter().filter_map(move |found| {
        let run = KeptRun {
            environment_id: found.environment_id.clone(),
            environment_type: found.environment_type,
            is_test: false,
            task: String::new(),
            queue: String::new(),
            run_status: RunStatus::CompletedSuccessfully,
        };
        let until = retention.keep_until(&run, found.ended_at?)?;
        (until <= now).then_some(found.id.as_str())
    })
}
