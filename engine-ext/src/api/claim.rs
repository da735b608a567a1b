//! The claim: which environments, which runs, and what becomes of them.
//!
//! Where nothing is limited, claimers of an environment share its mutex and take what they can lock. Where a queue has a limit
//! they take the lanes that they want slots of, each for itself; where the environment has one, a claimer has the mutex alone.
//! Then they count, in a later statement, and take what core admits: between the count and the commit nobody else can take a
//! slot that counts, and whoever gives one back only makes room.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use engine_core::{Environment, Refusal, RunId, Settings, Timestamp};

use super::hand_out::{Got, clear_strays, hand_out, length};
use crate::store::claim::{Claimed, Source};
use crate::store::lane::Seen;
use crate::store::run::Caller;
use crate::{api, store, wakeup};

/// How often a call that got nothing tries again where others are claiming, with a pause of a millisecond.
const PATIENCE: i32 = 10;
/// Environments that one call looks through.
const ENVIRONMENTS: i32 = 100;
/// How often a call claims again that had to set runs aside.
const ROUNDS: i32 = 100;
/// Items that are in no lane yet, of which a claimer looks at this many first, and at most at that many at a time.
const FIRST_WINDOW: i32 = 48;
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

    /// The worker queue.
    pub(super) fn worker_queue(&self) -> &'a str {
        self.worker_queue
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
        let needs_alone = |environment: &Environment| environment.cap().is_some();
        let is_held = match needs_alone(&environment) {
            true => store::mutex::try_alone(id),
            false => store::mutex::try_shared(id),
        };
        // With the mutex held nobody sets limits; but somebody may have done so since they were read.
        match store::environment::find_fresh(id) {
            Some(now) if is_held && needs_alone(&now) == needs_alone(&environment) => {
                claim_held(from, &now, max_runs, caller, settings)
            }
            _ => Claim::Busy,
        }
    }
}

/// Claims with the mutex held, until there are `max_runs` runs, or no more that may go: runs that no version does hide those
/// behind them, but only once, since they are set aside.
fn claim_held(
    from: Source<'_>,
    environment: &Environment,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) -> Claim {
    let mut all = Got::default();
    for _ in 0..ROUNDS {
        let left = max_runs - length(&all.claimed);
        let got = match environment.is_limited() {
            true => claim_limited(from, environment, left, caller, settings),
            false => claim_open(from, left, caller, settings),
        };
        let goes_on = got.has_set_aside;
        all.add(got);
        if !goes_on || length(&all.claimed) >= max_runs {
            break;
        }
    }
    match all.claimed.is_empty() && all.is_busy {
        true => Claim::Busy,
        false => Claim::Got(all.claimed),
    }
}

/// Claims where nothing is limited.
fn claim_open(from: Source<'_>, max_runs: i32, caller: Caller<'_>, settings: &Settings) -> Got {
    let candidates = store::claim::lock(from, &[], max_runs, settings.now);
    let is_full = length(&candidates) == max_runs;
    let got = hand_out(from, candidates, |_| false, caller, settings);
    if !is_full {
        clear_strays(from, max_runs, caller, settings);
    }
    got
}

/// Claims where there are limits. The mutex is held, alone if the environment itself has a limit.
fn claim_limited(
    from: Source<'_>,
    environment: &Environment,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) -> Got {
    let headroom = store::lane::headroom(from, environment);
    let max_runs = i64::from(max_runs).min(headroom.unwrap_or(i64::MAX)) as i32;
    let is_alone = headroom.is_some();
    let mut all = Got::default();
    let mut window = FIRST_WINDOW.max(max_runs.saturating_mul(2));
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
    let counts = |queue: &str| environment.counts(queue);
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
        all.add(hand_out(from, candidates, counts, caller, settings));
        // A run that somebody else has locked makes way for the next one.
        if is_all {
            // Lanes without a limit are nobody's: of these the next runs are taken that are free, however many others take some.
            let free = i32::try_from(free).unwrap_or(i32::MAX);
            all.add(claim_unlimited(from, environment, free, caller, settings));
            return all;
        }
    }
}

/// Claims up to `max_runs` runs of queues without a limit, in an environment without one.
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
    hand_out(from, candidates, |_| false, caller, settings)
}
