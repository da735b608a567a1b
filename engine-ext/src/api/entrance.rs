//! The entrance: which triggers make new runs, and which ones find a run that is there.

use std::collections::{BTreeMap, HashMap};

use engine_core::{ExecutionStatus, KeyKind, Refusal, RunId, Timestamp, digest_of, is_key_free};

use super::arrival::{check_chosen_ids, check_lengths};
use super::{debounce, key};
use crate::store::run::Caller;
use crate::store::trigger::{Existing, Minted};
use crate::store::trigger_key::{self, Key};
use crate::{api, store};

/// A trigger that is through.
pub(super) struct Entered {
    /// What was asked for; written, unless a run was found.
    pub(super) asked: Minted,
    /// The run that was there.
    pub(super) found: Option<Existing>,
}

impl Entered {
    /// The run that it is about.
    pub(super) fn run_id(&self) -> &RunId {
        match &self.found {
            Some(found) => &found.run_id,
            None => &self.asked.run_id,
        }
    }

    /// The run as it is for who asks for it later.
    fn existing(&self, now: Timestamp) -> Existing {
        match &self.found {
            Some(found) => found.clone(),
            None => Existing {
                run_id: self.asked.run_id.clone(),
                snapshot_id: self.asked.snapshot_id.clone(),
                run_status: self.asked.birth.run_status,
                execution_status: self.asked.birth.execution_status,
                created_at: api::time(now),
                delay_until: self.asked.run.delay_until,
            },
        }
    }
}

/// A trigger, and its place in the call.
type Entrant = (usize, Minted);

/// An entrance that triggers are passing.
struct Entrance<'a> {
    now: Timestamp,
    locate: &'a dyn Fn(usize, Refusal) -> Refusal,
    entered: BTreeMap<usize, Entered>,
}

/// Writes those of these runs that are new; gives what became of each, in their order. `locate` says which element was refused.
///
/// Those that no debounce brings together enter as one; a debounced one enters by itself, since it may change the run that one
/// before it has made.
///
/// # Errors
/// [`Refusal::TokenUsed`] (`RE009`), [`Refusal::RunExists`] (`23505`), [`Refusal::QueueFull`] (`RE008`).
pub(super) fn enter(
    runs: Vec<Minted>,
    now: Timestamp,
    locate: &dyn Fn(usize, Refusal) -> Refusal,
) -> Result<Vec<Entered>, Refusal> {
    let mut entrance = Entrance {
        now,
        locate,
        entered: BTreeMap::new(),
    };
    let mut together = Vec::new();
    for entrant in runs.into_iter().enumerate() {
        let is_debounced = entrant.1.run.debounce.is_some();
        together.push(entrant);
        if is_debounced {
            let debounced = together.pop();
            entrance.admit(std::mem::take(&mut together))?;
            entrance.admit(debounced.into_iter().collect())?;
        }
    }
    entrance.admit(together)?;
    Ok(entrance.entered.into_values().collect())
}

impl Entrance<'_> {
    fn admit(&mut self, entrants: Vec<Entrant>) -> Result<(), Refusal> {
        let (entrants, repeated) = self.find_by_idempotency(entrants);
        let entrants = self.find_by_debounce(entrants);
        self.use_tokens(&entrants)?;
        let (places, runs): (Vec<usize>, Vec<Minted>) = entrants.into_iter().unzip();
        if !runs.is_empty() {
            check_chosen_ids(&runs)?;
            check_lengths(&runs, self.now)?;
            store::trigger::insert(&runs, Caller::default(), self.now);
        }
        let new = runs.into_iter().map(|asked| Entered { asked, found: None });
        self.entered.extend(places.into_iter().zip(new));
        for (place, asked, first) in repeated {
            let found = self
                .entered
                .get(&first)
                .map(|first| first.existing(self.now));
            self.entered.insert(place, Entered { asked, found });
        }
        Ok(())
    }

    /// Takes out those whose idempotency key a run has; gives the rest, and those that repeat the key of another one of this
    /// call, with the place of that one.
    fn find_by_idempotency(
        &mut self,
        entrants: Vec<Entrant>,
    ) -> (Vec<Entrant>, Vec<(usize, Minted, usize)>) {
        let mut first_of = HashMap::new();
        let (mut repeated, mut left) = (Vec::new(), Vec::new());
        let (mut keys, mut keyed) = (Vec::new(), Vec::new());
        for (place, new) in entrants {
            let Some(key) = idempotency_key(&new) else {
                left.push((place, new));
                continue;
            };
            match first_of.get(&key.digest) {
                Some(first) => repeated.push((place, new, *first)),
                None => {
                    first_of.insert(key.digest.clone(), place);
                    keys.push(key);
                    keyed.push((place, new));
                }
            }
        }
        let now = self.now;
        let owners = key::claim(KeyKind::Idempotency, &keys, |run, expires_at| {
            is_key_free(run.run_status, expires_at, now)
        });
        for ((place, asked), found) in keyed.into_iter().zip(owners) {
            match found {
                Some(_) => drop(self.entered.insert(place, Entered { asked, found })),
                None => left.push((place, asked)),
            }
        }
        left.sort_by_key(|(place, _)| *place);
        (left, repeated)
    }

    /// Takes out those whose debounce key a run has that still waits.
    fn find_by_debounce(&mut self, entrants: Vec<Entrant>) -> Vec<Entrant> {
        let mut left = Vec::new();
        for (place, asked) in entrants {
            let Some(found) = debounce::find(&asked, self.now) else {
                left.push((place, asked));
                continue;
            };
            // The run that was to have the key is not written.
            if let Some(mut key) = idempotency_key(&asked) {
                key.run_id = found.run_id.clone();
                trigger_key::take(KeyKind::Idempotency, &[(&key, asked.run_id.clone())]);
            }
            let found = Some(found);
            self.entered.insert(place, Entered { asked, found });
        }
        left
    }

    /// Uses up the one-time tokens of new runs.
    fn use_tokens(&self, entrants: &[Entrant]) -> Result<(), Refusal> {
        let (places, keys): (Vec<usize>, Vec<Key>) = entrants
            .iter()
            .filter_map(|(place, new)| Some((*place, token(new)?)))
            .unzip();
        if keys.is_empty() {
            return Ok(());
        }
        let won = trigger_key::claim(KeyKind::OneTimeToken, &keys.iter().collect::<Vec<_>>());
        match keys.iter().position(|key| !won.contains(&key.run_id)) {
            Some(refused) => Err((self.locate)(places[refused], Refusal::TokenUsed)),
            None => Ok(()),
        }
    }
}

/// The idempotency key that a run wants; one that begins finished wants none.
fn idempotency_key(new: &Minted) -> Option<Key> {
    let idempotency = new.run.idempotency_key.as_ref()?;
    let is_live = new.birth.execution_status != ExecutionStatus::Finished;
    is_live.then(|| Key {
        shard: new.run_id.shard(),
        digest: digest_of(&[&new.run.environment.id, &new.run.task, &idempotency.key]),
        run_id: new.run_id.clone(),
        expires_at: Some(idempotency.expires_at),
    })
}

fn token(new: &Minted) -> Option<Key> {
    let token = new.run.one_time_use_token.as_ref()?;
    Some(Key {
        shard: new.run_id.shard(),
        digest: digest_of(&[token]),
        run_id: new.run_id.clone(),
        expires_at: None,
    })
}
