//! Tick: does what is due. Each chore finds that on all shards by one statement, so that idle shards cost nothing.

mod batch;
mod continuation;
mod delay;
mod expire;
mod fit;
mod keep;
mod promote;
mod schedule;
mod stall;
mod timer;
mod waitpoint;

use engine_core::{Refusal, Settings, check_max_items};

use crate::{flow, store};

/// What was done of one kind: its name, and the number of items.
pub(crate) type Done = (&'static str, i32);

/// The actions of a tick, each with a share of its items.
#[derive(Clone, Copy)]
enum Chore {
    RecoverStalls,
    ExpireRuns,
    BeginSchedules,
    ActInBulk,
    ForgetKeys,
    Sweep,
    ForgetWorkers,
    GatherMinutes,
    RunTimers,
}

impl Chore {
    const ALL: [Self; 9] = [
        Self::RecoverStalls,
        Self::ExpireRuns,
        Self::BeginSchedules,
        Self::ActInBulk,
        Self::ForgetKeys,
        Self::Sweep,
        Self::ForgetWorkers,
        Self::GatherMinutes,
        Self::RunTimers,
    ];

    fn run(self, tick: &mut Tick<'_>) -> Result<Vec<Done>, Refusal> {
        Ok(match self {
            Self::RecoverStalls => vec![("stalled_heartbeat", stall::recover(tick)?)],
            Self::ExpireRuns => vec![("expired_run", expire::expire(tick)?)],
            Self::BeginSchedules => vec![("begun_schedule", schedule::begin(tick)?)],
            Self::ActInBulk => vec![("bulk_run", bulk(tick))],
            Self::ForgetKeys => vec![("forgotten_key", forget_keys(tick))],
            Self::Sweep => vec![("removed_run", sweep(tick))],
            Self::ForgetWorkers => vec![
                ("forgotten_turn", forget_turns(tick)),
                ("forgotten_worker", forget_workers(tick)),
            ],
            Self::GatherMinutes => vec![("gathered_minute", gather_minutes(tick))],
            Self::RunTimers => timer::run(tick)?,
        })
    }
}

/// A tick under way.
struct Tick<'a> {
    settings: &'a Settings,
    /// Number of items that the present chore may still process.
    left: i32,
}

impl Tick<'_> {
    /// Deducts `items` from what the chore may still process; returns their number.
    fn took(&mut self, items: usize) -> i32 {
        let items = i32::try_from(items).unwrap_or(i32::MAX);
        self.left = self.left.saturating_sub(items).max(0);
        items
    }
}

/// Does what is due, at most `max_items`, and returns how much of each kind.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) if `max_items` is outside 1..=100000.
pub(crate) fn tick(max_items: i32) -> Result<Vec<Done>, Refusal> {
    let settings = flow::settings(flow::now());
    let mut left = check_max_items("max_items", max_items)?;
    let mut done: Vec<Done> = Vec::new();
    // In a first round each chore gets its share, so that much of one kind does not delay the others; a second round uses what they
    // left.
    let mut chores = Chore::ALL.to_vec();
    for _ in 0..2 {
        let mut unfinished = Vec::new();
        let count = chores.len();
        for (index, chore) in chores.into_iter().enumerate() {
            let others = i32::try_from(count - index).unwrap_or(i32::MAX);
            let share = (left / others).max(left.min(1));
            let mut tick = Tick {
                settings: &settings,
                left: share,
            };
            for (kind, items) in chore.run(&mut tick)? {
                add(&mut done, kind, items);
            }
            if share > 0 && tick.left == 0 {
                unfinished.push(chore);
            }
            left -= share - tick.left;
        }
        chores = unfinished;
    }
    store::event::summarize();
    Ok(done)
}

fn add(done: &mut Vec<Done>, kind: &'static str, items: i32) {
    match done.iter_mut().find(|(other, _)| *other == kind) {
        Some((_, count)) => *count += items,
        None => done.push((kind, items)),
    }
}

/// Does a step of a bulk action; returns the number of its runs.
fn bulk(tick: &mut Tick<'_>) -> i32 {
    let most = usize::try_from(tick.left).unwrap_or(0);
    let runs = flow::bulk::step::step(most, tick.settings);
    tick.took(runs)
}

/// Removes runs whose time has come; returns their number.
fn sweep(tick: &mut Tick<'_>) -> i32 {
    let removed = flow::sweep::sweep(tick.left, tick.settings.now);
    tick.took(removed)
}

/// Forgets keys that have expired; returns their number.
fn forget_keys(tick: &mut Tick<'_>) -> i32 {
    let forgotten =
        store::trigger_key::forget(&store::shard::unserved(), tick.left, tick.settings.now);
    tick.took(forgotten)
}

/// Forgets turns of workers that are gone; returns their number.
fn forget_turns(tick: &mut Tick<'_>) -> i32 {
    let forgotten = store::turn::forget(tick.left, tick.settings.now);
    tick.took(forgotten)
}

/// Forgets workers that are gone; returns their number.
fn forget_workers(tick: &mut Tick<'_>) -> i32 {
    let forgotten = store::worker_report::forget(tick.left, tick.settings.now);
    tick.took(forgotten)
}

/// Gathers what happened per minute; returns to how many minutes and tasks something was added.
fn gather_minutes(tick: &mut Tick<'_>) -> i32 {
    let gathered = flow::minute::gather(tick.settings.now);
    tick.took(gathered)
}
