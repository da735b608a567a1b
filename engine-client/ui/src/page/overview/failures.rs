//! The failures of the last hour, by task and error.

use maud::{Markup, html};

use super::seen::{SHOWN, Seen};
use crate::moment::Moment;
use crate::number::{count, plural};
use crate::page::failures::runs_of;
use crate::part::chart;
use crate::part::text::time;
use crate::query::failure::Kind;
use crate::request::Context;
use crate::url::Words;

pub(super) fn panel(context: &Context, seen: &Seen) -> Markup {
    let now = seen.facts.now;
    html! {
        section class="p" {
            header {
                h2 { "Failures, last 60 min" }
                span class="muted small" { "by task and error" }
                a class="more" href=(context.link("/failures")) {
                    "All " (plural(i64::try_from(seen.kinds.len()).unwrap_or_default(), "kind", "kinds"))
                }
            }
            div id="failures" data-live {
                @if seen.kinds.is_empty() {
                    div class="empty" { b { "No failures" } "Runs that fail are listed here, by task and error." }
                } @else {
                    table class="cards" role="table" {
                        thead class="vh" role="rowgroup" {
                            tr role="row" {
                                @for name in ["Runs", "Task and error", "Per minute", "Since", "Open"] {
                                    th role="columnheader" scope="col" { (name) }
                                }
                            }
                        }
                        tbody role="rowgroup" {
                            @for kind in seen.kinds.iter().take(SHOWN) { (failure_row(context, kind, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn failure_row(context: &Context, kind: &Kind, now: Moment) -> Markup {
    let label = format!(
        "{} failures of {} per minute, last 60 min",
        count(kind.count),
        kind.task
    );
    let link = context.link_with("/failures", Words::default().with("task", &*kind.task));
    html! {
        tr role="row" {
            td role="cell" class="c56 num fail" { b { (count(kind.count)) } }
            td role="cell" class="rest" {
                a href=(link) { b { (kind.task) } } " " span class="tag" { (kind.kind) }
                span class="sub err" { (context.served.redactor.text(&kind.text)) }
            }
            td role="cell" { (chart::spark(&kind.series(now), "fail", &label)) }
            td role="cell" class="nw w1" {
                span class="sub" { "since " (kind.first.to_minute()) }
                span class="sub" { "last " (time(kind.last, now)) }
            }
            td role="cell" class="num push" { a class="btn mini" href=(runs_of(context, kind)) { "Runs" } }
        }
    }
}
