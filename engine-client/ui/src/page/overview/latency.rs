//! How long runs wait and take.

use maud::{Markup, html};

use crate::moment::span;
use crate::query::history::Latency;

/// How long runs wait and take: percentiles on a scale of powers of ten.
pub(super) fn panel(latency: &Latency) -> Markup {
    let rows = [
        ("Queue wait", latency.wait),
        ("Run time of an attempt", latency.run),
    ];
    html! {
        section class="p o2" {
            header { h2 { "How long" } span class="muted small" { "log scale, last 15 min" } }
            div class="b" id="latency" data-live {
                @for (name, percentiles) in rows {
                    h3 { (name) }
                    @if let Some(percentiles) = percentiles { (percentile_bars(name, percentiles)) }
                    @else { p class="muted" { "Nothing was measured in the last 15 minutes." } }
                }
            }
        }
    }
}

/// From a millisecond to a day.
fn log_share(ms: f64) -> f64 {
    (ms.max(1.0).log10() / 86_400_000_f64.log10() * 100.0).clamp(1.0, 100.0)
}

fn percentile_bars(name: &str, percentiles: [f64; 3]) -> Markup {
    let words = ["p50", "p95", "p99"];
    let shown = percentiles.map(|ms| span(ms.round() as i64));
    let label = format!(
        "{name}: p50 {}, p95 {}, p99 {}",
        shown[0], shown[1], shown[2]
    );
    html! {
        div class="multi gap" role="group" aria-label=(label) {
            @for place in 0..3 {
                div class="muted" { (words[place]) }
                div {
                    svg class="c run" height="12" aria-hidden="true" {
                        line class="base" x1="0" x2="100%" y1="12" y2="12" {}
                        rect x="0" y="2" height="8" width=(format!("{:.1}%", log_share(percentiles[place]))) {}
                    }
                }
                div class="num" { b { (shown[place]) } }
            }
        }
    }
}
