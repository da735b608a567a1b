//! A shard that is not here, or is being moved: which calls are refused, and how waiting ones end.

mod call;
mod wait;

use anyhow::Result;
use engine_harness::{Database, Session};

/// A session of a database with the environment `there` on shard 7.
async fn open(database: &Database) -> Result<Session> {
    let session = Session::open(database).await?;
    let there = "select engine_set_environment('there', shard => 7)";
    session.client.batch_execute(there).await?;
    Ok(session)
}

/// Sets shard 7.
async fn set(session: &Session, state: &str) -> Result<()> {
    let place = if state == "SERVING" {
        "null"
    } else {
        "'node-b'"
    };
    let sql = format!("select engine_set_shard(7, '{state}', {place})");
    Ok(session.client.batch_execute(&sql).await?)
}
