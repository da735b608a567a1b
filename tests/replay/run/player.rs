//! A run that is on its way.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use engine_harness::Session;

use super::action::Action;
use super::begin::{FIRST, begin};
use super::perform::{Process, perform};
use super::state::State;
use super::system::System;
use crate::played::{self, Played};
use crate::row::Snapshot;
use crate::seen::Seen;
use crate::stage::Stage;

pub struct Player {
    pub session: Rc<Session>,
    pub place: String,
    pub run: String,
    /// The server's snapshots, by their numbers in the model.
    pub snapshots: HashMap<Snapshot, String>,
    /// The processes that the model's callers are, in its order.
    pub processes: Vec<Process>,
    /// How many processes there were.
    pub begun: u32,
    state: State,
}

impl played::Player<System> for Player {
    async fn begin(stage: &Stage, place: String, beginning: &State) -> Result<Self> {
        let session = Rc::clone(&stage.session);
        let run = begin(&session, &place, beginning).await?;
        let (seen, latest) = read(&session, &run).await?;
        ensure!(seen == expected(beginning), "the run begins as {seen:?}");
        let first = |_| Process::new(FIRST.to_owned());
        Ok(Self {
            session,
            place,
            run,
            snapshots: HashMap::from([(beginning.row.snapshot, latest)]),
            processes: beginning.callers.iter().map(first).collect(),
            begun: 0,
            state: beginning.clone(),
        })
    }

    async fn go(&mut self, system: &System, action: &Action) -> Result<()> {
        let after = Played::step(system, &self.state, action);
        let (newcomer, answered) = perform(self, action).await?;
        let answer = answer(system, &self.state, action);
        ensure!(
            answered == answer,
            "the server answers: {answered:?}, the model: {answer:?}"
        );
        let (seen, latest) = read(&self.session, &self.run).await?;
        let expected = expected(&after);
        ensure!(
            seen == expected,
            "the server is at {seen:?}, the model at {expected:?}"
        );
        let before = self.snapshots.get(&self.state.row.snapshot);
        let is_new = before != Some(&latest);
        ensure!(
            is_new == (after.row.snapshot != self.state.row.snapshot),
            "the server has a new snapshot: {is_new}"
        );
        self.snapshots.insert(after.row.snapshot, latest);
        match after.callers.len().cmp(&self.processes.len()) {
            Ordering::Greater => self.processes.push(newcomer),
            Ordering::Less => {
                let gone = action.caller().context("nobody has left")?;
                self.processes.remove(gone);
            }
            Ordering::Equal => {}
        }
        self.state = after;
        Ok(())
    }
}

impl Player {
    /// The name of the next turn, which no other one has.
    pub fn turn(&self) -> String {
        format!("{} {}", self.place, self.begun)
    }

    /// The snapshot that a caller holds.
    pub fn held(&self, caller: usize) -> Result<String> {
        let number = self.state.callers[caller].holds;
        let found = self.snapshots.get(&number);
        Ok(found.context("a snapshot of nobody's")?.clone())
    }
}

/// What the server must show of the run.
fn expected(state: &State) -> Seen {
    let latest = state.row.snapshot;
    let deadline = state.deadline;
    let deadline = deadline.map(|deadline| (deadline.snapshot == latest, deadline.holds_slot));
    Seen::of(&state.row, state.has_item, deadline)
}

async fn read(session: &Session, run: &str) -> Result<(Seen, String)> {
    let seen = Seen::read(session, run).await?;
    seen.context("the run was removed")
}

/// Whether the model answers a call about a snapshot, or refuses it.
fn answer(system: &System, state: &State, action: &Action) -> Option<bool> {
    let (caller, asked, is_holders) = match action {
        Action::Call { caller, asked, .. } => (*caller, *asked, true),
        Action::Stranger { caller, asked } => (*caller, *asked, false),
        _ => return None,
    };
    let held = state.callers[caller].holds;
    let answer = system.ask(&mut state.clone(), held, asked, is_holders);
    Some(answer.is_ok())
}
