//! A queue as a row of the table; its cells are watched one by one.

use maud::{Markup, html};

use super::detail::LIMIT_FORM;
use super::pause;
use crate::moment::{Moment, span};
use crate::number::count;
use crate::part::text::{none, slots};
use crate::query::queue::{Hold, Queue, is_late};
use crate::request::Context;
use crate::url::{Words, segment};

/// The id of an element about a queue.
fn id(part: &str, queue: &Queue) -> String {
    format!(
        "{part}-{}-{}",
        segment(&queue.environment_id),
        segment(&queue.queue)
    )
}

fn place(context: &Context, queue: &Queue) -> String {
    let words = Words::default()
        .with("queue", &*queue.queue)
        .with("of", &*queue.environment_id);
    context.link_with("/queues", words)
}

pub(super) fn row(
    context: &Context,
    queue: &Queue,
    now: Moment,
    has_environment: bool,
    acts: bool,
) -> Markup {
    let is_behind = queue.due > 0 && queue.is_full();
    html! {
        tr role="row" data-row {
            th scope="row" role="rowheader" class="nw" {
                a href=(place(context, queue)) { (queue.queue) }
                span id=(id("tags", queue)) data-live {
                    @if queue.is_paused { " " span class="tag warn" { "paused" } }
                    @else if is_behind { " " span class="tag warn" { "full" } }
                    @else if queue.is_full() { " " span class="tag" { "full" } }
                    @if let Some(held) = queue.held(now) { " " span class="tag warn" title=(held) { (held_tag(queue)) } }
                    @if queue.overridden.is_some() { " " span class="tag" { "overridden" } }
                    @if queue.is_paused { (pause::note(&queue.pause, now)) }
                }
            }
            @if has_environment { td role="cell" class="w2 muted" { (queue.environment_id) } }
            td role="cell" class="num w1" id=(id("queued", queue)) data-live { (count(queue.queued)) }
            td role="cell" class="num" id=(id("due", queue)) data-live {
                @if is_behind { b { (count(queue.due)) } } @else { (count(queue.due)) }
                span class="muted only-small" { " due" }
            }
            td role="cell" class={ "num push " (if is_late(queue.oldest_ms) { "fail" } else { "" }) } id=(id("oldest", queue)) data-live {
                @match queue.oldest_ms { Some(ms) => (span(ms)), None => (none()) }
            }
            td role="cell" class="nw full" id=(id("slots", queue)) data-live {
                @if queue.keys > 0 && queue.limit.is_some() {
                    (count(queue.running)) span class="muted" { ", " (count(queue.limit.unwrap_or_default())) " per key" }
                } @else { (slots(queue.running, queue.limit)) }
            }
            td role="cell" class="num w3" { @if queue.keys > 0 { (count(queue.keys)) } @else { (none()) } }
            @if acts { td role="cell" class="num" { (row_actions(context, queue)) } }
        }
    }
}

/// What its environment is.
fn held_tag(queue: &Queue) -> &'static str {
    match queue.hold {
        Some(Hold::Paused(_)) => "environment paused",
        Some(Hold::Full(_)) => "environment full",
        None => "",
    }
}

fn row_actions(context: &Context, queue: &Queue) -> Markup {
    let target = [
        ("queue", queue.queue.as_str()),
        ("of", &queue.environment_id),
    ];
    html! {
        div class="end acts" {
            (pause::button(context, "/act/queue/pause", &target, queue.is_paused, "mini", &queue.queue))
            a class="btn mini" href={ (place(context, queue)) "#" (LIMIT_FORM) } aria-label={ "Limit of " (queue.queue) } { "Limit…" }
        }
    }
}
