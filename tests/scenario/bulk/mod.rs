//! Bulk actions: one action on all runs that match a filter, worked through by the tick.

mod action;
mod filter;
mod step;

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::Value;

async fn open() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// The answer of `engine_bulk`; `arguments` is the text between its parentheses.
async fn bulk(session: &Session, arguments: &str) -> Result<Value> {
    let sql = format!("select to_jsonb(b) from engine_bulk({arguments}) as b");
    Ok(session.client.query_one(&sql, &[]).await?.get(0))
}

/// Starts a bulk action; returns its id.
async fn begin(session: &Session, arguments: &str) -> Result<String> {
    let begun = bulk(session, &format!("{arguments}, dry_run => false")).await?;
    let id = begun["bulk_id"].as_str().context("it has no id")?;
    Ok(id.to_owned())
}

/// A bulk action as its view shows it.
async fn seen(session: &Session, id: &str) -> Result<Value> {
    let sql = "select to_jsonb(b) from engine.bulk as b where bulk_id = $1";
    Ok(session.client.query_one(sql, &[&id]).await?.get(0))
}

/// Ticks until a bulk action has ended; returns it.
async fn ended(session: &Session, id: &str) -> Result<Value> {
    for _ in 0..100 {
        let bulk = seen(session, id).await?;
        if bulk["state"] != "RUNNING" {
            return Ok(bulk);
        }
        session.tick().await?;
    }
    anyhow::bail!("it does not end: {}", seen(session, id).await?)
}

fn counts(bulk: &Value) -> [i64; 4] {
    ["total", "done", "skipped", "refused"].map(|key| bulk[key].as_i64().unwrap_or(-1))
}

/// Triggers many runs of a task in its queue.
async fn trigger_many(session: &Session, task: &str, count: i32) -> Result<()> {
    let sql = "select count(*) from generate_series(1, $2::integer) as n, lateral engine_trigger($1, tags => array['many'], metadata => to_jsonb(n))";
    session.client.query_one(sql, &[&task, &count]).await?;
    Ok(())
}
