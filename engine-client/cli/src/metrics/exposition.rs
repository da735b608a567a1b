//! Figures as OpenMetrics text.

use std::collections::BTreeMap;
use std::fmt;

use engine_client::Metric;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::failure::Failure;

/// The media type of the text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The figures as text.
pub fn text(metrics: Vec<Metric>) -> Result<String, Failure> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Figures::new(metrics)));
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|error| {
        let message = format!("the figures cannot be written: {error}");
        Failure::refused(message, "Report this, with what engine_metrics returns.")
    })?;
    Ok(text)
}

/// Figures of one database at one moment, by name.
#[derive(Debug)]
struct Figures(BTreeMap<String, Vec<Metric>>);

impl Figures {
    fn new(metrics: Vec<Metric>) -> Self {
        let mut by_name: BTreeMap<String, Vec<Metric>> = BTreeMap::new();
        for metric in metrics {
            by_name.entry(metric.name.clone()).or_default().push(metric);
        }
        Self(by_name)
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for (name, series) in &self.0 {
            let Some(first) = series.first() else {
                continue;
            };
            let kind = if first.is_counter {
                MetricType::Counter
            } else {
                MetricType::Gauge
            };
            let mut family = encoder.encode_descriptor(name, &first.help, None, kind)?;
            for metric in series {
                let labels: Vec<(&str, &str)> = metric
                    .labels
                    .iter()
                    .map(|(label, value)| (label.as_str(), value.as_str()))
                    .collect();
                if labels.is_empty() {
                    value(&mut family, metric)?;
                } else {
                    value(&mut family.encode_family(&labels)?, metric)?;
                }
            }
        }
        Ok(())
    }
}

fn value(encoder: &mut MetricEncoder<'_>, metric: &Metric) -> fmt::Result {
    if metric.is_counter {
        encoder.encode_counter::<NoLabelSet, f64, f64>(&metric.value, None)
    } else {
        encoder.encode_gauge(&metric.value)
    }
}
