//! What a run looks like, to a model and on the server.

use anyhow::Result;
use engine_harness::Session;

use crate::row::Row;

/// What the models know of a run. Snapshots are compared by whether they are the latest.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    execution_status: String,
    run_status: String,
    attempt_number: Option<i32>,
    queue_attempts: i32,
    released_attempts: i32,
    machine: String,
    is_dead_lettered: bool,
    has_item: bool,
    /// Whether a deadline is for the latest snapshot, and whether it holds a slot.
    deadline: Option<(bool, bool)>,
}

const READ: &str = "
    select s.execution_status::text, s.run_status::text, s.attempt_number, coalesce(s.queue_attempts, 0),
           coalesce(s.released_attempts, 0), coalesce(s.machine, r.machine), s.is_dead_lettered,
           exists (select from engine.queue_item as i where i.shard = s.shard and i.run_id = s.run_id),
           h.snapshot_id = s.snapshot_id, h.holds_slot, s.snapshot_id
    from engine.run_state as s
    join engine.run as r on r.shard = s.shard and r.id = s.run_id
    left join engine.heartbeat as h on h.shard = s.shard and h.run_id = s.run_id
    where s.run_id = $1";

impl Seen {
    /// The run of a model, whose deadline is for the latest snapshot, or not, and holds a slot, or not.
    pub fn of(row: &Row, has_item: bool, deadline: Option<(bool, bool)>) -> Self {
        Self {
            execution_status: row.execution_status.as_str().to_owned(),
            run_status: row.run_status.as_str().to_owned(),
            attempt_number: row.attempt_number,
            queue_attempts: row.queue_attempts,
            released_attempts: row.released_attempts,
            machine: row.machine.as_str().to_owned(),
            is_dead_lettered: row.is_dead_lettered,
            has_item,
            deadline,
        }
    }

    /// The run on the server, and its latest snapshot; none if it was removed.
    pub async fn read(session: &Session, run_id: &str) -> Result<Option<(Self, String)>> {
        let Some(row) = session.client.query_opt(READ, &[&run_id]).await? else {
            return Ok(None);
        };
        let is_latest: Option<bool> = row.get(8);
        let seen = Self {
            execution_status: row.get(0),
            run_status: row.get(1),
            attempt_number: row.get(2),
            queue_attempts: row.get(3),
            released_attempts: row.get(4),
            machine: row.get(5),
            is_dead_lettered: row.get(6),
            has_item: row.get(7),
            deadline: is_latest.map(|is_latest| (is_latest, row.get(9))),
        };
        Ok(Some((seen, row.get(10))))
    }
}
