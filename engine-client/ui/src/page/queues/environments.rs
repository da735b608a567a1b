//! The table of environments.

use maud::{Markup, html};

use super::pause;
use crate::moment::span;
use crate::number::count;
use crate::part::table;
use crate::part::text::{none, slots};
use crate::query::queue::Environment;
use crate::query::session::Facts;
use crate::request::Context;
use crate::url::Words;

pub(super) fn list(context: &Context, facts: &Facts, environments: &[Environment]) -> Markup {
    html! {
        section class="p" {
            header { h2 { "Environments" } }
            table class="cards" role="table" {
                (table::head(&[
                    ("Environment", ""), ("Queued", "num w1"), ("Due", "num"),
                    ("Oldest due", "num"), ("Slots in use", ""), ("Burst", "num w1"),
                ], facts.may_operate()))
                tbody role="rowgroup" {
                    @for environment in environments { (row(context, facts, environment)) }
                }
            }
        }
    }
}

fn row(context: &Context, facts: &Facts, environment: &Environment) -> Markup {
    let name = &environment.environment_id;
    let class = if environment.is_paused {
        "mini"
    } else {
        "mini danger"
    };
    html! {
        tr role="row" {
            th scope="row" role="rowheader" class="nw" {
                a href=(Words::default().with("env", name.as_str()).at(&context.at("/queues"))) { (name) }
                @if environment.is_paused { " " span class="tag warn" { "paused" } }
            }
            td role="cell" class="num w1" { (count(environment.queued)) }
            td role="cell" class="num" { (count(environment.due)) span class="muted only-small" { " due" } }
            td role="cell" class="num push" { @match environment.oldest_ms { Some(ms) => (span(ms)), None => (none()) } }
            td role="cell" class="nw full" { (slots(environment.running, environment.limit)) }
            td role="cell" class="num w1" { @if environment.limit.is_some() { (format!("{:.1}", environment.burst)) } @else { (none()) } }
            @if facts.may_operate() {
                td role="cell" class="num" {
                    div class="end acts" {
                        (pause::button(context, "/act/environment/pause", &[("of", name)], environment.is_paused, class, &format!("all of {name}")))
                    }
                }
            }
        }
    }
}
