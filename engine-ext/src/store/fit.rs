//! What is there is fitted to limits that were set anew: slots say whether they count, items of queues without a limit leave their
//! lanes, items of queues whose length is limited count.
//!
//! This goes on in steps, beside claims, and waits for nobody: what somebody else has locked comes with a later step. Until the last
//! one the settings say that it is not done, and claims count what does not say that it counts.

use engine_core::Environment;

use super::environment::{QUEUE_TABLE, TABLE};
use super::statement::{Cells, Statement, arguments, statement};
use super::{kept, mutex};

static FIT_SLOTS: Statement = statement!("slots_fit.sql");
static FIND_SLOTS: Statement = statement!("slots_fit_find.sql");
static FIND_LANES: Statement = statement!("lane_open_find.sql");
static UNFILE: Statement = statement!("lane_unfile.sql");
static FORGET_LANES: Statement = statement!("lane_forget.sql");
static LOOK: Statement = statement!("lane_look.sql");
static SIZE: Statement = statement!("items_size.sql");
static FITTED: Statement = statement!("environment_fitted.sql");

/// Lanes that one step takes, each a lock.
const LANES: i32 = 100;

/// Fits up to `max_items` slots and as many items; gives whether that was all, as far as nobody else has some of it.
pub(crate) fn step(environment: &Environment, max_items: i32) -> bool {
    let (shard, id) = (environment.shard.number(), environment.id.as_str());
    let (limited, others) = (limited(environment), environment.other_limits());
    let slots = FIT_SLOTS.execute(arguments![
        shard,
        id,
        others.is_counted,
        limited.clone(),
        others.is_noted,
        max_items,
    ]);
    if slots > 0 {
        // Some of them may have been given back without a note.
        look_again(environment);
    }
    let items = unfile(environment, &limited, max_items) + size(environment, max_items);
    slots == 0 && items == 0
}

/// Whether everything fits, whoever has it; gives that only if nobody has claimed by other settings: hold the mutex alone.
pub(crate) fn is_done(environment: &Environment) -> bool {
    let (shard, id) = (environment.shard.number(), environment.id.as_str());
    let (limited, others) = (limited(environment), environment.other_limits());
    let has_slots = FIND_SLOTS.query(
        arguments![
            shard,
            id,
            others.is_counted,
            limited.clone(),
            others.is_noted
        ],
        Cells::value::<bool>,
    );
    has_slots == [false] && lanes(environment, &limited, 1).is_empty()
}

/// Notes that everything fits. Lanes that were closed while others claimed by other settings are looked at again.
pub(crate) fn end(environment: &Environment) {
    look_again(environment);
    FITTED.execute(arguments![environment.id.as_str()]);
    kept::changed(TABLE);
    kept::changed(QUEUE_TABLE);
}

/// Has claimers look at all lanes again that are closed.
fn look_again(environment: &Environment) {
    let (queue, most): (Option<&str>, Option<i64>) = (None, None);
    let (shard, id) = (environment.shard.number(), environment.id.as_str());
    LOOK.execute(arguments![shard, id, queue, most]);
}

/// Takes items out of lanes that have no limit any more; gives how many items and lanes were looked at.
fn unfile(environment: &Environment, limited: &[&str], max_items: i32) -> u64 {
    let (shard, id) = (environment.shard.number(), environment.id.as_str());
    let found = lanes(environment, limited, LANES);
    if found.is_empty() || !mutex::try_shared(id) {
        return found.len() as u64;
    }
    let is_held = |(queue, key): &&(String, String)| mutex::try_lane(id, queue, key);
    let held: Vec<&(String, String)> = found.iter().filter(is_held).collect();
    let queues: Vec<&str> = held.iter().map(|(queue, _)| queue.as_str()).collect();
    let keys: Vec<&str> = held.iter().map(|(_, key)| key.as_str()).collect();
    UNFILE.execute(arguments![
        shard,
        id,
        queues.clone(),
        keys.clone(),
        max_items
    ]);
    FORGET_LANES.execute(arguments![shard, id, queues, keys]);
    found.len() as u64
}

/// Has items count against a limit on the length of their queue; gives how many.
fn size(environment: &Environment, max_items: i32) -> u64 {
    let sized: Vec<&str> = environment
        .queues
        .iter()
        .filter(|(_, queue)| queue.max_size.is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    let all = environment.max_queue_size.is_some();
    if sized.is_empty() && !all {
        return 0;
    }
    SIZE.execute(arguments![
        environment.shard.number(),
        environment.id.as_str(),
        sized,
        all,
        max_items,
    ])
}

/// Up to `most` lanes whose queue has no limit.
fn lanes(environment: &Environment, limited: &[&str], most: i32) -> Vec<(String, String)> {
    let arguments = arguments![
        environment.shard.number(),
        environment.id.as_str(),
        limited.to_vec(),
        environment.lane_cap().is_some(),
        most,
    ];
    FIND_LANES.query(arguments, |cells| (cells.value(), cells.value()))
}

/// The queues that have a limit.
fn limited(environment: &Environment) -> Vec<&str> {
    environment.queue_caps().map(|(queue, _)| queue).collect()
}
