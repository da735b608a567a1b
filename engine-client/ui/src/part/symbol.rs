//! The shapes of statuses. A page carries each once, and refers to it.

use maud::{Markup, PreEscaped, html};

const SYMBOLS: &str = include_str!("../asset/symbols.svg");

/// All shapes, at the head of a page.
pub(crate) fn all() -> Markup {
    PreEscaped(SYMBOLS.to_owned())
}

/// A shape, which says nothing to a reader of the page's text: the word beside it does.
pub(crate) fn icon(name: &str, colour: &str) -> Markup {
    html! { svg class={ "i " (colour) } aria-hidden="true" { use href={ "#" (name) } {} } }
}
