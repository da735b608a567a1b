//! Callers: worker processes, each with the snapshot that it holds.

use super::asked::Asked;
use super::row::Snapshot;

/// A worker process with a call under way, whose kind is chosen when it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Caller {
    pub holds: Snapshot,
    pub recalls: Recalls,
}

/// What a caller may ask for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Recalls {
    Nothing,
    /// This call, whose answer was lost: it took effect, and nothing has happened to the run since.
    Call(Asked),
    /// A turn that has a name, whose answer was lost: the snapshot that it brought, if any. It is asked for again before
    /// anything else.
    Turn(Option<Snapshot>),
}

impl Caller {
    /// A caller that has been told of this snapshot.
    pub fn new(holds: Snapshot) -> Self {
        Self {
            holds,
            recalls: Recalls::Nothing,
        }
    }

    /// Whether it waits for the answer to its turn.
    pub fn awaits_turn(self) -> bool {
        matches!(self.recalls, Recalls::Turn(_))
    }

    /// The caller with other numbers for the snapshots that it knows.
    pub fn renumbered(self, rank: impl Fn(Snapshot) -> Snapshot) -> Self {
        Self {
            holds: rank(self.holds),
            recalls: match self.recalls {
                Recalls::Turn(Some(snapshot)) => Recalls::Turn(Some(rank(snapshot))),
                recalls => recalls,
            },
        }
    }

    /// The snapshots that it knows.
    pub fn known(self) -> impl Iterator<Item = Snapshot> {
        let brought = match self.recalls {
            Recalls::Turn(snapshot) => snapshot,
            Recalls::Nothing | Recalls::Call(_) => None,
        };
        [self.holds].into_iter().chain(brought)
    }
}
