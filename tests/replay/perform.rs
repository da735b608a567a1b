//! Makes the calls that the model's steps stand for.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio_postgres::types::{Json, ToSql};

use crate::action::{Action, Heard};
use crate::asked::Asked;
use crate::stage::Player;

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
pub async fn perform(player: &mut Player<'_>, action: &Action) -> Result<(Process, Option<bool>)> {
    let mut answered = None;
    player.begun += 1;
    let mut newcomer = Process::new(format!("process {}", player.begun));
    match action {
        Action::Dequeue { .. } => {
            due(player).await?;
            let sql = "select from engine_dequeue($1, worker_id => $2, runner_id => $3)";
            call(player, sql, &[&player.place, &WORKER, &newcomer.name]).await?;
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
        Action::Stall => {
            let lapse = "update engine.heartbeat set check_at = '2000-01-01Z', deadline_at = '2000-01-01Z' where run_id = $1";
            call(player, lapse, &[&player.run]).await?;
            call(player, "select from engine_tick()", &[]).await?;
        }
        Action::Unblock { .. } => {
            let sql = "select engine_complete_waitpoint(e.waitpoint_id) from engine.edge as e where e.run_id = $1";
            call(player, sql, &[&player.run]).await?;
        }
        Action::Cancel { is_final } => {
            let sql = "select from engine_cancel($1, finalize => $2)";
            call(player, sql, &[&player.run, is_final]).await?;
        }
        Action::Redrive => {
            call(player, "select from engine_redrive($1)", &[&player.run]).await?;
        }
    }
    Ok((newcomer, answered))
}

/// Time passes for a run that is queued: in the model it is always due.
async fn due(player: &Player<'_>) -> Result<bool> {
    let sql = "update engine.queue_item set available_at = '2000-01-01Z', is_ahead = true where run_id = $1";
    call(player, sql, &[&player.run]).await
}

async fn take_turn(
    player: &Player<'_>,
    process: &str,
    ends: &Value,
    turn: Option<&(String, Value)>,
) -> Result<bool> {
    due(player).await?;
    let sql = "select from engine_work($1, $2, worker_id => $3, runner_id => $4, turn_id => $5)";
    let name = turn.map(|(name, _)| name);
    call(
        player,
        sql,
        &[&Json(ends), &player.place, &WORKER, &process, &name],
    )
    .await
}

async fn ask(player: &Player<'_>, caller: usize, asked: Asked, process: &str) -> Result<bool> {
    let (run, held) = (&player.run, player.held(caller)?);
    match asked {
        Asked::Start => {
            let sql = "select from engine_start_attempt($1, $2, $3, $4)";
            call(player, sql, &[run, &held, &WORKER, &process]).await
        }
        Asked::Release => {
            let sql = "select from engine_release($1, $2, $3, $4)";
            call(player, sql, &[run, &held, &WORKER, &process]).await
        }
        Asked::Block => {
            let sql = "select from engine_create_manual_waitpoint(environment_id => (select r.environment_id from engine.run as r where r.id = $1)) as w, \
                       engine_block($1, array[w.waitpoint_id], worker_id => $3, runner_id => $4, snapshot_id => $2)";
            call(player, sql, &[run, &held, &WORKER, &process]).await
        }
        Asked::Complete(end) => {
            let sql = "select from engine_complete_attempt($1, $2, $3, $4, $5)";
            let end = Json(end.json());
            call(player, sql, &[run, &held, &end, &WORKER, &process]).await
        }
    }
}

/// The end of a caller's run, as a turn reports it.
fn completion(player: &Player<'_>, caller: usize, mut end: Value) -> Result<Value> {
    end["run_id"] = json!(player.run);
    end["snapshot_id"] = json!(player.held(caller)?);
    Ok(end)
}

/// Makes a call that the engine may refuse; returns whether it did not.
async fn call(player: &Player<'_>, sql: &str, arguments: &[&(dyn ToSql + Sync)]) -> Result<bool> {
    let Err(error) = player.session.client.query(sql, arguments).await else {
        return Ok(true);
    };
    let is_refused = error
        .code()
        .is_some_and(|code| code.code().starts_with("RE"));
    if is_refused {
        Ok(false)
    } else {
        Err(error.into())
    }
}
