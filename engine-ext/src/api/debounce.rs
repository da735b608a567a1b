//! Debounced triggers: those of one key find the run that waits, and put it off.

use engine_core::{
    Debounce, DebounceLimits, Debounced, ExecutionStatus, KeyKind, Meeting, Run, Timestamp,
    digest_of,
};

use super::{key, reschedule};
use crate::store::trigger::{Existing, Minted};
use crate::store::trigger_key::{self, Key, Owner};
use crate::{api, guc, store};

/// A debounced trigger that looks for its run.
struct Search<'a> {
    new: &'a Minted,
    debounce: &'a Debounce,
    key: Key,
    now: Timestamp,
    limits: DebounceLimits,
}

/// The run that waits with the debounce key of `new`, put off and told anew as `new` says. `None` if `new` says nothing of a
/// debounce, or has the key from now on.
pub(super) fn find(new: &Minted, now: Timestamp) -> Option<Existing> {
    let debounce = new.run.debounce.as_ref()?;
    if new.birth.execution_status == ExecutionStatus::Finished {
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
        let run = key::claim(KeyKind::Debounce, keys, is_free)
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
        let met = Debounced {
            run_status: run.run_status,
            execution_status: run.execution_status,
            created_at: Timestamp::from_micros(run.created_at.into()),
            delay_until: run.delay_until,
        };
        self.debounce.meet(&met, self.now, self.limits)
    }

    /// Puts a run off, and tells it anew; `None` if it has left meanwhile.
    ///
    /// Whoever only puts it off does not wait for others that do the same: of a herd one moves the run. Whoever has something
    /// to tell waits, since nobody else will tell it.
    fn change(&self, found: Existing) -> Option<Existing> {
        let (shard, id) = (found.run_id.shard(), &found.run_id);
        let locked = if self.debounce.is_trailing {
            store::run::lock(id)
        } else {
            match store::run::lock_free(shard, &[id]).pop() {
                Some(run) => Some(run),
                None => return Some(found),
            }
        };
        let run = locked?;
        // Read once the run is locked: nobody changes it any more.
        let owner = trigger_key::owners(KeyKind::Debounce, &[&self.key]).pop();
        let found = match owner.flatten() {
            Some(Owner {
                run: Some(found), ..
            }) if found.run_id == run.id => found,
            _ => return None,
        };
        match self.meet(&found) {
            Meeting::Renew => None,
            Meeting::Same => Some(found),
            Meeting::Change { delay_until } => Some(self.apply(&run, found, delay_until)),
        }
    }

    fn apply(&self, run: &Run, mut found: Existing, delay_until: Option<Timestamp>) -> Existing {
        if let Some(at) = delay_until {
            let settings = api::settings(self.now);
            if let Ok(snapshot_id) = reschedule::reschedule(run, at, &settings) {
                found.snapshot_id = snapshot_id;
            }
            let kept = Key {
                run_id: run.id.clone(),
                expires_at: Some(Debounce::forgotten_at(at)),
                ..self.key.clone()
            };
            trigger_key::take(KeyKind::Debounce, &[(&kept, run.id.clone())]);
        }
        if self.debounce.is_trailing {
            store::delay::retell(run, &self.new.run);
        }
        found
    }
}
