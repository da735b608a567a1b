//! What holds runs back: full and paused queues, and what runs wait for.

use maud::{Markup, html};

use super::seen::{SHOWN, Seen};
use crate::moment::{Moment, span};
use crate::number::{count, plural};
use crate::part::status::{QUEUED, Shown, WAITING};
use crate::query::queue::Queue;
use crate::request::Context;
use crate::url::Words;

/// A reason why runs do not go on.
struct Cause {
    runs: i64,
    status: Shown,
    why: String,
    longest_ms: i64,
}

/// The causes, those of most runs first.
fn causes(seen: &Seen) -> Vec<Cause> {
    let queues = seen.queues.iter().filter(|queue| queue.due > 0);
    let queues = queues.map(|queue| Cause {
        runs: queue.due,
        status: QUEUED,
        why: why(queue, seen.facts.now),
        longest_ms: queue.oldest_ms.unwrap_or_default(),
    });
    let waits = seen.waiting.iter().map(|waiting| Cause {
        runs: waiting.runs,
        status: WAITING,
        why: waiting.what(),
        longest_ms: waiting.longest_ms,
    });
    let mut causes: Vec<Cause> = queues.chain(waits).collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.runs));
    causes
}

fn why(queue: &Queue, now: Moment) -> String {
    let name = &queue.queue;
    let held = queue.held(now);
    match () {
        () if queue.is_paused => format!("queue {name} is {}", queue.pause.words(now)),
        () if queue.limit == Some(0) => format!("queue {name} has a limit of 0"),
        () if queue.is_full() && !queue.is_held_by_pause() => format!(
            "queue {name} is full, {} of {}",
            count(queue.running),
            count(queue.limit.unwrap_or_default())
        ),
        () if let Some(held) = held => format!("{held}; queue {name} waits"),
        () if queue.keys > 0 && queue.limit.is_some() => {
            format!(
                "{name}: {} of each key",
                plural(queue.limit.unwrap_or_default(), "run", "runs")
            )
        }
        () if queue.running == 0 => format!("no worker takes runs of queue {name}"),
        () => format!("queue {name} is behind"),
    }
}

pub(super) fn panel(context: &Context, seen: &Seen) -> Markup {
    let causes = causes(seen);
    let list =
        |status: Shown| context.link_with("/runs", Words::default().with("status", status.key()));
    html! {
        section class="p o2" {
            header { h2 { "What holds runs back" } span class="muted small" { "now" } }
            div id="held" data-live {
                @if causes.is_empty() {
                    div class="empty" { b { "Nothing" } "No run is due, and none waits." }
                } @else {
                    table class="cards" role="table" {
                        thead class="vh" role="rowgroup" {
                            tr role="row" {
                                @for name in ["Runs", "Status", "Why", "Longest"] { th role="columnheader" scope="col" { (name) } }
                            }
                        }
                        tbody role="rowgroup" {
                            @for cause in causes.iter().take(SHOWN) {
                                tr role="row" {
                                    td role="cell" class="c68 num" { a href=(list(cause.status)) { b { (count(cause.runs)) } } }
                                    td role="cell" class="c104 nw" { (cause.status.badge("")) }
                                    td role="cell" class="rest cut" { (cause.why) }
                                    td role="cell" class="num nw muted push" { (span(cause.longest_ms)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
