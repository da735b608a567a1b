//! The claim: which environments, which runs, and what becomes of them.
//!
//! Where nothing is limited, claimers of an environment share its mutex and take what they can lock. Where there are limits
//! one claimer at a time has the mutex, counts in a later statement, and takes what core admits: between the count and the
//! commit nobody else can take a slot, and whoever gives one back only makes room.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use engine_core::{
    Admission, Command, Environment, Lane, Plan, Refusal, Run, RunId, Settings, Timestamp, admit,
    decide,
};

use super::assign::assign;
use crate::store::claim::{Candidate, Claimed, Source};
use crate::store::lane::{Item, Seen};
use crate::store::run::Caller;
use crate::store::transition::Transitions;
use crate::{api, guc, mint, store, wakeup};

/// How often a call that got nothing tries again where others are claiming, with a pause of a millisecond.
const PATIENCE: i32 = 10;
/// Environments that one call looks through.
const ENVIRONMENTS: i32 = 100;
/// Items that are in no lane yet, of which a claimer looks at this many first, and at most at that many at a time.
const FIRST_WINDOW: i32 = 64;
const LARGEST_WINDOW: i32 = 4096;

thread_local! {
    /// The environment that was served last, by worker queue: the next call begins behind it, so that each gets its turn.
    static SERVED: RefCell<HashMap<String, String>> = RefCell::default();
}

/// Which runs a call asks for.
pub(super) struct Wanted<'a> {
    worker_queue: &'a str,
    environment_id: Option<&'a str>,
    worker_version: Option<&'a str>,
    max_runs: i32,
}

/// What became of a claim in one environment.
enum Claim {
    /// What it got; fewer than were asked for if there are no more that may go.
    Got(Vec<Claimed>),
    /// Somebody else has the mutex.
    Busy,
}

impl<'a> Wanted<'a> {
    /// Checks what a call asks for.
    ///
    /// # Errors
    /// [`Refusal::UnknownEnvironment`] (`RE005`).
    pub(super) fn new(
        worker_queue: Option<&'a str>,
        environment_id: Option<&'a str>,
        worker_version: Option<&'a str>,
        max_runs: i32,
    ) -> Result<Self, Refusal> {
        if let Some(id) = environment_id
            && store::environment::find(id).is_none()
        {
            return Err(Refusal::UnknownEnvironment {
                environment_id: id.to_owned(),
            });
        }
        Ok(Self {
            worker_queue: worker_queue.unwrap_or("main"),
            environment_id,
            worker_version,
            max_runs,
        })
    }

    /// Claims due runs, of every environment its share. If all that have something are busy, it tries again for a moment:
    /// somebody who claims is done within milliseconds.
    pub(super) fn claim(&self, caller: Caller<'_>, now: Timestamp) -> Vec<Claimed> {
        let settings = api::settings(now);
        for _ in 0..PATIENCE {
            let (claimed, is_busy) = self.claim_once(caller, &settings);
            if !claimed.is_empty() || !is_busy {
                return claimed;
            }
            wakeup::sleep_ms(1);
        }
        Vec::new()
    }

    /// Claims what can be had without waiting; tells, too, whether something was busy.
    fn claim_once(&self, caller: Caller<'_>, settings: &Settings) -> (Vec<Claimed>, bool) {
        let mut environments = self.environments();
        let (mut claimed, mut is_busy) = (Vec::new(), false);
        // A first round in which each gets a fair share, a second one for what others left.
        for _ in 0..2 {
            let mut more = Vec::new();
            let count = environments.len();
            for (index, id) in environments.into_iter().enumerate() {
                let left = self.max_runs - length(&claimed);
                if left <= 0 {
                    return (claimed, is_busy);
                }
                let others = i32::try_from(count - index).unwrap_or(i32::MAX);
                let share = (left / others).max(1);
                match self.claim_in(&id, share, caller, settings) {
                    Claim::Got(got) => {
                        if length(&got) == share {
                            more.push(id.clone());
                        }
                        claimed.extend(got);
                    }
                    Claim::Busy => is_busy = true,
                }
                self.remember(id);
            }
            environments = more;
        }
        (claimed, is_busy)
    }

    /// The environments that may have something, those first whose turn it is.
    fn environments(&self) -> Vec<String> {
        if let Some(id) = self.environment_id {
            return vec![id.to_owned()];
        }
        if !store::environment::any_is_set() {
            return vec![Environment::DEFAULT_ID.to_owned()];
        }
        let served = SERVED.with_borrow(|served| served.get(self.worker_queue).cloned());
        let after = served.unwrap_or_default();
        let shard = engine_core::Shard::default();
        let mut due = store::lane::environments(shard, self.worker_queue, &after, ENVIRONMENTS);
        if !after.is_empty() && length(&due) < ENVIRONMENTS {
            let begun = store::lane::environments(shard, self.worker_queue, "", ENVIRONMENTS);
            due.extend(begun.into_iter().take_while(|id| *id <= after));
        }
        due
    }

    fn remember(&self, id: String) {
        SERVED.with_borrow_mut(|served| {
            served.insert(self.worker_queue.to_owned(), id);
        });
    }

    /// Claims up to `max_runs` runs of an environment.
    fn claim_in(&self, id: &str, max_runs: i32, caller: Caller<'_>, settings: &Settings) -> Claim {
        let Some(environment) = store::environment::find(id) else {
            return Claim::Got(Vec::new());
        };
        let from = Source {
            shard: environment.shard,
            worker_queue: self.worker_queue,
            environment_id: id,
            worker_version: self.worker_version,
        };
        if environment.is_archived {
            return Claim::Got(Vec::new());
        }
        if !environment.is_limited() && store::mutex::try_shared(id) {
            // Nobody sets a limit as long as the mutex is shared; but one may have been set since.
            let is_open = store::environment::find_fresh(id).is_some_and(|now| !now.is_limited());
            if is_open {
                let claim = |left| claim_open(from, left, caller, settings);
                return Claim::Got(again_while_set_aside(max_runs, claim));
            }
        }
        if !store::mutex::try_alone(id) {
            return Claim::Busy;
        }
        match store::environment::find_fresh(id) {
            Some(environment) => {
                let claim = |left| claim_limited(from, &environment, left, caller, settings);
                Claim::Got(again_while_set_aside(max_runs, claim))
            }
            None => Claim::Got(Vec::new()),
        }
    }
}

/// What a claimer got, and whether it set runs aside that stood in front of others: no version does them.
#[derive(Default)]
struct Got {
    claimed: Vec<Claimed>,
    has_set_aside: bool,
}

/// Claims until there are `max_runs` runs, or no more that may go, or a hundred times: runs that were set aside hide those behind
/// them only once.
fn again_while_set_aside(max_runs: i32, claim: impl Fn(i32) -> Got) -> Vec<Claimed> {
    let mut claimed = Vec::new();
    for _ in 0..100 {
        let got = claim(max_runs - length(&claimed));
        claimed.extend(got.claimed);
        if !got.has_set_aside || length(&claimed) >= max_runs {
            break;
        }
    }
    claimed
}

/// Claims where nothing is limited.
fn claim_open(from: Source<'_>, max_runs: i32, caller: Caller<'_>, settings: &Settings) -> Got {
    let candidates = store::claim::lock(from, max_runs, settings.now);
    let is_full = length(&candidates) == max_runs;
    let got = hand_out(from, candidates, false, caller, settings);
    if !is_full {
        clear_strays(from, max_runs, caller, settings);
    }
    got
}

/// Claims where there are limits. The mutex is held.
fn claim_limited(
    from: Source<'_>,
    environment: &Environment,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) -> Got {
    let headroom = store::lane::headroom(from, environment).unwrap_or(i64::MAX);
    let max_runs = i64::from(max_runs).min(headroom) as i32;
    let mut all = Got::default();
    let mut window = FIRST_WINDOW.max(max_runs.saturating_mul(2));
    while length(&all.claimed) < max_runs {
        let left = max_runs - length(&all.claimed);
        let seen = store::lane::candidates(from, environment, left, window, settings.now);
        if seen.lanes.is_empty() {
            clear_strays(from, left, caller, settings);
            break;
        }
        let place = |item: &Item| (item.available_at, item.run_id.clone());
        let Admission { admitted, blocked } = admit(&seen.lanes, left as usize, place);
        let ids: Vec<&RunId> = admitted.iter().map(|item| &item.run_id).collect();
        let candidates = store::claim::lock_admitted(from, &ids);
        let got = hand_out(from, candidates, true, caller, settings);
        all.claimed.extend(got.claimed);
        all.has_set_aside |= got.has_set_aside;
        let blocked: Vec<&RunId> = blocked
            .iter()
            .filter(|item| !item.is_filed)
            .map(|item| &item.run_id)
            .collect();
        settle(from, environment, &seen, &admitted, &blocked);
        // Whoever filed something sees other items next time; else there is nothing left that may go.
        if blocked.is_empty() {
            break;
        }
        window = (window * 4).min(LARGEST_WINDOW);
    }
    all
}

/// Settles the lanes that changed, or may have: those with filed items, and those without any, which come because a slot of
/// theirs was given back.
fn settle(
    from: Source<'_>,
    environment: &Environment,
    seen: &Seen,
    admitted: &[Item],
    blocked: &[&RunId],
) {
    let filed: BTreeSet<&RunId> = admitted
        .iter()
        .filter(|item| item.is_filed)
        .map(|item| &item.run_id)
        .chain(blocked.iter().copied())
        .collect();
    let is_changed = |lane: &Lane<Item>| {
        lane.items.is_empty() || lane.items.iter().any(|item| filed.contains(&item.run_id))
    };
    let lanes: Vec<&Lane<Item>> = seen
        .lanes
        .iter()
        .zip(&seen.is_released)
        .filter(|(lane, is_released)| **is_released || is_changed(lane))
        .map(|(lane, _)| lane)
        .collect();
    if !lanes.is_empty() {
        store::lane::settle(from, environment, &lanes, blocked);
    }
}

/// Hands locked runs to the caller.
fn hand_out(
    from: Source<'_>,
    candidates: Vec<Candidate>,
    slots_count: bool,
    caller: Caller<'_>,
    settings: &Settings,
) -> Got {
    let (mut claimed, mut others) = (Vec::new(), Vec::new());
    let environment = store::environment::find(from.environment_id);
    for candidate in candidates {
        match decide(&candidate.run, Command::Dequeue, settings) {
            Ok(Plan::Claim { max_attempts }) => {
                match assign(
                    &candidate,
                    environment.as_deref(),
                    from,
                    max_attempts,
                    settings,
                ) {
                    Ok(assignment) => claimed.push(Claimed {
                        snapshot_id: mint::next_snapshot_id(&candidate.run.snapshot_id),
                        assignment,
                        candidate,
                    }),
                    Err(plan) => others.push((candidate.run, plan)),
                }
            }
            Ok(plan) => others.push((candidate.run, plan)),
            Err(refusal) => unreachable!("a dequeue is never refused: {}", refusal.message()),
        }
    }
    if !claimed.is_empty() {
        let base_cost = guc::base_cost_in_cents();
        store::claim::apply(
            from.shard,
            &claimed,
            "Dequeued",
            base_cost,
            slots_count,
            caller,
            settings,
        );
    }
    apply(from, &others, slots_count, caller, settings);
    Got {
        claimed,
        has_set_aside: !others.is_empty(),
    }
}

/// Does away with due items whose runs are not queued. Nothing leaves one behind; but if one were there, it would be looked
/// at by every claim from now on.
fn clear_strays(from: Source<'_>, max_runs: i32, caller: Caller<'_>, settings: &Settings) {
    let found = store::claim::strays(from, max_runs, settings.now);
    if found.is_empty() {
        return;
    }
    let found: Vec<&RunId> = found.iter().collect();
    let runs = store::run::lock_free(from.shard, &found);
    let locked: Vec<&RunId> = runs.iter().map(|run| &run.id).collect();
    // Read once the runs are locked: what another claimer has taken since is gone.
    let taken = store::claim::delete_items(from.shard, &locked);
    let plans: Vec<(Run, Plan)> = runs
        .into_iter()
        .filter(|run| taken.contains(&run.id))
        .filter_map(|run| {
            let plan = decide(&run, Command::Stray, settings).ok()?;
            Some((run, plan))
        })
        .collect();
    apply(from, &plans, false, caller, settings);
}

fn apply(
    from: Source<'_>,
    plans: &[(Run, Plan)],
    slots_count: bool,
    caller: Caller<'_>,
    settings: &Settings,
) {
    let mut transitions = Transitions::new(from.shard, caller, settings).counting(slots_count);
    for (run, plan) in plans {
        transitions.add(run, plan.clone());
    }
    transitions.apply();
}

fn length<T>(items: &[T]) -> i32 {
    i32::try_from(items.len()).unwrap_or(i32::MAX)
}
