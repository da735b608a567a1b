//! Debounced triggers: those with the key of a delayed run find that run, and postpone it.

use engine_core::{
    Debounce, DebounceLimits, Debounced, ExecutionStatus, KeyKind, Meeting, Run, Timestamp,
    digest_of,
};

use super::key;
use crate::store::row::Existing;
use crate::store::trigger::RunRow;
use crate::store::trigger_key::{Key, Owner};
use crate::{flow, guc, store};

/// A debounced trigger that looks for an existing run.
struct Search<'a> {
    new: &'a RunRow,
    debounce: &'a Debounce,
    key: Key,
    now: Timestamp,
    limits: DebounceLimits,
}

/// The delayed run with the debounce key of `new`, postponed and redefined as `new` demands. `None` if `new` has no
/// debounce, or takes the key.
pub(crate) fn find(new: &RunRow, now: Timestamp) -> Option<Existing> {
    let debounce = new.run.debounce.as_ref()?;
    if new.state.execution_status == ExecutionStatus::Finished {
        return None;
    }
    let due = new.run.delay_until.unwrap_or(now);
    let search = Search {
        new,
        debounce,
        key: Key {
            shard: new.run_id.shard(),
            digest: digest_of(&[&new.run.environment.id, &new.run.task, &debounce.key]),
            run_id: new.run_id.clone(),
            expires_at: Some(Debounce::forgotten_at(due)),
        },
        now,
        limits: guc::debounce_limits(),
    };
    loop {
        let keys = std::slice::from_ref(&search.key);
        let is_free = |run: &Existing, _| search.meet(run) == Meeting::Renew;
        let run = key::acquire(KeyKind::Debounce, keys, is_free)
            .pop()
            .flatten()?;
        if search.meet(&run) == Meeting::Same {
            return Some(run);
        }
        if let Some(run) = search.change(run) {
            return Some(run);
        }
    }
}

impl Search<'_> {
    fn meet(&self, run: &Existing) -> Meeting {
        let (Some(run_status), Some(created_at)) = (run.run_status, run.created_at) else {
            return Meeting::Renew;
        };
        let met = Debounced {
            run_status,
            execution_status: run.execution_status,
            created_at: Timestamp::from_micros(created_at.into()),
            delay_until: run.delay_until,
        };
        self.debounce.meet(&met, self.now, self.limits)
    }

    /// Postpones a run, and redefines it; `None` if it has left its delay meanwhile.
    ///
    /// A trigger that only postpones the run does not wait for others that do the same: of many, one moves the run. A
    /// trigger that redefines it waits, since no other one will.
    fn change(&self, existing: Existing) -> Option<Existing> {
        let (shard, id) = (existing.run_id.shard(), &existing.run_id);
        let locked = if self.debounce.is_trailing {
            store::run::lock(id)
        } else {
            match store::run::lock_free(shard, &[id]).pop() {
                Some(run) => Some(run),
                None => return Some(existing),
            }
        };
        let run = locked?;
        // Read after the run is locked: no other session changes it any more.
        let owner = store::trigger_key::owners(KeyKind::Debounce, &[&self.key]).pop();
        let existing = match owner.flatten() {
            Some(Owner { run: existing, .. }) if existing.run_id == run.id => existing,
            _ => return None,
        };
        match self.meet(&existing) {
            Meeting::Renew => None,
            Meeting::Same => Some(existing),
            Meeting::Change { delay_until } => Some(self.apply(&run, existing, delay_until)),
        }
    }

    fn apply(&self, run: &Run, mut existing: Existing, delay_until: Option<Timestamp>) -> Existing {
        if let Some(at) = delay_until {
            let settings = flow::settings(self.now);
            if let Ok(snapshot_id) = flow::attempt::reschedule::reschedule(run, at, &settings) {
                existing.snapshot_id = Some(snapshot_id);
            }
            let kept = Key {
                run_id: run.id.clone(),
                expires_at: Some(Debounce::forgotten_at(at)),
                ..self.key.clone()
            };
            store::trigger_key::take(KeyKind::Debounce, &[(&kept, run.id.clone())]);
        }
        if self.debounce.is_trailing {
            if self.new.run.environment.quota.kept_bytes.is_some() {
                store::quota::replaced(&run.id, &self.new.run.payload);
            }
            store::delay::redefine(run, &self.new.run);
        }
        existing
    }
}
