//! What pauses and resumes, and what is said of a pause.

use maud::{Markup, html};

use crate::moment::Moment;
use crate::part::form;
use crate::query::queue::Pause;
use crate::request::Context;

/// Who has paused it, when and why, below its name.
pub(super) fn note(pause: &Pause, now: Moment) -> Markup {
    html! { span class="sub cut note" { (pause.words(now)) } }
}

/// A button that pauses what runs, and resumes what is paused. `target` are the fields that name the queue or the environment;
/// `name` is its name for screen readers.
pub(super) fn button(
    context: &Context,
    path: &str,
    target: &[(&str, &str)],
    is_paused: bool,
    class: &str,
    name: &str,
) -> Markup {
    let (label, paused) = if is_paused {
        ("Resume", "false")
    } else {
        ("Pause", "true")
    };
    form::button(context, path, &with(target, paused), class, label, name)
}

/// The same, with a field for the reason of a pause.
pub(super) fn with_reason(
    context: &Context,
    path: &str,
    target: &[(&str, &str)],
    is_paused: bool,
    name: &str,
) -> Markup {
    if is_paused {
        return button(context, path, target, true, "", name);
    }
    html! {
        form class="acts" method="post" action=(context.at(path)) {
            (form::hidden(context, &with(target, "true")))
            label { "Reason " input name="reason" maxlength="200" size="24"; }
            button class="danger" aria-label={ "Pause " (name) } { "Pause" }
        }
    }
}

fn with<'a>(target: &[(&'a str, &'a str)], paused: &'a str) -> Vec<(&'a str, &'a str)> {
    target.iter().copied().chain([("paused", paused)]).collect()
}
