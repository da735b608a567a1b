//! A shard that goes to another node while nothing is written to it.

use anyhow::Result;
use engine_client::tokio_postgres::Client;
use engine_harness::Session;

/// The tables that hold what is on a shard.
const TABLES: &str = "select c.relname::text from pg_class as c join pg_attribute as a on a.attrelid = c.oid \
                      where c.relnamespace = 'engine'::regnamespace and c.relkind = 'r' and a.attname = 'shard' \
                      and c.relname not in ('bulk_action', 'event_horizon') order by 1";

/// Moves shard `number`, whose calls are refused meanwhile, to the node `place`.
pub async fn shift(old: &Session, new: &Session, number: u16, place: &str) -> Result<()> {
    let number = i32::from(number);
    set(&new.client, number, "AWAY", None).await?;
    set(&old.client, number, "MOVING", Some(place)).await?;
    for row in old.client.query(TABLES, &[]).await? {
        let table: &str = row.get(0);
        let read = format!("select t::text from engine.{table} as t where shard = $1");
        let shard = i16::try_from(number)?;
        let rows = old.client.query(&read, &[&shard]).await?;
        let rows: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        let write = format!(
            "insert into engine.{table} select (t::engine.{table}).* from unnest($1::text[]) as t"
        );
        new.client.query(&write, &[&rows]).await?;
    }
    let drawn = "select last_value from engine.event_position";
    let last: i64 = old.client.query_one(drawn, &[]).await?.get(0);
    let advance = "select setval('engine.event_position', greatest(last_value, $1) + 1000) from engine.event_position";
    new.client.query(advance, &[&last]).await?;
    set(&new.client, number, "SERVING", None).await?;
    set(&old.client, number, "AWAY", Some(place)).await
}

async fn set(client: &Client, number: i32, state: &str, place: Option<&str>) -> Result<()> {
    let set = "select engine_set_shard($1, $2, $3)";
    client.query(set, &[&number, &state, &place]).await?;
    Ok(())
}
