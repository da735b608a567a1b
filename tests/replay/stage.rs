//! A server on which ways are played.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use engine_harness::{Database, Session};

use crate::action::Action;
use crate::begin::{ENVIRONMENTS, FIRST, begin};
use crate::perform::{Process, perform};
use crate::row::Snapshot;
use crate::seen::Seen;
use crate::state::State;
use crate::system::System;
use crate::way::{Way, step};

/// The check reads every run. It comes once more when the test has ended.
const WAYS_PER_CHECK: u32 = 20;

pub struct Stage {
    session: Session,
    /// How many ways were played: each has a worker queue of its own.
    played: Cell<u32>,
}

/// A run that is on its way.
pub struct Player<'a> {
    pub session: &'a Session,
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

impl Stage {
    /// # Errors
    /// If the server refuses the settings of the model.
    pub async fn set() -> Result<Self> {
        let database = Database::fresh().await?;
        database.set("engine.queue_max_attempts", "3").await?;
        let session = Session::open(&database).await?;
        session.client.batch_execute(ENVIRONMENTS).await?;
        let keep = "select engine_set_retention(keep => null)";
        session.client.batch_execute(keep).await?;
        Ok(Self {
            session,
            played: Cell::new(0),
        })
    }

    /// Plays a way; returns how many steps it has.
    ///
    /// # Errors
    /// If the server is elsewhere than the model after one of them.
    pub async fn play(&self, system: &System, way: &Way) -> Result<usize> {
        self.played.set(self.played.get() + 1);
        let place = format!("way_{}", self.played.get());
        let run = begin(&self.session, &place, &way.beginning).await?;
        let (seen, latest) = Seen::read(&self.session, &run).await?;
        ensure!(
            seen == Seen::of(&way.beginning),
            "the run begins as {seen:?}"
        );
        let mut player = Player {
            session: &self.session,
            place,
            run,
            snapshots: HashMap::from([(way.beginning.row.snapshot, latest)]),
            processes: Vec::new(),
            begun: 0,
            state: way.beginning.clone(),
        };
        for _ in &way.beginning.callers {
            player.processes.push(Process::new(FIRST.to_owned()));
        }
        for (number, action) in way.actions.iter().enumerate() {
            let after = step(system, &player.state, action);
            let place = || format!("step {number} of {way}");
            player.go(system, action, after).await.with_context(place)?;
        }
        if self.played.get().is_multiple_of(WAYS_PER_CHECK) {
            self.session.check().await?;
        }
        Ok(way.actions.len())
    }
}

impl Player<'_> {
    async fn go(&mut self, system: &System, action: &Action, after: State) -> Result<()> {
        let (newcomer, answered) = perform(self, action).await?;
        let expected = answer(system, &self.state, action);
        ensure!(
            answered == expected,
            "the server answers: {answered:?}, the model: {expected:?}"
        );
        let (seen, latest) = Seen::read(self.session, &self.run).await?;
        let expected = Seen::of(&after);
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
