//! The claim: which environments a call looks through, and what each of them gives.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use engine_core::{Environment, Refusal, Settings, Timestamp};

use super::claim_limit::claim_held;
use super::hand_out::{Got, length};
use crate::store::claim::{Claimed, Source};
use crate::store::reservation;
use crate::store::run::Caller;
use crate::{api, store, wakeup};

/// How often a call that got nothing tries again where others are claiming, with a pause of a millisecond.
const PATIENCE: i32 = 10;
/// Environments that one call looks through.
const ENVIRONMENTS: i32 = 100;

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
                let got = self.claim_in(&id, share, caller, settings);
                if length(&got.claimed) == share {
                    more.push(id.clone());
                }
                is_busy |= got.is_busy && got.claimed.is_empty();
                claimed.extend(got.claimed);
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
    fn claim_in(&self, id: &str, max_runs: i32, caller: Caller<'_>, settings: &Settings) -> Got {
        let Some(environment) = store::environment::find(id) else {
            return Got::default();
        };
        if environment.is_archived {
            return Got::default();
        }
        let from = Source {
            shard: environment.shard,
            worker_queue: self.worker_queue,
            environment_id: id,
            worker_version: self.worker_version,
        };
        let is_alone = goes_alone(&environment);
        let is_held = match is_alone {
            true => store::mutex::try_alone(id),
            false => store::mutex::try_shared(id),
        };
        // With the mutex held nobody sets limits; but somebody may have done so since they were read.
        match store::environment::find_fresh(id) {
            Some(now) if is_held && goes_alone(&now) == is_alone => {
                claim_held(from, &settled(now), max_runs, caller, settings)
            }
            _ => Got::busy(),
        }
    }
}

/// Whether a claimer of this environment has its mutex alone.
fn goes_alone(environment: &Environment) -> bool {
    environment.needs_mutex() || !environment.is_settled(reservation::are_possible())
}

/// The environment, going by reservations, or by its mutex, as this server can. It changes when the server was started with the
/// library preloaded, or without, for the first time since somebody set it; then its mutex is held alone. That waits for
/// who gives slots back, so it is left to the next claim where this transaction may have locked runs.
fn settled(environment: Rc<Environment>) -> Rc<Environment> {
    if environment.is_settled(reservation::are_possible()) || store::has_written() {
        return environment;
    }
    let mut environment = (*environment).clone();
    environment.settle(reservation::are_possible());
    store::limit::set_environment(&environment, api::now());
    store::limit::fit(&environment);
    Rc::new(environment)
}
