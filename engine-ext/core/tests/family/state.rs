//! A state of the model: the family, what it waits for, what is noted for the tick, and the workers.

use super::member::Member;
use super::row::Snapshot;

/// What the parent waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Awaited {
    /// The end of its child.
    Child,
    /// The end of a batch whose last item its child is.
    Batch,
    /// A waitpoint that a caller completes; the child begins with it, and nothing waits for that.
    Token,
}

impl Awaited {
    pub const ALL: [Self; 3] = [Self::Child, Self::Batch, Self::Token];
}

/// One of the two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    Parent,
    Child,
}

impl Who {
    pub const BOTH: [Self; 2] = [Self::Parent, Self::Child];
}

/// What a worker holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Held {
    pub who: Who,
    pub snapshot: Snapshot,
}

/// What is left to the tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Notes {
    pub resume_parent: bool,
    pub cancel_child: bool,
    pub end_batch: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub awaited: Awaited,
    /// None once it is removed.
    pub parent: Option<Member>,
    /// None before it is triggered, and once it is removed.
    pub child: Option<Member>,
    pub was_triggered: bool,
    /// Whether what the parent waits for is completed; none if it does not exist.
    pub waitpoint: Option<bool>,
    pub has_edge: bool,
    pub notes: Notes,
    /// At most two, in order.
    pub workers: Vec<Held>,
    /// The rule that the last step broke.
    pub broken: Option<&'static str>,
}

impl State {
    pub fn begin(awaited: Awaited) -> Self {
        Self {
            awaited,
            parent: Some(Member::queued()),
            child: None,
            was_triggered: false,
            waitpoint: None,
            has_edge: false,
            notes: Notes::default(),
            workers: Vec::new(),
            broken: None,
        }
    }

    pub fn member(&self, who: Who) -> Option<&Member> {
        match who {
            Who::Parent => self.parent.as_ref(),
            Who::Child => self.child.as_ref(),
        }
    }

    pub fn member_mut(&mut self, who: Who) -> Option<&mut Member> {
        match who {
            Who::Parent => self.parent.as_mut(),
            Who::Child => self.child.as_mut(),
        }
    }

    /// Whether what waits for the end of this run can be locked by another session. Every step of a run waits for its own lock.
    pub fn locked_at_end(&self, who: Who) -> Vec<bool> {
        if who == Who::Child && self.awaited != Awaited::Token {
            vec![false, true]
        } else {
            vec![false]
        }
    }

    /// Whether a session that locks what waits for the child locks this run.
    pub fn locks(&self, who: Who) -> bool {
        who == Who::Parent && self.awaited == Awaited::Child
    }

    /// Whether this run has ended, or is not there.
    pub fn is_over(&self, who: Who) -> bool {
        self.member(who).is_none_or(Member::has_ended)
    }

    /// This state with the snapshots of each run renumbered from 0, in the same order: they are only ever compared.
    pub fn renumbered(mut self) -> Self {
        for who in Who::BOTH {
            let of_workers = self.workers.iter().filter(|held| held.who == who);
            let mut known: Vec<Snapshot> = of_workers.map(|held| held.snapshot).collect();
            if let Some(member) = self.member(who) {
                known.push(member.row.snapshot);
                known.extend(member.deadline.map(|deadline| deadline.snapshot));
            }
            known.sort_unstable();
            known.dedup();
            let rank = |snapshot: Snapshot| known.iter().filter(|known| **known < snapshot).count();
            for held in self.workers.iter_mut().filter(|held| held.who == who) {
                held.snapshot = rank(held.snapshot);
            }
            if let Some(member) = self.member_mut(who) {
                member.row.snapshot = rank(member.row.snapshot);
                if let Some(deadline) = &mut member.deadline {
                    deadline.snapshot = rank(deadline.snapshot);
                }
            }
        }
        self.workers.sort_unstable();
        self
    }
}
