//! What a list shows, as a file.

use maud::{Markup, html};

use crate::request::Context;
use crate::url::Words;

/// Most rows of a file.
pub(crate) const MOST: usize = 5_000;

/// The link to a file with what these words filter.
pub(crate) fn link(context: &Context, name: &str, words: &Words) -> Markup {
    let path = context.at(&format!("/{name}"));
    html! { a class="btn mini" download href=(words.at(&path)) title=(format!("At most {MOST} rows")) { "CSV" } }
}
