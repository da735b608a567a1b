//! The table of environments.

use maud::{Markup, html};

use super::pause;
use crate::moment::span;
use crate::number::{count, plural};
use crate::part::symbol::icon;
use crate::part::text::{none, slots};
use crate::part::{form, table};
use crate::query::queue::Environment;
use crate::query::session::Facts;
use crate::request::Context;
use crate::url::Words;

/// The path of the form that pauses an environment.
const ACTION: &str = "/act/environment/pause";

/// The word of the address that says which environment the page asks about.
const ASKED: &str = "confirm";

/// A question before all of an environment is paused.
pub(super) fn confirmation(
    context: &Context,
    facts: &Facts,
    environments: &[Environment],
) -> Markup {
    let asked = context.words.get(ASKED);
    let asked = environments
        .iter()
        .find(|other| asked == Some(&other.environment_id) && !other.is_paused);
    let Some(environment) = asked.filter(|_| facts.may_operate()) else {
        return html! {};
    };
    let name = environment.environment_id.as_str();
    let back = context
        .words
        .clone()
        .without(ASKED)
        .at(&context.at("/queues"));
    html! {
        section class="verdict note" aria-label="Confirm" {
            (icon("paused", "warn"))
            div class="grow" {
                h2 { "Pause all of " (name) "?" }
                p {
                    (plural(environment.due, "run is", "runs are")) " due there, and none starts until it is resumed. "
                    (plural(environment.running, "run", "runs")) " that hold a slot go on."
                }
                form method="post" action=(context.at(ACTION)) {
                    (form::hidden(context, &[("of", name), ("paused", "true")]))
                    p { label { "Reason, shown until it is resumed " input name="reason" maxlength="200" size="40"; } }
                    p class="acts" { button class="danger main" { "Pause all of " (name) } a class="btn" href=(back) { "Back" } }
                }
            }
        }
    }
}

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
    html! {
        tr role="row" {
            th scope="row" role="rowheader" class="nw" {
                a href=(Words::default().with("env", name.as_str()).at(&context.at("/queues"))) { (name) }
                @if environment.is_paused { " " span class="tag warn" { "paused" } (pause::note(&environment.pause, facts.now)) }
            }
            td role="cell" class="num w1" { (count(environment.queued)) }
            td role="cell" class="num" { (count(environment.due)) span class="muted only-small" { " due" } }
            td role="cell" class="num push" { @match environment.oldest_ms { Some(ms) => (span(ms)), None => (none()) } }
            td role="cell" class="nw full" { (slots(environment.running, environment.limit)) }
            td role="cell" class="num w1" { @if environment.limit.is_some() { (format!("{:.1}", environment.burst)) } @else { (none()) } }
            @if facts.may_operate() {
                td role="cell" class="num" {
                    div class="end acts" {
                        @let about = format!("all of {name}");
                        @if environment.is_paused {
                            (pause::button(context, ACTION, &[("of", name)], true, "mini", &about))
                        } @else {
                            a class="btn mini danger" href=(context.words.clone().set(ASKED, name).at(&context.at("/queues")))
                                aria-label={ "Pause " (about) "…" } { "Pause…" }
                        }
                    }
                }
            }
        }
    }
}
