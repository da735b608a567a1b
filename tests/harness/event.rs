//! Events, as readers see them.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use crate::Session;
use crate::condition::eventually;

const PATIENCE: Duration = Duration::from_secs(60);

/// A row of `engine_events`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Position in the order of all events.
    pub position: i64,
    /// The event's name.
    pub name: String,
    /// The run that it belongs to.
    pub run_id: String,
    /// When it happened, as text.
    pub time: String,
    /// The event's details.
    pub body: Value,
}

impl Event {
    fn from_row(row: &Row) -> Self {
        Self {
            position: row.get(0),
            name: row.get(1),
            run_id: row.get(2),
            time: row.get(3),
            body: row.get::<_, Json<Value>>(4).0,
        }
    }
}

impl Session {
    /// The next events after a position, at most `max_events`.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn events(&self, after: i64, max_events: i32) -> Result<Vec<Event>> {
        let sql = "select position, name, run_id, to_jsonb(time) #>> '{}', body from engine_events($1, $2)";
        let rows = self.client.query(sql, &[&after, &max_events]).await?;
        Ok(rows.iter().map(Event::from_row).collect())
    }

    /// All committed events after a position. Waits for transactions of this database that hold events back.
    ///
    /// # Errors
    /// What the function raises, or if such a transaction does not end.
    pub async fn all_events(&self, mut after: i64) -> Result<Vec<Event>> {
        let sql = "select coalesce(max(horizon), 0) from ( \
                       select max(s.horizon) as horizon from engine.snapshot as s \
                       union all select max(n.horizon) from engine.notice as n) as h";
        let horizon: i64 = self.client.query_one(sql, &[]).await?.get(0);
        // Transaction ids have no epoch here: no test makes that many.
        let sql = "select not exists ( \
                       select from pg_locks as w \
                       join pg_locks as x on x.virtualtransaction = w.virtualtransaction \
                       where w.relation = 'engine.snapshot'::regclass and w.mode = 'RowExclusiveLock' \
                         and w.database = (select oid from pg_database where datname = current_database()) \
                         and x.locktype = 'transactionid' and x.mode = 'ExclusiveLock' \
                         and x.transactionid::text::bigint < $1)";
        eventually("every event is readable", PATIENCE, async || {
            Ok(self.client.query_one(sql, &[&horizon]).await?.get(0))
        })
        .await?;
        let mut events = Vec::new();
        loop {
            let next = self.events(after, 1000).await?;
            let Some(last) = next.last() else {
                return Ok(events);
            };
            after = last.position;
            events.extend(next);
        }
    }

    /// The bodies of all events with one name, in order.
    ///
    /// # Errors
    /// If the server refuses it.
    pub async fn events_named(&self, name: &str) -> Result<Vec<Value>> {
        // engine_events would wait for open transactions of other tests.
        let sql = "select body from engine.event where name = $1 order by position";
        let rows = self.client.query(sql, &[&name]).await?;
        Ok(rows
            .iter()
            .map(|row| row.get::<_, Json<Value>>(0).0)
            .collect())
    }
}
