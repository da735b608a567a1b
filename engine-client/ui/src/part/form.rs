//! Forms that act: each carries the token of its browser, and the page to return to.

use maud::{Markup, html};

use crate::request::Context;

/// What every form carries besides its own fields.
pub(crate) fn hidden(context: &Context, fields: &[(&str, &str)]) -> Markup {
    let back = context
        .words
        .clone()
        .without("confirm")
        .at(&context.at(&context.path));
    html! {
        input type="hidden" name="token" value=(context.token());
        input type="hidden" name="back" value=(back);
        @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
    }
}

/// A button that acts at once.
pub(crate) fn button(
    context: &Context,
    action: &str,
    fields: &[(&str, &str)],
    class: &str,
    label: &str,
    about: &str,
) -> Markup {
    html! {
        form method="post" action=(context.at(action)) {
            (hidden(context, fields))
            button class=(class) aria-label=[(!about.is_empty()).then(|| format!("{label} {about}"))] { (label) }
        }
    }
}
