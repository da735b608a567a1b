//! The table of queues: with a filter and buttons, or as a panel of the overview.

use std::iter;

use maud::{Markup, html};

use super::row::row;
use crate::number::count;
use crate::part::table;
use crate::query::queue::{Asked, Counts, Queue};
use crate::query::session::Facts;
use crate::request::Context;

/// Queues on a page.
pub(super) const SHOWN: i64 = 200;

/// The columns that may order the list, by the words of the address.
const ORDERS: [(&str, &str); 5] = [
    ("Queue", "name"),
    ("Queued", "queued"),
    ("Due", "due"),
    ("Oldest due", "oldest"),
    ("Slots in use", "running"),
];

/// The queues that the words of a page ask for, in their order.
pub(in crate::page) fn asked(context: &Context, most: i64) -> Asked<'_> {
    Asked {
        environment: context.environment(),
        part: context.words.get("name"),
        name: None,
        only: context.words.get("only"),
        order: context.words.get("sort"),
        most,
    }
}

/// The list with its filter.
pub(super) fn list(context: &Context, facts: &Facts, queues: &[Queue], counts: &Counts) -> Markup {
    let only = context.words.get("only");
    let chips = [
        (None, "all", counts.all),
        (Some("due"), "with due runs", counts.due),
        (Some("full"), "full", counts.full),
        (Some("paused"), "paused", counts.paused),
    ];
    let all = chips.iter().find(|(key, ..)| only == *key);
    let all = all.map_or(counts.all, |(.., number)| *number);
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
                            (label) " " (count(number))
                        }
                    }
                }
            }
            (rows(context, facts, queues, queues.len(), true))
            @if all > SHOWN {
                div class="pages" { "The first " (SHOWN) " of " (count(all)) ". Narrow the name to see others, or order them by another column." }
            }
        }
    }
}

/// The panel of the overview.
pub(in crate::page) fn panel(
    context: &Context,
    facts: &Facts,
    queues: &[Queue],
    all: i64,
    most: usize,
) -> Markup {
    html! {
        section class="p" {
            header {
                h2 { "Queues" }
                span class="muted small" { "by oldest due" }
                a class="more" href=(context.link("/queues")) { "All " (count(all)) }
            }
            (rows(context, facts, queues, most, false))
        }
    }
}

fn rows(context: &Context, facts: &Facts, queues: &[Queue], most: usize, acts: bool) -> Markup {
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
