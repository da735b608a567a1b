//! What followed a snapshot, as far as a call that is made again depends on it.

use std::borrow::Cow;

use engine_core::{ExecutionStatus, Next, Plan, Timestamp, Transition};

use super::fault::Fault;
use super::row::{Row, Snapshot, snapshot_id};
use super::state::{Scope, State};

/// The cause of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Link {
    pub previous: Snapshot,
    pub snapshot: Snapshot,
    transition: Transition,
    description: Cow<'static, str>,
    before: ExecutionStatus,
    /// Whether the caller that held the previous snapshot wrote it.
    is_holders: bool,
}

impl Link {
    /// The step from `before` to `after` by this plan.
    pub fn new(before: &Row, plan: &Plan, after: &Row, is_holders: bool) -> Option<Self> {
        let (transition, description) = match plan {
            Plan::Dequeue { .. } => (Transition::Dequeued, "Dequeued".into()),
            Plan::Start { .. } => (Transition::Started, "Attempt started".into()),
            Plan::Finish(finish) => (finish.transition, finish.description.clone()),
            Plan::Move(moved) => (moved.transition, moved.description.clone()),
            Plan::Refuse { .. } | Plan::Notify | Plan::Keep => return None,
        };
        Some(Self {
            previous: before.snapshot,
            snapshot: after.snapshot,
            transition,
            description,
            before: before.execution_status,
            is_holders,
        })
    }

    /// Whether it cancels a run that was dequeued and not started.
    pub fn cancels_before_start(&self) -> bool {
        self.transition == Transition::CancelRequested
            && self.before == ExecutionStatus::PendingExecuting
    }

    /// As the engine reads it, for the process that held the previous snapshot or for another one.
    fn next(&self, row: &Row, is_asked_by_holder: bool) -> Next {
        Next {
            snapshot_id: snapshot_id(self.snapshot),
            transition: self.transition,
            execution_status: row.execution_status,
            run_status: row.run_status,
            attempt_number: row.attempt_number,
            description: self.description.clone().into_owned(),
            created_at: Timestamp::from_micros(0),
            retry_at: None,
            is_callers: self.is_holders && is_asked_by_holder,
            before: self.before,
        }
    }
}

impl State {
    /// What followed a snapshot that is not the latest. The end of a run that was cancelled before its start follows the
    /// cancel.
    pub fn next(&self, given: Snapshot, is_asked_by_holder: bool, fault: Fault) -> Option<Next> {
        if given == self.row.snapshot || fault == Fault::AnswersAreForgotten {
            return None;
        }
        let mut link = self.link_after(given)?;
        if link.cancels_before_start() {
            link = self.link_after(link.snapshot).unwrap_or(link);
        }
        let is_asked_by_holder = is_asked_by_holder || fault == Fault::OthersAreAnswered;
        Some(link.next(&self.row, is_asked_by_holder))
    }

    /// Whether the run was cancelled after the dequeue with this snapshot, and nothing else has happened since.
    pub fn is_cancelled_before_start(&self, given: Snapshot) -> bool {
        let link = self.link_after(given);
        link.is_some_and(|link| link.cancels_before_start() && link.snapshot == self.row.snapshot)
    }

    /// The snapshot before the latest one.
    pub fn previous(&self) -> Option<Snapshot> {
        let latest = |link: &&Link| link.snapshot == self.row.snapshot;
        self.links.iter().find(latest).map(|link| link.previous)
    }

    fn link_after(&self, given: Snapshot) -> Option<&Link> {
        self.links.iter().find(|link| link.previous == given)
    }

    /// Forgets what no caller can ask for any more: only what leads from its snapshot to the latest one matters.
    pub fn forget_links(&mut self) {
        if self.scope == Scope::Callers {
            self.links.clear();
            return;
        }
        let is_held = |snapshot| self.callers.iter().any(|caller| caller.holds == snapshot);
        let cancel = |of: Snapshot| {
            let cancels = |link: &&Link| link.snapshot == of && link.cancels_before_start();
            let cancel = self.links.iter().find(cancels);
            cancel.filter(|link| is_held(link.previous)).cloned()
        };
        let last = self
            .links
            .iter()
            .find(|link| link.snapshot == self.row.snapshot);
        let last = last.cloned();
        let first = last.as_ref().and_then(|last| cancel(last.previous));
        let last = last.filter(|last| first.is_some() || is_held(last.previous));
        self.links = first.into_iter().chain(last).collect();
    }
}
