//! How long runs wait and take.

use maud::{Markup, html};

use super::seen::Seen;
use super::verdict;
use crate::durations::{Durations, MINUTES};
use crate::moment::Moment;
use crate::part::lines;

/// How long runs wait and take: percentiles per minute, on a scale of powers of ten.
pub(super) fn panel(seen: &Seen) -> Markup {
    let rows = [
        ("Queue wait", &seen.latency.wait),
        ("Run time of an attempt", &seen.latency.run),
    ];
    let mark = verdict::since(seen);
    html! {
        section class="p o2" {
            header { h2 { "How long" } span class="muted small" { "log scale, last " (MINUTES) " min" } }
            div class="b" id="latency" data-live {
                @for (name, durations) in rows {
                    h3 { (name) }
                    (chart(name, durations, mark))
                }
            }
        }
    }
}

fn chart(name: &str, durations: &Durations, mark: Option<Moment>) -> Markup {
    match durations.of_all() {
        Some(all) => lines::percentiles(name, durations, all, mark),
        None => {
            html! { p class="muted" { "Nothing was measured in the last " (MINUTES) " minutes." } }
        }
    }
}
