//! Replays: a new run does the work of another one again.

use engine_core::Refusal;
use pgrx::pg_extern;

use super::row::TriggeredRow;
use super::trigger::row;
use crate::backend::caller::entries;
use crate::backend::rows::Rows;
use crate::error::OrRaise;
use crate::{api, flow};

entries!(engine_replay: engine_replay_0_2);

/// Triggers a new run that does the work of another one again, and returns it.
///
/// It takes over task, payload, queue, limits, tags and metadata, whatever the result of the other run, and begins with
/// attempt 1. With `keep_steps` it begins with the results of the other run's steps and waits: waitpoints whose key begins
/// with `run/`, the run's id and `/`, and that completed without an error, exist under its own id too; so do such batches, if
/// all their runs succeeded. Other children are triggered again.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `22023` if more than 10,000 steps and waits were to be kept, or for a run that has ended and of which nothing is kept.
/// - `54000` if its payload is over the present limit.
#[pg_extern(sql = false)]
fn engine_replay_0_2(run_id: Option<&str>, keep_steps: Option<bool>) -> Rows<TriggeredRow> {
    api::enter_writing().or_raise();
    Rows::new(replay(run_id, keep_steps.unwrap_or(false)).or_raise())
}

fn replay(run_id: Option<&str>, keep_steps: bool) -> Result<Vec<TriggeredRow>, Refusal> {
    let run_id = api::run_id(run_id)?;
    let now = flow::now();
    let triggered = flow::replay::replay(&run_id, keep_steps, now)?;
    Ok(triggered.into_iter().map(|run| row(run, now)).collect())
}
