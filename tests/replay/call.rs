//! Calls that steps of a model consist in.

use anyhow::Result;
use engine_harness::Session;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// Makes a call that the engine may refuse; returns its rows if it did not.
pub async fn call(
    session: &Session,
    sql: &str,
    arguments: &[&(dyn ToSql + Sync)],
) -> Result<Option<Vec<Row>>> {
    let error = match session.client.query(sql, arguments).await {
        Ok(rows) => return Ok(Some(rows)),
        Err(error) => error,
    };
    let is_refused = error
        .code()
        .is_some_and(|code| code.code().starts_with("RE"));
    if is_refused {
        Ok(None)
    } else {
        Err(error.into())
    }
}

/// Time passes for a run that is queued: in the models it is always due.
pub async fn due(session: &Session, run: &str) -> Result<()> {
    let sql = "update engine.queue_item set available_at = '2000-01-01Z', is_ahead = true where run_id = $1";
    session.client.execute(sql, &[&run]).await?;
    Ok(())
}

/// The deadline of a run passes, and a tick that has no time for anything else finds it.
pub async fn stall(session: &Session, run: &str) -> Result<()> {
    let lapse = "update engine.heartbeat set check_at = '2000-01-01Z', deadline_at = '2000-01-01Z' where run_id = $1";
    session.client.execute(lapse, &[&run]).await?;
    session
        .client
        .execute("select from engine_tick(1)", &[])
        .await?;
    Ok(())
}
