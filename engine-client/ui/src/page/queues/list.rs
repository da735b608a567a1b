//! The table of queues: with a filter and buttons, or as a panel of the overview.

use std::cmp::Reverse;
use std::iter;

use maud::{Markup, html};

use super::row::row;
use crate::part::table;
use crate::query::queue::Queue;
use crate::query::session::Facts;
use crate::request::Context;

/// Queues on a page.
const SHOWN: usize = 200;

/// The columns that may order the list, by the words of the address.
const ORDERS: [(&str, &str); 5] = [
    ("Queue", "name"),
    ("Queued", "queued"),
    ("Due", "due"),
    ("Oldest due", "oldest"),
    ("Slots in use", "running"),
];

/// The queues that the words of a page ask for, in their order: those that wait longest first, unless they say otherwise.
pub(in crate::page) fn shown<'a>(context: &Context, queues: &'a [Queue]) -> Vec<&'a Queue> {
    let only = context.words.get("only");
    let is_shown = |queue: &&Queue| match only {
        Some("due") => queue.due > 0,
        Some("full") => queue.is_full(),
        Some("paused") => queue.is_paused,
        _ => true,
    };
    let mut shown: Vec<&Queue> = queues.iter().filter(is_shown).collect();
    match context.words.get("sort") {
        Some("name") => shown.sort_by(|one, other| {
            (&one.queue, &one.environment_id).cmp(&(&other.queue, &other.environment_id))
        }),
        Some("queued") => shown.sort_by_key(|queue| Reverse(queue.queued)),
        Some("due") => shown.sort_by_key(|queue| Reverse(queue.due)),
        Some("running") => shown.sort_by_key(|queue| Reverse(queue.running)),
        _ => {}
    }
    shown
}

/// The list with its filter.
pub(super) fn list(context: &Context, facts: &Facts, queues: &[Queue]) -> Markup {
    let only = context.words.get("only");
    let shown = shown(context, queues);
    let number = |is: fn(&Queue) -> bool| queues.iter().filter(|queue| is(queue)).count();
    let chips = [
        (None, "all", queues.len()),
        (Some("due"), "with due runs", number(|queue| queue.due > 0)),
        (Some("full"), "full", number(Queue::is_full)),
        (Some("paused"), "paused", number(|queue| queue.is_paused)),
    ];
    html! {
        section class="p" {
            form class="filter" {
                label class="vh" for="queue-name" { "Name" }
                input id="queue-name" type="search" name="name" placeholder="Name contains"
                    value=[context.words.get("name")];
                @if let Some(environment) = context.environment() { input type="hidden" name="env" value=(environment); }
                button { "Filter" }
                span class="chips" {
                    @for (key, label, number) in chips {
                        @let words = key.map_or_else(|| context.words.clone().without("only"), |key| context.words.clone().set("only", key));
                        a class="chip" aria-current=[(only == key).then_some("true")] href=(words.at(&context.at("/queues"))) {
                            (label) " " (number)
                        }
                    }
                }
            }
            (rows(context, facts, &shown, SHOWN, true))
            @if shown.len() > SHOWN {
                div class="pages" { "The first " (SHOWN) " of " (shown.len()) ". Narrow the name to see others." }
            }
        }
    }
}

/// The panel of the overview.
pub(in crate::page) fn panel(
    context: &Context,
    facts: &Facts,
    queues: &[Queue],
    most: usize,
) -> Markup {
    let shown: Vec<&Queue> = queues.iter().collect();
    html! {
        section class="p" {
            header {
                h2 { "Queues" }
                span class="muted small" { "by oldest due" }
                a class="more" href=(context.link("/queues")) { "All " (queues.len()) }
            }
            (rows(context, facts, &shown, most, false))
        }
    }
}

fn rows(context: &Context, facts: &Facts, queues: &[&Queue], most: usize, acts: bool) -> Markup {
    if queues.is_empty() {
        return html! { div class="empty" { b { "No queues" } "A queue is there when a run of it is, or a setting: " code { "select engine_set_queue('mail', concurrency_limit => 10)" } } };
    }
    let (is_list, acts) = (acts, acts && facts.may_operate());
    let has_environments = context.environment().is_none() && facts.environments.len() > 1;
    let environment = has_environments.then_some(("Environment", "w2"));
    let columns: Vec<(&str, &str)> = iter::once(("Queue", ""))
        .chain(environment)
        .chain([
            ("Queued", "num w1"),
            ("Due", "num"),
            ("Oldest due", "num"),
            ("Slots in use", ""),
            ("Keys", "num w3"),
        ])
        .collect();
    html! {
        table class="cards" role="table" {
            @if is_list { (table::sortable(context, &columns, &ORDERS, "oldest", facts.may_operate())) } @else { (table::head(&columns, acts)) }
            tbody role="rowgroup" {
                @for queue in queues.iter().take(most) { (row(context, queue, facts.now, has_environments, acts)) }
            }
        }
    }
}
