//! All bulk operations, the newest first.

use maud::{Markup, html};
use serde_json::Value;

use super::action::verb;
use super::audit::actions;
use crate::fault::Fault;
use crate::moment::Moment;
use crate::number::count;
use crate::part::status::{self, Shown};
use crate::part::text::time;
use crate::part::{Frame, Page, file, table};
use crate::query::audit;
use crate::query::bulk::{self, Bulk};
use crate::query::session::Facts;
use crate::request::Context;
use crate::url::Words;

pub(in crate::page) async fn list(context: &Context) -> Result<Page, Fault> {
    let (facts, bulks, entries) = context
        .read(async |reader| {
            let facts = Facts::read(reader).await?;
            let bulks = bulk::list(reader, None).await?;
            Ok((facts, bulks, audit::newest(reader).await?))
        })
        .await?;
    let content = html! {
        div class="head" { h1 { "Bulk operations" } span class="muted" { (facts.bulk_running) " running" }
            div class="acts" { (file::link(context, "bulk.csv", &Words::default())) }
        }
        (operations(context, &bulks, None, facts.now))
        (actions(context, &entries, facts.now))
    };
    Ok(Page::new(
        context,
        &Frame {
            title: "Bulk operations",
            section: "/bulk",
            facts: &facts,
            content,
        },
    ))
}

pub(super) fn shown(bulk: &Bulk) -> Shown {
    match bulk.state.as_str() {
        "RUNNING" => status::RUNNING,
        "STOPPED" => Shown {
            word: "stopped",
            ..status::CANCELLED
        },
        _ => Shown {
            word: "done",
            ..status::SUCCEEDED
        },
    }
}

pub(super) fn operations(
    context: &Context,
    bulks: &[Bulk],
    picked: Option<&str>,
    now: Moment,
) -> Markup {
    html! {
        section class="p" id="operations" data-live {
            header { h2 { "All of them" } span class="muted small" { "the newest first" } }
            @if bulks.is_empty() {
                div class="empty" { b { "No bulk operation was started yet" } "A filter of the list of runs leads to one." }
            } @else {
                table class="cards" role="table" {
                    (table::head(&[
                        ("Operation", ""), ("Status", ""), ("Done", "num"), ("Refused", "num w1"),
                        ("By", "w1"), ("Reason", "w2"), ("Began", "num"),
                    ], false))
                    tbody role="rowgroup" {
                        @for bulk in bulks {
                            tr role="row" data-row class=[(picked == Some(&bulk.bulk_id)).then_some("picked")] {
                                th scope="row" role="rowheader" { a href=(context.link(&format!("/bulk/{}", bulk.bulk_id))) { (verb(&bulk.action)) ", " (words(bulk)) } }
                                td role="cell" { (shown(bulk).badge(&bulk.state)) }
                                td role="cell" class="num" { (count(bulk.done)) @if bulk.done != bulk.total { " / " (count(bulk.total)) } }
                                td role="cell" class="num w1" { (count(bulk.refused)) }
                                td role="cell" class="w1" { (bulk.created_by) }
                                td role="cell" class="w2 cut" { (bulk.reason.as_deref().unwrap_or_default()) }
                                td role="cell" class="num push nw" { (time(bulk.created_at, now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A condition of a filter as text.
pub(super) fn condition(key: &str, value: &Value) -> String {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let values = match value {
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        other => text(other),
    };
    format!("{} {}", key.replace('_', " "), values)
}

fn words(bulk: &Bulk) -> String {
    bulk.filter
        .iter()
        .map(|(key, value)| condition(key, value))
        .collect::<Vec<_>>()
        .join("; ")
}
