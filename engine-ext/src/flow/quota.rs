//! Quotas of environments.
//!
//! A trigger in an environment with a quota locks what that has used, and holds it until its transaction ends: the next one reads
//! what this one has committed, so two beside each other exceed it no more than one. In an environment without one nothing is
//! locked or read. The tick waits for no trigger: a schedule whose environment is locked is left to the next one.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{
    Environment, Exceeded, ExecutionStatus, Quota, QuotaChange, QuotaUse, Refusal, Timestamp,
};

use crate::store::trigger::RunRow;
use crate::{flow, store};

/// What an environment has used, while it is locked.
pub(crate) struct Ledger<'a> {
    environment: &'a Environment,
    used: QuotaUse,
    /// Runs that were added here, and are not written yet.
    unwritten: i64,
}

/// Runs that wait, and bytes of payloads.
#[derive(Clone, Copy, Default)]
pub(crate) struct Added {
    pub(crate) runs: i64,
    pub(crate) bytes: i64,
}

impl Added {
    fn by(new: &RunRow) -> Self {
        let status = new.state.execution_status;
        let waits = status.is_queued() || status == ExecutionStatus::Delayed;
        Self {
            runs: i64::from(waits),
            bytes: bytes(&new.run.payload),
        }
    }
}

impl<'a> Ledger<'a> {
    /// That of an environment, which this locks, if triggers count there.
    pub(crate) fn open(environment: &'a Environment) -> Option<Self> {
        if !environment.quota.is_counted() {
            return None;
        }
        let (_, used) = store::quota::lock(&[&environment.id]).pop()?;
        Some(Self {
            environment,
            used,
            unwritten: 0,
        })
    }

    /// Adds one run that waits, if it does not exceed what the environment may hold. The rate is that of calls, not of runs.
    pub(crate) fn fit(&mut self, payload: &str) -> Result<(), Refusal> {
        let one = Added {
            runs: 1,
            bytes: bytes(payload),
        };
        self.take_returned(one);
        let (environment, unwritten) = (self.environment, self.unwritten);
        let count = |cap| store::quota::queued(environment, cap).saturating_add(unwritten);
        let fits = self
            .used
            .fit(&environment.quota, one.runs, one.bytes, count);
        fits.map_err(|what| exceeded(environment, what))?;
        self.unwritten += 1;
        Ok(())
    }

    /// Adds what a call triggers, and writes it.
    fn add(mut self, added: Added, now: Timestamp) -> Result<(), Refusal> {
        self.take_returned(added);
        let (environment, quota) = (self.environment, &self.environment.quota);
        let count = |cap| store::quota::queued(environment, cap);
        let rate = self.used.take(quota.runs_per_second, added.runs, now);
        rate.and_then(|()| self.used.fit(quota, added.runs, added.bytes, count))
            .map_err(|what| exceeded(environment, what))?;
        store::quota::write(&environment.id, &self.used);
        Ok(())
    }

    /// Takes away what was removed, once half of what may be kept seems to be there.
    fn take_returned(&mut self, added: Added) {
        let Some(bound) = self.environment.quota.kept_bytes else {
            return;
        };
        if self.used.kept_bytes.saturating_add(added.bytes) > bound / 2 {
            self.used.kept_bytes -= store::quota::take_returned(&self.environment.id);
        }
    }
}

fn bytes(payload: &str) -> i64 {
    i64::try_from(payload.len()).unwrap_or(i64::MAX)
}

fn exceeded(environment: &Environment, what: Exceeded) -> Refusal {
    Refusal::QuotaExceeded {
        environment_id: environment.id.clone(),
        what,
    }
}

/// Locks what the environments of new runs have used, in one order.
pub(crate) fn lock(runs: &[RunRow]) {
    let counted: BTreeSet<&str> = runs
        .iter()
        .filter(|new| new.run.environment.quota.is_counted())
        .map(|new| new.run.environment.id.as_str())
        .collect();
    if !counted.is_empty() {
        store::quota::lock(&counted.into_iter().collect::<Vec<_>>());
    }
}

/// Locks what an environment has used, unless another session has locked it; returns whether triggers need not wait.
pub(crate) fn try_lock(environment_id: &str) -> bool {
    let environment = store::environment::find(environment_id);
    let is_counted = environment.is_some_and(|environment| environment.quota.is_counted());
    !is_counted || store::quota::try_lock(environment_id)
}

/// Counts new runs against the quotas of their environments.
///
/// # Errors
/// [`Refusal::QuotaExceeded`] (`RE017`).
pub(crate) fn count(runs: &[RunRow], now: Timestamp) -> Result<(), Refusal> {
    let mut added: BTreeMap<&str, (&Environment, Added)> = BTreeMap::new();
    for new in runs {
        let environment: &Environment = &new.run.environment;
        if environment.quota.is_counted() {
            let (_, sum) = added
                .entry(&environment.id)
                .or_insert((environment, Added::default()));
            let one = Added::by(new);
            sum.runs += one.runs;
            sum.bytes = sum.bytes.saturating_add(one.bytes);
        }
    }
    for (environment, sum) in added.into_values() {
        if let Some(ledger) = Ledger::open(environment) {
            ledger.add(sum, now)?;
        }
    }
    Ok(())
}

/// Refuses one more schedule of an environment than it may have.
///
/// # Errors
/// [`Refusal::QuotaExceeded`] (`RE017`).
pub(crate) fn schedule(environment: &Environment, id: &str) -> Result<(), Refusal> {
    if environment.quota.schedules.is_none() {
        return Ok(());
    }
    store::quota::lock(&[&environment.id]);
    let used = store::quota::schedules(&environment.id, id);
    environment.quota.check_schedules(&environment.id, used)
}

/// Sets the quota of an environment, and counts what it has used.
///
/// # Errors
/// [`Refusal::UnknownEnvironment`] (`RE005`).
pub(crate) fn set(id: &str, change: QuotaChange) -> Result<Quota, Refusal> {
    flow::environment(id)?;
    let now = flow::now();
    store::quota::insert(id, now);
    store::quota::lock(&[id]);
    let environment = flow::environment_fresh(id)?;
    let quota = change.apply(environment.quota);
    store::quota::set(id, &quota, now);
    let mut used = QuotaUse::fresh(&quota, now);
    if let Some(bound) = quota.queued_runs {
        used.queued_bound = store::quota::queued(&environment, bound.saturating_add(1));
    }
    if quota.kept_bytes.is_some() {
        store::quota::take_returned(id);
        used.kept_bytes = store::quota::measure(&environment);
    }
    store::quota::write(id, &used);
    Ok(quota)
}
