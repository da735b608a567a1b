//! Times, ids and figures.

use maud::{Markup, html};

use crate::moment::{Moment, span};
use crate::number::count;
use crate::request::Context;

/// A moment, for machines too, with its age as a title.
pub(crate) fn time(moment: Moment, now: Moment) -> Markup {
    let title = if moment <= now {
        format!("{}, {} ago", moment.iso(), span(now.ms_since(moment)))
    } else {
        format!("{}, in {}", moment.iso(), span(moment.ms_since(now)))
    };
    html! { time datetime=(moment.iso()) title=(title) { (moment.brief(now)) } }
}

/// A moment to the millisecond.
pub(crate) fn exact_time(moment: Moment, now: Moment) -> Markup {
    html! { time datetime=(moment.iso()) { (moment.exact(now)) } }
}

/// What is unknown, or does not apply.
pub(crate) fn none() -> Markup {
    html! { span class="muted" { "–" } }
}

/// The id of a run, as a link to it.
pub(crate) fn run_link(context: &Context, run_id: &str) -> Markup {
    html! {
        a class="id" href=(context.link(&format!("/runs/run_{run_id}"))) { span class="muted" { "run_" } (run_id) }
    }
}

/// The address of a run.
pub(crate) fn run_path(context: &Context, run_id: &str) -> String {
    context.link(&format!("/runs/run_{run_id}"))
}

/// A figure of an overview.
pub(crate) struct Figure<'a> {
    pub(crate) id: &'a str,
    pub(crate) label: Markup,
    pub(crate) value: String,
    pub(crate) colour: &'a str,
    pub(crate) basis: String,
    pub(crate) link: Option<String>,
}

/// Figures, side by side.
pub(crate) fn figures(figures: &[Figure<'_>]) -> Markup {
    html! {
        dl class="figs" {
            @for figure in figures {
                div {
                    dt { (figure.label) }
                    dd id={ "fig-" (figure.id) } data-live {
                        b class=(figure.colour) {
                            @if let Some(link) = &figure.link { a href=(link) { (figure.value) } } @else { (figure.value) }
                        }
                        small { (figure.basis) }
                    }
                }
            }
        }
    }
}

/// A bar of slots in use.
pub(crate) fn slots(used: i64, limit: Option<i64>) -> Markup {
    let Some(limit) = limit else {
        return html! { (count(used)) span class="muted" { " / ∞" } };
    };
    let share = if limit > 0 {
        (used as f64 / limit as f64).min(1.0)
    } else {
        1.0
    };
    let is_full = used >= limit;
    html! {
        svg class={ "bar " (if is_full { "warn" } else { "run" }) } width="96" height="9" role="img"
            aria-label={ (count(used)) " of " (count(limit)) " in use" } {
            rect class="track" x=".5" y=".5" width="95" height="8" rx="1" {}
            rect class=[is_full.then_some("fh")] x=".5" y=".5" width={ (format!("{:.1}", share * 95.0)) } height="8" rx="1" {}
        }
        " " (count(used)) span class="muted" { " / " (count(limit)) }
    }
}
