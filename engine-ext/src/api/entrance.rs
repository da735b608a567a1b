//! The entrance: which triggers make new runs, and which ones find a run that is there.

use std::collections::{BTreeMap, HashMap};

use engine_core::{ExecutionStatus, KeyKind, Refusal, Timestamp, digest_of, is_key_free};

use super::trigger::{TriggeredRow, cached, check_chosen_ids, row};
use super::{debounce, key};
use crate::store;
use crate::store::run::Caller;
use crate::store::trigger::Minted;
use crate::store::trigger_key::{self, Key};

/// A new run, and its place in the call.
type Entrant = (usize, Minted);

/// An entrance that runs are passing.
struct Entrance<'a> {
    now: Timestamp,
    locate: &'a dyn Fn(usize, Refusal) -> Refusal,
    rows: BTreeMap<usize, TriggeredRow>,
}

/// Writes those of these runs that are new; gives a row for each, in their order. `locate` says which element was refused.
///
/// Those that no debounce brings together enter as one; a debounced one enters by itself, since it may change the run that one
/// before it has made.
///
/// # Errors
/// [`Refusal::TokenUsed`] (`RE009`), [`Refusal::RunExists`] (`23505`).
pub(super) fn enter(
    runs: Vec<Minted>,
    now: Timestamp,
    locate: &dyn Fn(usize, Refusal) -> Refusal,
) -> Result<Vec<TriggeredRow>, Refusal> {
    let mut entrance = Entrance {
        now,
        locate,
        rows: BTreeMap::new(),
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
    Ok(entrance.rows.into_values().collect())
}

impl Entrance<'_> {
    fn admit(&mut self, entrants: Vec<Entrant>) -> Result<(), Refusal> {
        let (entrants, repeated) = self.find_by_idempotency(entrants);
        let entrants = self.find_by_debounce(entrants);
        self.use_tokens(&entrants)?;
        let (places, runs): (Vec<usize>, Vec<Minted>) = entrants.into_iter().unzip();
        if !runs.is_empty() {
            check_chosen_ids(&runs)?;
            store::trigger::insert(&runs, Caller::default(), self.now);
        }
        let rows = runs.into_iter().map(|new| row(new, self.now));
        self.rows.extend(places.into_iter().zip(rows));
        for (place, first) in repeated {
            if let Some(mut found) = self.rows.get(&first).cloned() {
                found.4 = true;
                self.rows.insert(place, found);
            }
        }
        Ok(())
    }

    /// Takes out those whose idempotency key a run has; gives the rest, and those that repeat the key of another one of this
    /// call, with the place of that one.
    fn find_by_idempotency(
        &mut self,
        entrants: Vec<Entrant>,
    ) -> (Vec<Entrant>, Vec<(usize, usize)>) {
        let (mut first_of, mut repeated) = (HashMap::new(), Vec::new());
        let (mut keys, mut places) = (Vec::new(), Vec::new());
        for (place, new) in &entrants {
            let Some(key) = idempotency_key(new) else {
                continue;
            };
            match first_of.get(&key.digest) {
                Some(first) => repeated.push((*place, *first)),
                None => {
                    first_of.insert(key.digest.clone(), *place);
                    keys.push(key);
                    places.push(*place);
                }
            }
        }
        let now = self.now;
        let owners = key::claim(KeyKind::Idempotency, &keys, |run, expires_at| {
            is_key_free(run.run_status, expires_at, now)
        });
        let found = places.into_iter().zip(owners);
        let found = found.filter_map(|(place, owner)| Some((place, cached(owner?))));
        self.rows.extend(found);
        let is_new = |(place, _): &Entrant| {
            !self.rows.contains_key(place) && repeated.iter().all(|(other, _)| other != place)
        };
        (entrants.into_iter().filter(is_new).collect(), repeated)
    }

    /// Takes out those whose debounce key a run has that still waits.
    fn find_by_debounce(&mut self, entrants: Vec<Entrant>) -> Vec<Entrant> {
        let mut left = Vec::new();
        for (place, new) in entrants {
            match debounce::find(&new, self.now) {
                Some(run) => {
                    // The run that was to have the key is not written.
                    if let Some(mut key) = idempotency_key(&new) {
                        key.run_id = run.run_id.clone();
                        trigger_key::take(KeyKind::Idempotency, &[(&key, new.run_id)]);
                    }
                    self.rows.insert(place, cached(run));
                }
                None => left.push((place, new)),
            }
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
