//! Names of steps and waits: each use of a name is distinct.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The names that an attempt has used, with the number of each name's last use.
///
/// The next attempt starts again, so that the same use has the same name in both.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<HashMap<String, u32>>);

impl Names {
    /// The name of the next use of `name`: first `name` itself, then `name#2` and so on, except names that the
    /// handler itself has used for something else.
    pub(super) fn next(&self, kind: &str, name: &str) -> String {
        let first = format!("{kind}/{name}");
        let mut names = self.names();
        loop {
            let number = names.entry(first.clone()).or_insert(0);
            *number += 1;
            if *number == 1 {
                return first;
            }
            let next = format!("{first}#{number}");
            if let Entry::Vacant(entry) = names.entry(next.clone()) {
                entry.insert(1);
                return next;
            }
        }
    }

    /// Nothing can panic while it is locked.
    fn names(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_of_a_name_has_its_own() {
        let names = Names::default();
        let next = |name| names.next("step", name);
        assert_eq!(next("s"), "step/s");
        assert_eq!(next("s#2"), "step/s#2");
        assert_eq!(next("s"), "step/s#3");
        assert_eq!(next("s#3"), "step/s#3#2");
        assert_eq!(names.next("wait", "s"), "wait/s");
    }
}
