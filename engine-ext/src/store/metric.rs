//! Figures for monitoring.

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::document::Stored;

statement!(METRIC, "metric.sql", with_bitmaps, reading_everything);

/// A figure.
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) labels: Stored,
    pub(crate) value: f64,
}

/// All figures, those of one name together.
pub(crate) fn all() -> Vec<Metric> {
    METRIC.query(arguments!(METRIC {}), |cells| Metric {
        name: cell!(cells, METRIC.name),
        kind: cell!(cells, METRIC.kind),
        help: cell!(cells, METRIC.help),
        labels: cell!(cells, METRIC.labels),
        value: cell!(cells, METRIC.value),
    })
}
