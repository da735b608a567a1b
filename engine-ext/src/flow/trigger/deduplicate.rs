//! Deduplication: which triggers insert new runs, and which find existing ones.

use std::collections::{BTreeMap, HashMap};

use engine_core::{ExecutionStatus, KeyKind, Refusal, Timestamp, digest_of, is_key_free};

use super::insert::insert;
use super::outcome::Triggered;
use super::{check, debounce, key};
use crate::store::trigger::RunRow;
use crate::store::trigger_key::Key;
use crate::{flow, store};

/// A new run, with its position in the call.
type Numbered = (usize, RunRow);

/// A call under way: the outcomes of its triggers so far, by position.
struct Deduplication<'a> {
    now: Timestamp,
    locate: &'a dyn Fn(usize, Refusal) -> Refusal,
    triggered: BTreeMap<usize, Triggered>,
}

/// Inserts those of these runs that are new, and returns the outcome of each, in order. `locate` names the refused element.
///
/// Runs without a debounce are written together; a debounced one separately, since it may change the run that an earlier one
/// made.
///
/// # Errors
/// [`Refusal::TokenUsed`] (`RE009`), [`Refusal::RunExists`] (`23505`), [`Refusal::QueueFull`] (`RE008`),
/// [`Refusal::QuotaExceeded`] (`RE017`).
pub(crate) fn insert_or_find(
    runs: Vec<RunRow>,
    now: Timestamp,
    locate: &dyn Fn(usize, Refusal) -> Refusal,
) -> Result<Vec<Triggered>, Refusal> {
    let mut deduplication = Deduplication {
        now,
        locate,
        triggered: BTreeMap::new(),
    };
    let mut together = Vec::new();
    for run in runs.into_iter().enumerate() {
        let is_debounced = run.1.run.debounce.is_some();
        together.push(run);
        if is_debounced {
            let debounced = together.pop();
            deduplication.insert_group(std::mem::take(&mut together))?;
            deduplication.insert_group(debounced.into_iter().collect())?;
        }
    }
    deduplication.insert_group(together)?;
    Ok(deduplication.triggered.into_values().collect())
}

impl Deduplication<'_> {
    fn insert_group(&mut self, runs: Vec<Numbered>) -> Result<(), Refusal> {
        let (runs, repeated) = self.find_by_idempotency(runs);
        let runs = self.find_by_debounce(runs);
        self.use_tokens(&runs)?;
        let (positions, runs): (Vec<usize>, Vec<RunRow>) = runs.into_iter().unzip();
        if !runs.is_empty() {
            check::chosen_ids(&runs)?;
            check::sizes(&runs, self.now)?;
            flow::quota::count(&runs, self.now)?;
            insert(&runs, self.now);
        }
        let new = runs.into_iter().map(|new| Triggered {
            new,
            existing: None,
        });
        self.triggered.extend(positions.into_iter().zip(new));
        for (position, new, first) in repeated {
            let existing = self
                .triggered
                .get(&first)
                .map(|first| first.as_existing(self.now));
            self.triggered.insert(position, Triggered { new, existing });
        }
        Ok(())
    }

    /// Removes triggers whose idempotency key belongs to a run; returns the others, and those that repeat the key of another
    /// one in this call, with the position of that one.
    fn find_by_idempotency(
        &mut self,
        runs: Vec<Numbered>,
    ) -> (Vec<Numbered>, Vec<(usize, RunRow, usize)>) {
        let mut first_of = HashMap::new();
        let (mut repeated, mut left) = (Vec::new(), Vec::new());
        let (mut keys, mut keyed) = (Vec::new(), Vec::new());
        for (position, new) in runs {
            let Some(key) = idempotency_key(&new) else {
                left.push((position, new));
                continue;
            };
            match first_of.get(&key.digest) {
                Some(first) => repeated.push((position, new, *first)),
                None => {
                    first_of.insert(key.digest.clone(), position);
                    keys.push(key);
                    keyed.push((position, new));
                }
            }
        }
        let now = self.now;
        let owners = key::acquire(KeyKind::Idempotency, &keys, |run, expires_at| {
            is_key_free(run.run_status, expires_at, now)
        });
        for ((position, new), existing) in keyed.into_iter().zip(owners) {
            match existing {
                Some(_) => drop(self.triggered.insert(position, Triggered { new, existing })),
                None => left.push((position, new)),
            }
        }
        left.sort_by_key(|(position, _)| *position);
        (left, repeated)
    }

    /// Removes triggers whose debounce key belongs to a delayed run.
    fn find_by_debounce(&mut self, runs: Vec<Numbered>) -> Vec<Numbered> {
        let mut left = Vec::new();
        for (position, new) in runs {
            let Some(existing) = debounce::find(&new, self.now) else {
                left.push((position, new));
                continue;
            };
            // The run that was to have the key is not written.
            if let Some(mut key) = idempotency_key(&new) {
                key.run_id = existing.run_id.clone();
                store::trigger_key::take(KeyKind::Idempotency, &[(&key, new.run_id.clone())]);
            }
            let existing = Some(existing);
            self.triggered.insert(position, Triggered { new, existing });
        }
        left
    }

    /// Uses up the one-time tokens of new runs.
    fn use_tokens(&self, runs: &[Numbered]) -> Result<(), Refusal> {
        let (positions, keys): (Vec<usize>, Vec<Key>) = runs
            .iter()
            .filter_map(|(position, new)| Some((*position, token(new)?)))
            .unzip();
        if keys.is_empty() {
            return Ok(());
        }
        let won =
            store::trigger_key::acquire(KeyKind::OneTimeToken, &keys.iter().collect::<Vec<_>>());
        match keys.iter().position(|key| !won.contains(&key.run_id)) {
            Some(refused) => Err((self.locate)(positions[refused], Refusal::TokenUsed)),
            None => Ok(()),
        }
    }
}

/// The idempotency key that a run takes; one that begins finished takes none.
fn idempotency_key(new: &RunRow) -> Option<Key> {
    let idempotency = new.run.idempotency_key.as_ref()?;
    let is_live = new.state.execution_status != ExecutionStatus::Finished;
    is_live.then(|| Key {
        shard: new.run_id.shard(),
        digest: digest_of(&[&new.run.environment.id, &new.run.task, &idempotency.key]),
        run_id: new.run_id.clone(),
        expires_at: Some(idempotency.expires_at),
    })
}

fn token(new: &RunRow) -> Option<Key> {
    let token = new.run.options.one_time_use_token.as_ref()?;
    Some(Key {
        shard: new.run_id.shard(),
        digest: digest_of(&[token]),
        run_id: new.run_id.clone(),
        expires_at: None,
    })
}
