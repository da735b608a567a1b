//! A family that is on its way.

use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use engine_harness::Session;

use super::action::Action;
use super::perform::perform;
use super::seen::{Latest, SeenFamily};
use super::state::{State, Who};
use super::system::System;
use super::tick;
use crate::played::{self, Played};
use crate::row::Snapshot;
use crate::stage::Stage;

/// What the server calls the family.
#[derive(Default)]
pub struct Names {
    /// The parent and the child.
    pub runs: [Option<String>; 2],
    pub batch: Option<String>,
    /// What the parent waits for.
    pub waitpoint: Option<String>,
}

pub struct Player {
    pub session: Rc<Session>,
    /// Another session, which holds locks.
    pub other: Rc<Session>,
    place: String,
    pub names: Names,
    pub state: State,
    /// The server's snapshots, by their numbers in the model.
    snapshots: HashMap<(Who, Snapshot), String>,
    latest: Latest,
    /// The processes of the model's workers, in its order.
    processes: Vec<String>,
    /// How many processes there were.
    begun: u32,
}

impl played::Player<System> for Player {
    async fn begin(stage: &Stage, place: String, beginning: &State) -> Result<Self> {
        let mut player = Self {
            session: Rc::clone(&stage.session),
            other: Rc::clone(&stage.other),
            place,
            names: Names::default(),
            state: beginning.clone(),
            snapshots: HashMap::new(),
            latest: [None, None],
            processes: Vec::new(),
            begun: 0,
        };
        let sql = "select run_id from engine_trigger('parent', environment_id => 'replay', worker_queue => $1, \
                   max_attempts => 2, machine => 'small-1x')";
        let queue = player.queue(Who::Parent);
        let row = player.session.client.query_one(sql, &[&queue]).await?;
        player.names.runs[0] = Some(row.get(0));
        player.arrive(beginning.clone()).await?;
        Ok(player)
    }

    async fn go(&mut self, system: &System, action: &Action) -> Result<()> {
        let after = Played::step(system, &self.state, action);
        self.begun += 1;
        let told = perform(self, action).await?;
        let is_gone = match action {
            Action::Start { .. } | Action::Wait { .. } => {
                after.workers.len() < self.state.workers.len()
            }
            _ => true,
        };
        let mut process = self.newcomer();
        if let Some(worker) = action.worker().filter(|_| is_gone) {
            process = self.processes.remove(worker);
        }
        let newcomers = after.workers.len() - self.processes.len();
        ensure!(
            told.is_none_or(|told| told == newcomers),
            "the server tells a worker of {told:?} runs, the model of {newcomers}"
        );
        self.processes.extend(vec![process; newcomers]);
        self.arrive(after).await?;
        tick::put_off(&self.session).await
    }
}

impl Player {
    /// Compares the server with the model, which is at `after`.
    async fn arrive(&mut self, after: State) -> Result<()> {
        let (seen, latest) = SeenFamily::read(&self.session, &self.names).await?;
        let expected = SeenFamily::of(&after);
        ensure!(
            seen == expected,
            "the server is at {seen:#?}, the model at {expected:#?}"
        );
        for (index, who) in Who::BOTH.into_iter().enumerate() {
            let number = |state: &State| state.member(who).map(|run| run.row.snapshot);
            let is_new = latest[index] != self.latest[index];
            let has_moved = number(&after) != number(&self.state);
            // The first snapshot of all has been there before the first step.
            ensure!(
                is_new == has_moved || self.begun == 0,
                "the server has a new snapshot of the {who:?}: {is_new}"
            );
            if let (Some(number), Some(id)) = (number(&after), &latest[index]) {
                self.snapshots.insert((who, number), id.clone());
            }
        }
        self.latest = latest;
        self.state = after;
        Ok(())
    }

    /// The worker queue of a run, which has no other one.
    pub fn queue(&self, who: Who) -> String {
        format!("{}_{who:?}", self.place)
    }

    pub fn run(&self, who: Who) -> Result<&String> {
        let run = &self.names.runs[who as usize];
        run.as_ref().context("there is no such run")
    }

    /// The process that begins with this step.
    pub fn newcomer(&self) -> String {
        format!("process {}", self.begun)
    }

    /// The process of a worker, the run that it holds, and the snapshot by which it does.
    pub fn held(&self, worker: usize) -> Result<(&String, &String, &String)> {
        let held = self.state.workers[worker];
        let Some(snapshot) = self.snapshots.get(&(held.who, held.snapshot)) else {
            bail!("worker {worker} holds a snapshot that was never the latest")
        };
        Ok((&self.processes[worker], self.run(held.who)?, snapshot))
    }
}
