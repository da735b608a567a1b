//! The snapshots of a run.

use maud::{Markup, html};

use crate::moment::Moment;
use crate::number::plural;
use crate::part::text::exact_time;
use crate::query::run::Run;

pub(super) fn panel(run: &Run, now: Moment) -> Markup {
    html! {
        details class="p" id="history" {
            summary {
                h2 { "History" } " "
                span class="muted small" {
                    (plural(i64::try_from(run.history.len()).unwrap_or_default(), "snapshot", "snapshots")) ", what the engine did and when"
                }
            }
            div class="scroll" tabindex="0" role="region" aria-label="History" {
                table {
                    thead { tr { th scope="col" class="num" { "No" } th scope="col" { "At" } th scope="col" { "Execution" } th scope="col" { "What" } } }
                    tbody {
                        @for step in run.history.iter().rev() {
                            tr {
                                td class="num" { (step.ordinal) }
                                td class="nw" { (exact_time(step.at, now)) }
                                td class="nw" { (step.execution_status) }
                                td { (step.description.as_deref().unwrap_or_default()) @if let Some(worker) = &step.worker { span class="muted" { " by " (worker) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}
