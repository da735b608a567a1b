//! The field at the head of pages: an id leads to its page, anything else is a filter.

use axum::response::{IntoResponse, Redirect};

use crate::filter::Filter;
use crate::request::Context;
use crate::url::{Words, segment};

/// Ids of runs have no prefix in some logs: what looks like one is taken for one.
const BARE_LENGTH: std::ops::RangeInclusive<usize> = 24..=32;

pub(super) async fn answer(context: Context) -> impl IntoResponse {
    let text = context.words.get("q").unwrap_or_default().trim().to_owned();
    Redirect::to(&place(&context, &text))
}

fn place(context: &Context, text: &str) -> String {
    let list = |key: &str| context.link_with("/runs", Words::default().with(key, text));
    let is_one_word = !text.contains([' ', ':']);
    match text.split_once('_') {
        Some(("run", id)) if is_one_word => context.link(&format!("/runs/run_{}", segment(id))),
        Some(("bulk", _)) if is_one_word => context.link(&format!("/bulk/{}", segment(text))),
        Some(("batch", _)) if is_one_word => list("batch"),
        _ if is_one_word && is_bare_id(text) => context.link(&format!("/runs/run_{text}")),
        _ => {
            // The field above a list adds to its filter.
            let filter = Filter::read(&context.words).typed(text);
            filter.to_words().at(&context.at("/runs"))
        }
    }
}

fn is_bare_id(text: &str) -> bool {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    BARE_LENGTH.contains(&text.len()) && text.starts_with('c') && is_plain
}
