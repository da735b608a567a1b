//! The claim: which environments a call looks through, and what each of them gives.

use std::rc::Rc;

use engine_core::{Environment, Refusal, Settings, Timestamp, check_label, fair_share};

use super::claim_limit::Claimer;
use super::hand_out::{Got, length};
use super::round::Round;
use crate::store::claim::{Claimed, Source};
use crate::store::reservation;
use crate::store::run::Caller;
use crate::{api, store, wakeup};

/// How often a call that got nothing tries again where others are claiming, with a pause of a millisecond.
/// That is longer than the tick keeps claims off an environment.
const PATIENCE: i32 = 20;

/// Which runs a call asks for.
pub(super) struct Wanted<'a> {
    worker_queue: &'a str,
    environment_id: Option<&'a str>,
    worker_version: Option<&'a str>,
    max_runs: i32,
    only_looks: bool,
}

impl<'a> Wanted<'a> {
    /// Checks what a call asks for.
    ///
    /// # Errors
    /// [`Refusal::UnknownEnvironment`] (`RE005`), [`Refusal::InvalidValue`] (`22023`) for a name that is too long.
    pub(super) fn new(
        worker_queue: Option<&'a str>,
        environment_id: Option<&'a str>,
        worker_version: Option<&'a str>,
        max_runs: i32,
    ) -> Result<Self, Refusal> {
        let worker_queue = check_label("worker_queue", worker_queue)?;
        let worker_version = check_label("worker_version", worker_version)?;
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
            only_looks: false,
        })
    }

    /// The same, to see what a claim would give. Roll back what has found something.
    pub(super) fn only_looking(self) -> Self {
        Self {
            only_looks: true,
            ..self
        }
    }

    /// The worker queue.
    pub(super) fn worker_queue(&self) -> &'a str {
        self.worker_queue
    }

    /// Which runs of the worker queue it asks for.
    pub(super) fn filter(&self) -> (Option<&'a str>, Option<&'a str>) {
        (self.environment_id, self.worker_version)
    }

    /// Claims due runs, of every environment its share; gives the time of that, too. If all that have something are busy, it tries
    /// again for a moment: somebody who claims is done within milliseconds. It holds nothing meanwhile, nor if it finds nothing.
    pub(super) fn claim(&self, caller: Caller<'_>) -> (Vec<Claimed>, Timestamp) {
        for tries in 1.. {
            let (claimed, is_busy, now) = store::hold::only_if_written(|| {
                let now = api::now();
                let (claimed, is_busy) = self.claim_once(caller, &api::settings(now));
                (claimed, is_busy, now)
            });
            if !claimed.is_empty() || !is_busy || tries == PATIENCE {
                return (claimed, now);
            }
            wakeup::sleep_ms(1);
        }
        unreachable!("the last try returns")
    }

    /// Claims what can be had without waiting; tells, too, whether something was busy.
    fn claim_once(&self, caller: Caller<'_>, settings: &Settings) -> (Vec<Claimed>, bool) {
        if let Some(id) = self.only_environment() {
            let got = self.claim_in(id, self.max_runs, caller, settings);
            return (got.claimed, got.is_busy);
        }
        let mut all = Got::default();
        let mut round = Round::begin(self.worker_queue, settings.now);
        while length(&all.claimed) < self.max_runs
            && let Some(environments) = round.next()
        {
            let (rest, more) =
                self.claim_shares(environments, &mut round, &mut all, caller, settings);
            // What the others have left.
            let (unasked, more) = self.claim_shares(more, &mut round, &mut all, caller, settings);
            round.put_back(rest, [unasked, more].concat());
        }
        round.end();
        (all.claimed, all.is_busy)
    }

    /// The one environment to look in, if there is only one.
    fn only_environment(&self) -> Option<&'a str> {
        match self.environment_id {
            None if !store::environment::any_is_set() => Some(Environment::DEFAULT_ID),
            id => id,
        }
    }

    /// Claims of each of these environments a fair share of what is to be had yet. Gives those that were not asked any more, and
    /// those that may have more.
    fn claim_shares(
        &self,
        environments: Vec<String>,
        round: &mut Round<'_>,
        all: &mut Got,
        caller: Caller<'_>,
        settings: &Settings,
    ) -> (Vec<String>, Vec<String>) {
        let mut more = Vec::new();
        let count = environments.len();
        let mut turns = environments.into_iter().enumerate();
        while let left = self.max_runs - length(&all.claimed)
            && left > 0
            && let Some((index, id)) = turns.next()
        {
            let share = fair_share(left, count - index);
            let got = self.claim_in(&id, share, caller, settings);
            round.looked_through(&id, !got.claimed.is_empty());
            all.is_busy |= got.is_busy && got.claimed.is_empty();
            if length(&got.claimed) == share {
                more.push(id);
            }
            all.claimed.extend(got.claimed);
        }
        (turns.map(|(_, id)| id).collect(), more)
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
            only_looks: self.only_looks,
        };
        let is_alone = goes_alone(&environment);
        let is_held = if is_alone {
            store::mutex::try_alone(id)
        } else {
            store::mutex::try_shared(id)
        };
        // Read with the mutex held: what was set before the last one who had it alone is seen.
        match store::environment::find_fresh(id) {
            Some(now) if is_held && goes_alone(&now) == is_alone => {
                let claimer = Claimer {
                    from,
                    environment: &settled(now),
                    caller,
                    settings,
                };
                claimer.claim(max_runs)
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
/// library preloaded, or without, for the first time since somebody set it; then its mutex is held alone. If somebody is just
/// setting it, that is left to a later claim.
fn settled(environment: Rc<Environment>) -> Rc<Environment> {
    let is_possible = reservation::are_possible();
    if environment.is_settled(is_possible) || !store::mutex::try_setting(&environment.id) {
        return environment;
    }
    let mut environment = (*environment).clone();
    environment.settle(is_possible);
    environment.is_fitted = false;
    let now = api::now();
    store::limit::set_environment(&environment, now);
    store::limit::fit_later(&environment, now);
    Rc::new(environment)
}
