//! The parents and children of a run as a tree.

use maud::{Markup, html};

use super::seen::Seen;
use crate::moment::Moment;
use crate::number::plural;
use crate::page::runs::attempts as attempts_of;
use crate::part::status;
use crate::part::text::{run_path, time};
use crate::query::run::Relative;
use crate::request::Context;

pub(super) fn panel(context: &Context, seen: &Seen) -> Markup {
    let (run, now) = (&seen.run, seen.facts.now);
    let (parents, children): (Vec<&Relative>, Vec<&Relative>) = seen
        .family
        .iter()
        .partition(|other| other.is_parent == Some(true));
    if parents.is_empty() && children.is_empty() {
        return html! {};
    }
    let depth = parents.len();
    let shown = status::of(&run.run_status, &run.execution_status);
    html! {
        section class="p" {
            header {
                h2 { "Family" }
                span class="muted small" { (plural(i64::try_from(seen.family.len() + 1).unwrap_or_default(), "run", "runs")) }
            }
            ul class="tree" id="family" data-live {
                @for parent in &parents { (relative(context, parent, "", "parent", now)) }
                li class={ "here" @if depth > 0 { " d1" } } aria-current="true" {
                    (shown.badge("")) b { (run.task) } span class="muted" { "this run" }
                }
                @for child in &children { (relative(context, child, if depth > 0 { "d2" } else { "d1" }, "", now)) }
            }
        }
    }
}

fn relative(context: &Context, other: &Relative, class: &str, role: &str, now: Moment) -> Markup {
    let shown = status::of(&other.run_status, &other.execution_status);
    html! {
        li class=(class) {
            (shown.badge(&other.run_status)) " "
            a href=(run_path(context, &other.run_id)) { b { (other.task) } } " "
            span class="id muted" { "run_" (other.run_id) } " "
            span class="muted" {
                @if !role.is_empty() { (role) ", " }
                @match other.completed_at {
                    Some(at) => { "ended " (time(at, now)) }
                    None => {
                        (attempts_of(other.attempt, other.max_attempts)) ", queue " (other.queue)
                        @if let Some(at) = other.available_at.filter(|at| *at > now) { ", next " (time(at, now)) }
                    }
                }
            }
        }
    }
}
