//! What happened per minute, and how long it took.

use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::durations::{Counts, Durations};
use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;
use crate::series::Series;

const MINUTES: &str = include_str!("sql/history_minutes.sql");
const FROM: &str = include_str!("sql/history_from.sql");
const LATENCY: &str = include_str!("sql/latency.sql");

#[derive(Deserialize)]
struct Minute {
    minute: Moment,
    succeeded: i64,
    failed: i64,
    cancelled: i64,
    retried: i64,
}

#[derive(Deserialize)]
struct Reach {
    from: Option<Moment>,
}

/// Runs per minute, by outcome.
pub(crate) struct Outcomes {
    pub(crate) succeeded: Series,
    pub(crate) failed: Series,
    pub(crate) cancelled: Series,
    pub(crate) retried: Series,
    /// Since when these are complete, if not for the whole hour.
    pub(crate) since: Option<Moment>,
}

impl Outcomes {
    pub(crate) async fn read(
        reader: &Reader<'_>,
        now: Moment,
        environment: Option<&str>,
    ) -> Result<Self, Fault> {
        let minutes: Vec<Minute> = reader.rows(MINUTES, &[(&environment, Type::TEXT)]).await?;
        let reach: Option<Reach> = reader.row(FROM, &[]).await?;
        let empty = Series::empty(now);
        let from = reach
            .and_then(|reach| reach.from)
            .filter(|from| *from > empty.from);
        let mut outcomes = Self {
            succeeded: empty.clone(),
            failed: empty.clone(),
            cancelled: empty.clone(),
            retried: empty,
            since: from,
        };
        for minute in minutes {
            for (series, number) in [
                (&mut outcomes.succeeded, minute.succeeded),
                (&mut outcomes.failed, minute.failed),
                (&mut outcomes.cancelled, minute.cancelled),
                (&mut outcomes.retried, minute.retried),
            ] {
                series.add(minute.minute, number);
            }
        }
        Ok(outcomes)
    }
}

#[derive(Deserialize)]
struct Counted {
    minute: Moment,
    is_wait: bool,
    counts: Counts,
}

/// How long runs waited for their dequeue, and how long attempts took.
pub(crate) struct Latency {
    pub(crate) wait: Durations,
    pub(crate) run: Durations,
}

impl Latency {
    pub(crate) async fn read(
        reader: &Reader<'_>,
        now: Moment,
        environment: Option<&str>,
    ) -> Result<Self, Fault> {
        let empty = Durations::empty(now);
        let from = empty.from.iso();
        let parameters = [(&environment as _, Type::TEXT), (&from as _, Type::TEXT)];
        let counted: Vec<Counted> = reader.rows(LATENCY, &parameters).await?;
        let mut latency = Self {
            wait: empty.clone(),
            run: empty,
        };
        for Counted {
            minute,
            is_wait,
            counts,
        } in counted
        {
            let durations = if is_wait {
                &mut latency.wait
            } else {
                &mut latency.run
            };
            durations.add(minute, counts);
        }
        Ok(latency)
    }
}
