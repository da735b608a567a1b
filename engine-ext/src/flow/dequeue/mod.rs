//! The dequeue: in which environments a call looks, how long it waits, and what it takes from each.
//!
//! Where nothing is limited, a dequeue is read in ten files: `api/dequeue.rs` checks the arguments; this file waits and retries;
//! `environment.rs` takes the mutex; `unlimited.rs` has candidates locked by `store/queue_item/dequeue.rs` (`dequeue_lock.sql`);
//! `hand_out.rs` asks core about each, and `assign.rs` for its settings; `store/queue_item/hand_out.rs` writes
//! (`dequeue_apply.sql`).

mod assign;
mod environment;
mod hand_out;
mod lanes;
mod limited;
mod outcome;
mod rotation;
mod unlimited;
pub(crate) mod wait;

use engine_core::{
    Environment, Refusal, Settings, Shard, Shards, Timestamp, check_label, fair_share,
};

pub(crate) use self::assign::takers;
use self::outcome::Outcome;
use self::rotation::Rotation;
use self::wait::Wait;
use crate::backend::value::count;
use crate::backend::{hold, latch};
use crate::store::queue_item::hand_out::Dequeued;
use crate::store::queue_item::{Purpose, Source};
use crate::store::row::Caller;
use crate::{backend, flow, store};

/// How often a call without runs retries while other sessions are dequeuing, with growing pauses: 60 ms in all. That is
/// longer than the tick blocks dequeues of an environment, and than several sessions flush their commits one after another.
const PATIENCE: i32 = 20;

/// The runs that a call asks for.
pub(crate) struct Request<'a> {
    worker_queue: &'a str,
    environment_id: Option<&'a str>,
    worker_version: Option<&'a str>,
    max_runs: i32,
    purpose: Purpose,
}

impl<'a> Request<'a> {
    /// Checks the arguments of a call.
    ///
    /// # Errors
    /// [`Refusal::NotGranted`] (`42501`), [`Refusal::UnknownEnvironment`] (`RE005`), those of its shard, or
    /// [`Refusal::InvalidValue`] (`22023`) for a name that is too long.
    pub(crate) fn new(
        worker_queue: Option<&'a str>,
        environment_id: Option<&'a str>,
        worker_version: Option<&'a str>,
        max_runs: i32,
    ) -> Result<Self, Refusal> {
        let worker_queue = check_label("worker_queue", worker_queue)?;
        let worker_version = check_label("worker_version", worker_version)?;
        if let Some(id) = environment_id {
            flow::right::environment(id)?;
            flow::environment(id)?;
        }
        Ok(Self {
            worker_queue: worker_queue.unwrap_or("main"),
            environment_id,
            worker_version,
            max_runs,
            purpose: Purpose::HandOut,
        })
    }

    /// This request, only to see what a dequeue would return. Roll back if it has found a run.
    pub(crate) fn only_looking(self) -> Self {
        Self {
            purpose: Purpose::Look,
            ..self
        }
    }

    /// The same, for runs that start at once.
    pub(crate) fn starting(self, is_warm: bool) -> Self {
        Self {
            purpose: Purpose::Start { is_warm },
            ..self
        }
    }

    /// Dequeues until a run is found, or `wait_ms` milliseconds have passed; also returns the settings of the last look.
    ///
    /// It holds nothing while it sleeps. If the transaction has written something, it would hold that: then the call ends. So it
    /// does when shards are set: nothing is to wait for a shard that is being moved.
    ///
    /// # Errors
    /// [`Refusal::ShardElsewhere`] (`RE020`), [`Refusal::ShardMoving`] (`RE021`) if the shard of the environment was set meanwhile.
    pub(crate) fn wait(
        &self,
        wait_ms: i32,
        caller: Caller<'_>,
    ) -> Result<(Vec<Dequeued>, Settings), Refusal> {
        let (environment_id, version) = (self.environment_id, self.worker_version);
        let mut wait = Wait::begin(self.worker_queue, environment_id, version, wait_ms);
        let shards = (wait_ms > 0).then(|| hold::only_if_written(store::shard::all));
        loop {
            let (runs, settings) = wait.look(|| self.dequeue(caller));
            let Some(shards) = &shards else {
                return Ok((runs, settings));
            };
            if !runs.is_empty() || backend::has_written() || !wait.sleep() {
                return Ok((runs, settings));
            }
            if hold::only_if_written(|| self.has_lost(shards))? {
                return Ok((runs, settings));
            }
        }
    }

    /// Whether a call that has found nothing ends, since other shards are served than when it began.
    ///
    /// # Errors
    /// [`Refusal::ShardElsewhere`] (`RE020`), [`Refusal::ShardMoving`] (`RE021`).
    pub(crate) fn has_lost(&self, shards: &Shards) -> Result<bool, Refusal> {
        if *store::shard::all_fresh() == *shards {
            return Ok(false);
        }
        match self.environment_id {
            Some(id) => flow::shard::check_environment(id).map(|()| false),
            None => Ok(true),
        }
    }

    /// Dequeues due runs, of every environment its share; also returns the settings. If all environments with runs are busy,
    /// it retries for a moment: other dequeuing sessions are done within milliseconds. It holds nothing meanwhile, nor if it
    /// finds nothing.
    pub(crate) fn dequeue(&self, caller: Caller<'_>) -> (Vec<Dequeued>, Settings) {
        for tries in 1.. {
            let (outcome, settings) = hold::only_if_written(|| {
                let settings = flow::settings(flow::now());
                (self.dequeue_once(caller, &settings), settings)
            });
            if !outcome.runs.is_empty() || !outcome.is_busy || tries == PATIENCE {
                return (outcome.runs, settings);
            }
            latch::sleep_ms(1 + i64::from(tries) / 4);
        }
        unreachable!("the last try returns")
    }

    /// Prepares for [`Self::dequeue_at_once`] in a call that is about to write.
    pub(crate) fn look_ahead(&self, now: Timestamp) {
        store::queue_item::look_ahead(self.worker_queue, now);
    }

    /// Dequeues without waiting, also not for a moment, in a call that has locked runs before.
    pub(crate) fn dequeue_at_once(&self, caller: Caller<'_>, settings: &Settings) -> Vec<Dequeued> {
        self.dequeue_once(caller, settings).runs
    }

    /// Dequeues without waiting.
    fn dequeue_once(&self, caller: Caller<'_>, settings: &Settings) -> Outcome {
        let outcome = match self.only_environment() {
            Some(id) => environment::dequeue(self.source(id), self.max_runs, caller, settings),
            None => self.dequeue_in_rotation(caller, settings),
        };
        let dequeued = outcome.runs.iter().map(|dequeued| &dequeued.candidate);
        flow::right::note_dequeued(dequeued.map(|of| (&of.run.id, &*of.environment_id)));
        outcome
    }

    /// The only environment to look in, if there is just one.
    fn only_environment(&self) -> Option<&'a str> {
        match self.environment_id {
            None if !store::environment::any_is_set()
                && flow::right::allows(Environment::DEFAULT_ID) =>
            {
                Some(Environment::DEFAULT_ID)
            }
            id => id,
        }
    }

    fn source<'b>(&self, environment_id: &'b str) -> Source<'b>
    where
        'a: 'b,
    {
        Source {
            shard: Shard::FIRST,
            worker_queue: self.worker_queue,
            environment_id,
            worker_version: self.worker_version,
            purpose: self.purpose,
        }
    }

    /// Looks in all environments that may have runs.
    fn dequeue_in_rotation(&self, caller: Caller<'_>, settings: &Settings) -> Outcome {
        let mut all = Outcome::default();
        let mut rotation = Rotation::begin(self.worker_queue, settings.now);
        while count(&all.runs) < self.max_runs
            && let Some(mut environments) = rotation.next()
        {
            environments.retain(|id| flow::right::allows(id));
            let (rest, more) =
                self.dequeue_shares(environments, &mut rotation, &mut all, caller, settings);
            // What the other environments have left.
            let (unasked, more) =
                self.dequeue_shares(more, &mut rotation, &mut all, caller, settings);
            rotation.put_back(rest, [unasked, more].concat());
        }
        rotation.end();
        all
    }

    /// Dequeues from each of these environments a fair share of what is still wanted. Returns the environments that were not
    /// tried, and those that may have more.
    fn dequeue_shares(
        &self,
        environments: Vec<String>,
        rotation: &mut Rotation<'_>,
        all: &mut Outcome,
        caller: Caller<'_>,
        settings: &Settings,
    ) -> (Vec<String>, Vec<String>) {
        let mut more = Vec::new();
        let environment_count = environments.len();
        let mut indexed = environments.into_iter().enumerate();
        while let left = self.max_runs - count(&all.runs)
            && left > 0
            && let Some((index, id)) = indexed.next()
        {
            let share = fair_share(left, environment_count - index);
            let outcome = environment::dequeue(self.source(&id), share, caller, settings);
            rotation.looked_through(&id, !outcome.runs.is_empty());
            all.is_busy |= outcome.is_busy && outcome.runs.is_empty();
            if count(&outcome.runs) == share {
                more.push(id);
            }
            all.runs.extend(outcome.runs);
        }
        (indexed.map(|(_, id)| id).collect(), more)
    }
}
