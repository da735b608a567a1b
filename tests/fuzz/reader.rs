//! No accepted value may prevent reading: every table and view, every function that only reads, all events.

use anyhow::{Context, Result, bail};
use tokio_postgres::Client;

use crate::catalog::Function;

/// Events per call.
const PAGE: i32 = 500;

/// Everything that cannot be read, or that no client could parse.
///
/// # Errors
/// If the session is gone, or a reader has a parameter that is not known here.
pub async fn complaints(client: &Client, functions: &[Function]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    client.batch_execute("reset all").await?;
    tables(client, &mut found).await?;
    let readers = functions.iter().filter(|function| !function.writes);
    for function in readers {
        let Some(calls) = calls_of(function)? else {
            continue;
        };
        attempt(client, &calls, &mut found).await;
    }
    events(client, &mut found).await;
    Ok(found)
}

/// Every row of every table and view, and no moment that is not in the years 1 to 9999.
async fn tables(client: &Client, found: &mut Vec<String>) -> Result<()> {
    let sql = "select c.relname, coalesce(array_agg(a.attname) filter (where a.atttypid = 'timestamptz'::regtype), '{}') \
               from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
               where c.relnamespace = 'engine'::regnamespace and c.relkind in ('r', 'v') group by 1 order by 1";
    for row in client.query(sql, &[]).await? {
        let (table, times): (&str, Vec<&str>) = (row.get(0), row.get(1));
        attempt(
            client,
            &format!("select to_jsonb(t)::text from engine.{table} as t"),
            found,
        )
        .await;
        for time in times {
            let sql = format!(
                "select count(*) from engine.{table} where {time} not between '0001-01-01 00:00:00+00' and '9999-12-31 23:59:59.999999+00'"
            );
            match client.query_one(&sql, &[]).await {
                Ok(row) if row.get::<_, i64>(0) == 0 => {}
                Ok(row) => found.push(format!(
                    "{} rows of {table} have a {time} that no client can read",
                    row.get::<_, i64>(0)
                )),
                Err(error) => found.push(refusal(&sql, &error)),
            }
        }
    }
    Ok(())
}

/// A statement that calls a reader once for every possible subject.
fn calls_of(function: &Function) -> Result<Option<String>> {
    let names: Vec<&str> = function
        .parameters
        .iter()
        .filter(|parameter| !parameter.has_default)
        .map(|parameter| parameter.name.as_str())
        .collect();
    let (arguments, from) = match names.as_slice() {
        [] => {
            return Ok(
                (function.name != "engine_events").then(|| format!("select {}()", function.name))
            );
        }
        ["run_id"] => ("id", "engine.run"),
        ["run_id", "snapshot_id"] => ("run_id, id", "engine.history where ordinal < 3"),
        ["run_ids", "snapshot_ids"] => ("array[run_id], array[id]", "engine.history"),
        ["waitpoint_id"] => ("id", "engine.waitpoint"),
        ["batch_id"] => ("id", "engine.batch"),
        ["id"] => ("id", "engine.schedule"),
        other => bail!(
            "{} reads by {other:?}: say here what there is",
            function.name
        ),
    };
    Ok(Some(format!(
        "select {}({arguments}) from {from}",
        function.name
    )))
}

/// The shards that have events, and the last event of each that a sweep has removed.
const WITH_EVENTS: &str = "
    select v.shard::integer, coalesce(h.position, 0)
    from engine.shard_state as v
    left join engine.event_horizon as h on h.shard = v.shard
    where v.state <> 'AWAY' and exists (select from engine.snapshot as s where s.shard = v.shard)";

/// All events from the first that a sweep has left to the last, as a driver reads them. Shards have been away, and have no common
/// order any more.
async fn events(client: &Client, found: &mut Vec<String>) {
    match client.query(WITH_EVENTS, &[]).await {
        Ok(shards) => {
            for row in shards {
                events_of(client, row.get(0), row.get(1), found).await;
            }
        }
        Err(error) => found.push(refusal(WITH_EVENTS, &error)),
    }
}

async fn events_of(client: &Client, shard: i32, mut after: i64, found: &mut Vec<String>) {
    loop {
        let sql = "select position, name, run_id, time::text, body from engine_events($1, $2, $3)";
        let page = match client.query(sql, &[&after, &PAGE, &shard]).await {
            Ok(page) => page,
            Err(error) => return found.push(refusal(&format!("engine_events({after})"), &error)),
        };
        for row in &page {
            if let Err(error) = row.try_get::<_, serde_json::Value>(4) {
                let (position, name): (i64, &str) = (row.get(0), row.get(1));
                return found.push(format!(
                    "the body of event {position}, {name}, cannot be read: {:#}",
                    anyhow::Error::from(error)
                ));
            }
        }
        let Some(last) = page.last() else {
            return;
        };
        after = last.get(0);
    }
}

async fn attempt(client: &Client, sql: &str, found: &mut Vec<String>) {
    if let Err(error) = client.simple_query(sql).await {
        found.push(refusal(sql, &error));
    }
}

/// A refusal of `sql`.
pub fn refusal(sql: &str, error: &tokio_postgres::Error) -> String {
    let line = error
        .as_db_error()
        .map_or_else(|| error.to_string(), crate::verdict::line);
    format!("{}: {line}", crate::datum::brief(sql))
}

/// What `engine_check` finds.
///
/// # Errors
/// If it fails.
pub async fn violations(client: &Client) -> Result<Vec<String>> {
    let sql =
        "select format('engine_check: %s of %s: %s', kind, run_id, detail) from engine_check()";
    let rows = client.query(sql, &[]).await.context("engine_check")?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
