//! The payload, metadata and output of a run.

use maud::{Markup, html};

use super::seen::{Seen, Values};
use crate::number::size;
use crate::part::value;
use crate::request::Context;

pub(super) fn panels(context: &Context, seen: &Seen, values: &Values) -> Markup {
    let redactor = &context.served.redactor;
    let run = &seen.run;
    let size_of = |text: &Option<String>| {
        text.as_ref()
            .map_or_else(String::new, |text| size(text.len()))
    };
    html! {
        details class="p" id="payload" open {
            summary { h2 { "Payload" } " " span class="muted small" {
                @if let Some(payload) = &seen.payload { (size(usize::try_from(payload.bytes).unwrap_or_default())) }
            } }
            @match &values.payload {
                Some(text) => (value::document(redactor, text)),
                None => div class="b" { span class="redacted" { "payload hidden: the role may not select engine.run.payload" } },
            }
        }
        details class="p" id="metadata" {
            summary { h2 { "Metadata" } " " span class="muted small" { (size_of(&run.metadata)) } }
            @match &values.metadata {
                Some(text) => (value::document(redactor, text)),
                None => div class="empty" { "The run has none." },
            }
        }
        details class="p" id="output" open[run.run_status == "COMPLETED_SUCCESSFULLY"] {
            summary { h2 { "Output" } " " span class="muted small" {
                @if run.output.is_some() { (run.output_type) ", " (size_of(&run.output)) } @else if !run.has_ended() { "none before its end" }
            } }
            @match &values.output {
                Some(text) => (value::document(redactor, text)),
                None => div class="empty" { @if run.has_ended() { "It ended without one." } @else { "The run has not ended." } },
            }
        }
    }
}
