//! Figures for monitoring.

use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::document::Stored;
use crate::error::OrRaise;
use crate::{api, store};

entries!(engine_metrics);

row! {
    /// A figure.
    MetricRow {
        name: String,
        kind: String,
        help: String,
        labels: Stored,
        value: f64,
    }
}

/// Returns the figures for a monitoring system, one row per series, those of one name together.
///
/// `kind` is `gauge` or `counter`. Series are bounded: the hundred busiest queues and environments have their own, and all others
/// one together, with the label `(other)`. It counts queued and running runs and reads the newest history: call it a few times a
/// minute. It sees what its owner sees: sessions of all roles, too.
#[pg_extern(sql = false)]
fn engine_metrics() -> Rows<MetricRow> {
    api::enter().or_raise();
    let metrics = store::metric::all();
    Rows::new(metrics.into_iter().map(|metric| MetricRow {
        name: metric.name,
        kind: metric.kind,
        help: metric.help,
        labels: metric.labels,
        value: metric.value,
    }))
}
