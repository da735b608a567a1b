//! The style sheet and the script, embedded in the program.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("asset/style.css");
const SCRIPT: &str = include_str!("asset/script.js");

/// An asset never changes under its address, which has its digest as the query.
const FOREVER: &str = "public, max-age=31536000, immutable";

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(
            "/asset/style.css",
            get(async || answer("text/css; charset=utf-8", STYLE)),
        )
        .route(
            "/asset/script.js",
            get(async || answer("text/javascript; charset=utf-8", SCRIPT)),
        )
}

fn answer(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, FOREVER)], text)
}

/// The path of the style sheet.
pub(crate) fn style() -> String {
    format!("/asset/style.css?{}", digest(STYLE))
}

/// The path of the script.
pub(crate) fn script() -> String {
    format!("/asset/script.js?{}", digest(SCRIPT))
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_small() {
        assert!(STYLE.len() < 25_000, "{}", STYLE.len());
        assert!(SCRIPT.len() < 12_000, "{}", SCRIPT.len());
    }
}
