//! The button that pauses what runs, and resumes what is paused.

use maud::Markup;

use crate::part::form;
use crate::request::Context;

/// `target` are the fields that name the queue or the environment; `name` is its name for screen readers.
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
    let fields: Vec<(&str, &str)> = target.iter().copied().chain([("paused", paused)]).collect();
    form::button(context, path, &fields, class, label, name)
}
