//! The history of one run, drawn as text.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use anyhow::{Context, Result};
use tokio_postgres::{Client, Row};

use super::listing::JsonPath;

/// Characters of the drawing.
const WIDTH: usize = 32;

/// The snapshots of a run.
pub struct Timeline {
    path: PathBuf,
    moments: Vec<Moment>,
}

/// One snapshot.
struct Moment {
    /// Since the trigger.
    offset_ms: i64,
    execution_status: String,
    description: String,
    worker: String,
}

impl Timeline {
    /// The run that took longest from its first dequeue to its end.
    pub async fn of_slowest(clients: &[Client]) -> Result<Self> {
        let sql = "select s.run_id, r.payload, extract(epoch from s.completed_at - coalesce(s.started_at, s.dequeued_at))::float8 \
                   from engine.run_state as s \
                   join engine.run as r on r.shard = s.shard and r.id = s.run_id \
                   order by 3 desc limit 1";
        let mut slowest: Option<(&Client, Row, f64)> = None;
        for client in clients {
            if let Some(row) = client.query_opt(sql, &[]).await? {
                let seconds = row.get(2);
                if slowest.as_ref().is_none_or(|(.., most)| seconds > *most) {
                    slowest = Some((client, row, seconds));
                }
            }
        }
        let (client, slowest, _) = slowest.context("there is no run")?;
        let (run_id, payload): (&str, &str) = (slowest.get(0), slowest.get(1));
        let sql = "select round(extract(epoch from n.created_at - r.created_at) * 1000)::bigint, \
                          n.execution_status::text, n.description, coalesce(n.worker_id, '') \
                   from engine.history as n \
                   join engine.run as r on r.shard = n.shard and r.id = n.run_id \
                   where n.run_id = $1 \
                   order by n.ordinal";
        let rows = client.query(sql, &[&run_id]).await?;
        let moments = rows.iter().map(|row| Moment {
            offset_ms: row.get(0),
            execution_status: row.get(1),
            description: row.get(2),
            worker: row.get(3),
        });
        let path: JsonPath = serde_json::from_str(payload)?;
        Ok(Self {
            path: path.into(),
            moments: moments.collect(),
        })
    }

    /// The column of a moment.
    fn column(&self, offset_ms: i64) -> usize {
        let whole = self.moments.last().map_or(0, |last| last.offset_ms).max(1);
        let column = offset_ms.clamp(0, whole) * (WIDTH as i64 - 1) / whole;
        usize::try_from(column).unwrap_or(0)
    }
}

impl Display for Timeline {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "The slowest run, {:?}:", self.path)?;
        let widest = |text: fn(&Moment) -> &str| {
            let lengths = self.moments.iter().map(|moment| text(moment).len());
            lengths.max().unwrap_or(0)
        };
        let status_width = widest(|moment| &moment.execution_status);
        let description_width = widest(|moment| &moment.description);
        for (index, moment) in self.moments.iter().enumerate() {
            let begin = self.column(moment.offset_ms);
            let next = self.moments.get(index + 1);
            let end = next.map_or(begin, |next| self.column(next.offset_ms));
            let drawing = format!("{}●{}", " ".repeat(begin), "─".repeat(end - begin));
            let line = format!(
                "{:>7} ms  {drawing:WIDTH$}  {:status_width$}  {:description_width$}  {}",
                moment.offset_ms, moment.execution_status, moment.description, moment.worker
            );
            write!(f, "\n{}", line.trim_end())?;
        }
        Ok(())
    }
}
