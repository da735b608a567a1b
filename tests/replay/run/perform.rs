//! Makes the calls that the model's steps stand for.

use std::rc::Rc;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio_postgres::types::{Json, ToSql};

use super::action::{Action, Heard};
use super::asked::Asked;
use super::player::Player;
use crate::call::{call, due, stall};

pub const WORKER: &str = "worker";

/// A process of the worker.
pub struct Process {
    name: String,
    /// The turn that it asks for again if it hears nothing: its name, and what it reports.
    turn: Option<(String, Value)>,
}

impl Process {
    pub fn new(name: String) -> Self {
        Self { name, turn: None }
    }
}

impl Action {
    /// The caller that it is about.
    pub fn caller(&self) -> Option<usize> {
        match self {
            Self::Turn { caller, .. }
            | Self::TurnAgain { caller }
            | Self::Call { caller, .. }
            | Self::Stranger { caller, .. }
            | Self::Crash { caller } => Some(*caller),
            _ => None,
        }
    }
}

/// Does a step; returns the process that begins with it, if the model has one more then, and whether the call about a snapshot that
/// it consists in was answered.
pub async fn perform(player: &mut Player, action: &Action) -> Result<(Process, Option<bool>)> {
    let mut answered = None;
    let session = Rc::clone(&player.session);
    let session = &*session;
    player.begun += 1;
    let mut newcomer = Process::new(format!("process {}", player.begun));
    match action {
        Action::Dequeue { .. } => {
            due(session, &player.run).await?;
            let sql = "select from engine_dequeue($1, worker_id => $2, runner_id => $3)";
            let arguments: [&(dyn ToSql + Sync); 3] = [&player.place, &WORKER, &newcomer.name];
            call(session, sql, &arguments).await?;
        }
        Action::Work { heard } => {
            let turn = (*heard == Heard::Later).then(|| (player.turn(), json!([])));
            take_turn(player, &newcomer.name, &json!([]), turn.as_ref()).await?;
            newcomer.turn = turn;
        }
        Action::Turn { caller, end, .. } => {
            let end = completion(player, *caller, end.json())?;
            let turn = (player.turn(), json!([end]));
            let process = &player.processes[*caller].name;
            take_turn(player, process, &turn.1, Some(&turn)).await?;
            player.processes[*caller].turn = Some(turn);
        }
        Action::TurnAgain { caller } => {
            let Process { name, turn } = &player.processes[*caller];
            let turn = turn.as_ref().context("it has taken no turn")?;
            take_turn(player, name, &turn.1, Some(turn)).await?;
        }
        Action::Call { caller, asked, .. } => {
            let process = &player.processes[*caller].name;
            answered = Some(ask(player, *caller, *asked, process).await?);
        }
        Action::Stranger { caller, asked } => {
            answered = Some(ask(player, *caller, *asked, "stranger").await?);
        }
        Action::Crash { .. } => {}
        Action::Stall => stall(session, &player.run).await?,
        Action::Unblock { .. } => {
            let sql = "select engine_complete_waitpoint(e.waitpoint_id) from engine.edge as e where e.run_id = $1";
            call(session, sql, &[&player.run]).await?;
        }
        Action::Cancel { is_final } => {
            let sql = "select from engine_cancel($1, finalize => $2)";
            call(session, sql, &[&player.run, is_final]).await?;
        }
        Action::Redrive => {
            let sql = "select from engine_redrive($1)";
            call(session, sql, &[&player.run]).await?;
        }
    }
    Ok((newcomer, answered))
}

async fn take_turn(
    player: &Player,
    process: &str,
    ends: &Value,
    turn: Option<&(String, Value)>,
) -> Result<()> {
    due(&player.session, &player.run).await?;
    let sql = "select from engine_work($1, $2, worker_id => $3, runner_id => $4, turn_id => $5)";
    let name = turn.map(|(name, _)| name);
    call(
        &player.session,
        sql,
        &[&Json(ends), &player.place, &WORKER, &process, &name],
    )
    .await?;
    Ok(())
}

async fn ask(player: &Player, caller: usize, asked: Asked, process: &str) -> Result<bool> {
    let (session, run, held) = (&player.session, &player.run, player.held(caller)?);
    let answer = match asked {
        Asked::Start => {
            let sql = "select from engine_start_attempt($1, $2, $3, $4)";
            call(session, sql, &[run, &held, &WORKER, &process]).await?
        }
        Asked::Release => {
            let sql = "select from engine_release($1, $2, $3, $4)";
            call(session, sql, &[run, &held, &WORKER, &process]).await?
        }
        Asked::Block => {
            let sql = "select from engine_create_manual_waitpoint(environment_id => (select r.environment_id from engine.run as r where r.id = $1)) as w, \
                       engine_block($1, array[w.waitpoint_id], worker_id => $3, runner_id => $4, snapshot_id => $2)";
            call(session, sql, &[run, &held, &WORKER, &process]).await?
        }
        Asked::Complete(end) => {
            let sql = "select from engine_complete_attempt($1, $2, $3, $4, $5)";
            let end = Json(end.json());
            call(session, sql, &[run, &held, &end, &WORKER, &process]).await?
        }
    };
    Ok(answer.is_some())
}

/// The end of a caller's run, as a turn reports it.
fn completion(player: &Player, caller: usize, mut end: Value) -> Result<Value> {
    end["run_id"] = json!(player.run);
    end["snapshot_id"] = json!(player.held(caller)?);
    Ok(end)
}
