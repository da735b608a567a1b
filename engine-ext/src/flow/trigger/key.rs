//! Keys of new runs: each run gets its key, or learns which run has it.

use engine_core::{KeyKind, RunId, Timestamp};

use crate::store;
use crate::store::row::Existing;
use crate::store::trigger_key::Key;

/// Assigns each run its key, unless another one has it. A key that is `is_free` is taken over. Returns, for
/// each key, the run that has it, and `None` if the asking run received it.
///
/// Of several concurrent runs one gets the key: the primary key makes the others wait until that one has committed, and they
/// find its run; or it has rolled back, and one of them gets it. Of several that take a key over one finds the old run still
/// there.
pub(crate) fn acquire(
    kind: KeyKind,
    keys: &[Key],
    is_free: impl Fn(&Existing, Option<Timestamp>) -> bool,
) -> Vec<Option<Existing>> {
    let mut answers: Vec<Option<Existing>> = vec![None; keys.len()];
    let mut open: Vec<usize> = (0..keys.len()).collect();
    while !open.is_empty() {
        pgrx::check_for_interrupts!();
        let won = store::trigger_key::acquire(kind, &at(keys, &open));
        open.retain(|index| !won.contains(&keys[*index].run_id));
        if open.is_empty() {
            break;
        }
        // A separate statement: it sees the commits of sessions that the first one waited for.
        let owners = store::trigger_key::owners(kind, &at(keys, &open));
        let (mut vanished, mut free) = (Vec::new(), Vec::new());
        for (index, owner) in open.into_iter().zip(owners) {
            match owner {
                None => vanished.push(index),
                Some(owner) if is_free(&owner.run, owner.expires_at) => {
                    free.push((index, owner.run_id));
                }
                Some(owner) => answers[index] = Some(owner.run),
            }
        }
        let takers: Vec<(&Key, RunId)> = free
            .iter()
            .map(|(index, owner)| (&keys[*index], owner.clone()))
            .collect();
        let taken = if takers.is_empty() {
            Vec::new()
        } else {
            store::trigger_key::take(kind, &takers)
        };
        open = vanished;
        open.extend(
            free.into_iter()
                .map(|(index, _)| index)
                .filter(|index| !taken.contains(&keys[*index].run_id)),
        );
    }
    answers
}

fn at<'a>(keys: &'a [Key], indexes: &[usize]) -> Vec<&'a Key> {
    indexes.iter().map(|index| &keys[*index]).collect()
}
