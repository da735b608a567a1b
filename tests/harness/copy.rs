//! Rows of one database in the tables of another: all, as an older release would have written them, or those of a shard.

use anyhow::Result;
use serde_json::Value;

use crate::Session;

impl Session {
    /// Copies every row of the engine's tables into those of another database, without columns that do not exist there. What
    /// this release derives an older one stored.
    ///
    /// # Errors
    /// If the other database refuses a row.
    pub async fn copy_rows(&self, to: &Self) -> Result<()> {
        let tables = "select c.relname::text, string_agg(quote_ident(a.attname), ', ') from pg_class c \
                      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' \
                      where c.relnamespace = 'engine'::regnamespace and c.relkind = 'r' group by c.relname";
        for table in to.client.query(tables, &[]).await? {
            let (table, columns): (String, String) = (table.get(0), table.get(1));
            let (full, derived) = match table.as_str() {
                "snapshot" => ("history", "'{}'"),
                "run" => (
                    "run",
                    "jsonb_build_object('payload_type', coalesce(t.payload_type, 'application/json'), \
                         'priority_ms', coalesce(t.priority_ms, 0), 'tags', coalesce(t.tags, '{}'))",
                ),
                "run_state" => (
                    "run_state",
                    "jsonb_build_object('cost_in_cents', coalesce(t.cost_in_cents, 0), \
                         'base_cost_in_cents', coalesce(t.base_cost_in_cents, 0), \
                         'started_at', coalesce(t.started_at, t.dequeued_at), 'queue_attempts', coalesce(t.queue_attempts, 0))",
                ),
                other => (other, "'{}'"),
            };
            let read = format!(
                "select coalesce(jsonb_agg(to_jsonb(t) || {derived}), '[]') from engine.{full} t"
            );
            let rows: Value = self.client.query_one(&read, &[]).await?.get(0);
            let write = format!(
                "insert into engine.{table} ({columns}) \
                 select {columns} from jsonb_populate_recordset(null::engine.{table}, $1)"
            );
            to.client.execute(&write, &[&rows]).await?;
        }
        let position = "select last_value from engine.event_position";
        let position: i64 = self.client.query_one(position, &[]).await?.get(0);
        let set = "select setval('engine.event_position', $1)";
        to.client.query_one(set, &[&position]).await?;
        Ok(())
    }

    /// Copies the rows of a shard into the tables of another database, as what moves it does. Those that it has left there are
    /// replaced.
    ///
    /// # Errors
    /// If the other database refuses a row.
    pub async fn copy_shard(&self, to: &Self, shard: i16) -> Result<()> {
        let tables = "select c.relname::text from pg_class as c \
                      join pg_attribute as a on a.attrelid = c.oid and a.attname = 'shard' \
                      where c.relnamespace = 'engine'::regnamespace and c.relkind = 'r'";
        for row in self.client.query(tables, &[]).await? {
            let table: String = row.get(0);
            let read = format!(
                "select coalesce(json_agg(t), '[]')::text from engine.{table} as t where t.shard = $1"
            );
            let rows: String = self.client.query_one(&read, &[&shard]).await?.get(0);
            let old = format!("delete from engine.{table} where shard = $1");
            to.client.execute(&old, &[&shard]).await?;
            let write = format!(
                "insert into engine.{table} \
                 select * from json_populate_recordset(null::engine.{table}, $1::text::json)"
            );
            to.client.execute(&write, &[&rows]).await?;
        }
        Ok(())
    }

    /// Has this database draw greater positions of events than another one has drawn.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn reach_positions_of(&self, other: &Self) -> Result<()> {
        let last = "select last_value from engine.event_position";
        let last: i64 = other.client.query_one(last, &[]).await?.get(0);
        let advance = "select setval('engine.event_position', greatest($1, last_value)) from engine.event_position";
        self.client.query_one(advance, &[&last]).await?;
        Ok(())
    }
}
