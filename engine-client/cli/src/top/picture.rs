//! The contents of the view at one moment.

use std::slice;

use console::style;
use serde_json::{Value, json};
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::session::Session;
use crate::table::{self, Column, Form, Row};
use crate::{form, inventory, queue, run, statement};

/// Most stalled runs to show.
const STALLED: i64 = 10;

/// Most kinds of failures, tasks and workers to show.
const SHOWN: i64 = 5;

const RATE_COLUMNS: &[Column] = &[
    Column::new("triggered/s", "triggered", Form::Rate),
    Column::new("dequeued/s", "dequeued", Form::Rate),
    Column::new("finished/s", "finished", Form::Rate),
    Column::new("failed/s", "failed", Form::BadRate),
    Column::new("retried/s", "retried", Form::BadRate),
    Column::new("stalled/s", "stalled", Form::BadRate),
];

const STALLED_COLUMNS: &[Column] = &[
    Column::new("stalled run", "run_id", Form::Text),
    Column::new("task", "task", Form::Text),
    Column::new("queue", "queue", Form::Text),
    Column::new("execution", "execution_status", Form::Status),
    Column::new("attempt", "attempt_number", Form::Count),
    Column::new("overdue", "overdue_ms", Form::Span),
];

const LATENCY_COLUMNS: &[Column] = &[
    Column::new("task", "task", Form::Text),
    Column::new("wait p50", "wait_p50_ms", Form::Span),
    Column::new("p95", "wait_p95_ms", Form::Span),
    Column::new("p99", "wait_p99_ms", Form::Span),
    Column::new("run p50", "run_p50_ms", Form::Span),
    Column::new("p95", "run_p95_ms", Form::Span),
    Column::new("p99", "run_p99_ms", Form::Span),
];

/// What is shown: rates, what is overdue, stalled runs, failures, queues, latencies, workers.
pub struct Picture {
    rate: Row,
    overdue: Vec<Row>,
    stalled: Vec<Row>,
    failures: Vec<Row>,
    queues: Vec<Row>,
    latencies: Vec<Row>,
    workers: Vec<Row>,
}

impl Picture {
    /// Reads it; the statements are pipelined.
    pub async fn take(session: &Session, environment: Option<&str>) -> Result<Self, Failure> {
        let of_tasks = [(&environment as _, Type::TEXT), (&SHOWN as _, Type::INT8)];
        let (rate, overdue, stalled, failures, queues, latencies, workers) = tokio::try_join!(
            session.row(statement::RATE, &[]),
            session.rows(statement::OVERDUE, &[]),
            session.rows(statement::STALLED, &[(&STALLED, Type::INT8)]),
            run::errors::recent(session, environment, SHOWN),
            queue::find(session, environment),
            session.rows(statement::LATENCY, &of_tasks),
            inventory::held(session, environment, SHOWN),
        )?;
        Ok(Self {
            rate,
            overdue,
            stalled,
            failures,
            queues,
            latencies,
            workers,
        })
    }

    pub fn to_json(&self) -> Value {
        let mut rate = self.rate.clone();
        let time = rate.remove("time");
        let database = rate.remove("database");
        json!({
            "time": time, "database": database, "rate": rate, "overdue": self.overdue, "stalled": self.stalled,
            "failures": self.failures, "queues": self.queues, "latencies": self.latencies, "workers": self.workers,
        })
    }

    /// The view as text.
    pub fn lines(&self) -> Vec<String> {
        let database = style(form::text(&self.rate["database"])).bold();
        let total = |key: &str| {
            let counts = self.queues.iter().filter_map(|queue| queue[key].as_i64());
            form::count(&json!(counts.sum::<i64>()))
        };
        let time = form::moment(&self.rate["time"]);
        let [queued, due, running] = ["queued", "due", "running"].map(total);
        let mut lines = vec![
            format!("{database} at {time}"),
            format!("{queued} queued, {due} of them due, {running} running"),
        ];
        lines.extend(self.overdue.iter().map(overdue));
        lines.push(String::new());
        lines.extend(table::lines(slice::from_ref(&self.rate), RATE_COLUMNS));
        for (rows, columns) in [
            (&self.stalled, STALLED_COLUMNS),
            (&self.failures, run::errors::COLUMNS),
            (&self.queues, queue::COLUMNS),
            (&self.latencies, LATENCY_COLUMNS),
            (&self.workers, inventory::HELD_COLUMNS),
        ] {
            if !rows.is_empty() {
                lines.push(String::new());
                lines.extend(table::lines(rows, columns));
            }
        }
        lines
    }
}

/// Work that the tick has not done yet.
fn overdue(row: &Row) -> String {
    let [count, age] = [
        form::count(&row["count"]),
        form::span(&row["oldest_age_ms"]),
    ];
    let kind = form::text(&row["kind"]);
    let line = format!("{count} overdue of kind {kind}, the oldest for {age}");
    style(line).red().to_string()
}
