//! What people did, one call at a time.

use maud::{Markup, html};
use serde_json::Value;

use super::list::condition;
use crate::moment::Moment;
use crate::part::table;
use crate::part::text::{run_link, time};
use crate::query::audit::Entry;
use crate::request::Context;

pub(super) fn actions(context: &Context, entries: &[Entry], now: Moment) -> Markup {
    html! {
        section class="p" id="actions" data-live {
            header { h2 { "What was done" } span class="muted small" { "the newest first, kept for a year" } }
            @if entries.is_empty() {
                div class="empty" { b { "Nothing was done yet" } "Actions on this dashboard and of the command line are noted." }
            } @else {
                table class="cards" role="table" {
                    (table::head(&[("Action", ""), ("About", ""), ("Who", ""), ("Role", "w1"), ("When", "num")], false))
                    tbody role="rowgroup" {
                        @for entry in entries {
                            tr role="row" data-row {
                                th scope="row" role="rowheader" class="nw" title=(entry.action) { (word(&entry.action)) }
                                td role="cell" class="cut" { (about(context, entry)) }
                                td role="cell" { (entry.actor) }
                                td role="cell" class="w1" { (entry.role) }
                                td role="cell" class="num push nw" { (time(entry.acted_at, now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A function in words: `engine_set_queue` sets a queue.
fn word(action: &str) -> String {
    action.trim_start_matches("engine_").replace('_', " ")
}

/// What an action was about: the run that it names, and its arguments.
fn about(context: &Context, entry: &Entry) -> Markup {
    let run = entry.arguments.get("run_id").and_then(|id| id.as_str());
    let run = run.map(|id| id.strip_prefix("run_").unwrap_or(id));
    let others = entry.arguments.iter().filter(|(name, _)| *name != "run_id");
    let others: Vec<String> = others
        .map(|(name, value)| match value {
            Value::Null => format!("{} none", name.replace('_', " ")),
            value => condition(name, value),
        })
        .collect();
    html! {
        @if let Some(run) = run { (run_link(context, run)) " " }
        (others.join("; "))
    }
}
