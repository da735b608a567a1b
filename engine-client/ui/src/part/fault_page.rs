//! Failures as pages.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::symbol::{self, icon};
use crate::asset;
use crate::fault::Fault;
use crate::request::Context;

/// A failure, where it belongs.
pub(crate) fn section(fault: &Fault) -> Markup {
    html! {
        section class="verdict" aria-label="What failed" {
            (icon("failed", "fail"))
            div class="grow" {
                h1 { (fault.message) @if let Some(code) = &fault.code { " (" (code) ")" } }
                @for text in [&fault.detail, &fault.hint].into_iter().flatten() { p { (text) } }
            }
        }
    }
}

/// A page about a failure: without what the database says about other pages, for it may be what failed.
pub(crate) fn page(context: &Context, fault: &Fault) -> Response {
    let prefix = &context.served.options.path_prefix;
    answer(fault, Some(prefix), context.theme.name())
}

/// The same, of a request that was refused before it had a context.
impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        answer(&self, None, None)
    }
}

fn answer(fault: &Fault, prefix: Option<&str>, theme: Option<&str>) -> Response {
    let html = html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Failed · engine" }
                link rel="stylesheet" href={ (prefix.unwrap_or_default()) (asset::style()) };
            }
            body {
                (symbol::all())
                header class="top" { a class="brand" href={ (prefix.unwrap_or_default()) "/" } { "engine" } }
                main id="main" { (section(fault)) }
            }
        }
    };
    let kind = [(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    )];
    (fault.status, kind, html.into_string()).into_response()
}
