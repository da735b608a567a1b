//! Ticks that do one thing, and locks of another session while something is done.

use anyhow::{Context, Result};
use engine_harness::Session;

use super::action::Action;
use super::player::Player;
use super::state::{Awaited, Who};

/// What is noted for the tick is left to the steps that do it.
pub async fn put_off(session: &Session) -> Result<()> {
    let sql = "update engine.timer set due_at = '2100-01-01Z' where due_at < '2100-01-01Z'";
    session.client.execute(sql, &[]).await?;
    Ok(())
}

/// A tick that does what is noted about this run or batch, and nothing else.
pub async fn of_note(session: &Session, kind: &str, subject: &str) -> Result<()> {
    let due = "update engine.timer set due_at = '2000-01-01Z' where kind = $1 and split_part(id, '/', 1) = $2";
    session.client.execute(due, &[&kind, &subject]).await?;
    session
        .client
        .execute("select from engine_tick()", &[])
        .await?;
    Ok(())
}

/// Locks what another session has locked during this step.
pub async fn lock(player: &Player, action: &Action) -> Result<()> {
    let Some(table) = locked(player, action) else {
        return Ok(());
    };
    let (sql, id) = match table {
        Locked::Batch => {
            let batch = player.names.batch.as_ref().context("there is no batch")?;
            ("select from engine.batch where id = $1 for update", batch)
        }
        Locked::Run(who) => {
            let sql = "select from engine.run_state where run_id = $1 for update";
            (sql, player.run(who)?)
        }
    };
    player.other.client.batch_execute("begin").await?;
    player.other.client.execute(sql, &[id]).await?;
    Ok(())
}

pub async fn unlock(player: &Player) -> Result<()> {
    Ok(player.other.client.batch_execute("rollback").await?)
}

enum Locked {
    Run(Who),
    Batch,
}

fn locked(player: &Player, action: &Action) -> Option<Locked> {
    let at_end = match player.state.awaited {
        Awaited::Batch => Locked::Batch,
        Awaited::Child | Awaited::Token => Locked::Run(Who::Parent),
    };
    match action {
        Action::End {
            is_locked: true, ..
        }
        | Action::Turn {
            is_locked: true, ..
        }
        | Action::Stall {
            is_locked: true, ..
        }
        | Action::Cancel {
            is_locked: true, ..
        } => Some(at_end),
        Action::Complete { is_locked: true } => Some(Locked::Run(Who::Parent)),
        Action::TickCancels { is_locked: true } => Some(Locked::Run(Who::Child)),
        Action::TickEndsBatch { is_locked: true } => Some(Locked::Batch),
        _ => None,
    }
}
