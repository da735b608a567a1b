//! Forms are accepted from the pages of this server only: each carries a token that no other site can know.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use sha2::{Digest, Sha256};

/// The secret of this process, from which tokens are derived.
pub(crate) struct Guard([u8; 32]);

impl Guard {
    /// The cookie that a browser is known by.
    pub(crate) const COOKIE: &str = "engine_browser";

    pub(crate) fn new() -> Self {
        Self(rand::random())
    }

    /// A name for a browser that has none yet.
    pub(crate) fn new_name() -> String {
        hexadecimal(&rand::random::<[u8; 16]>())
    }

    /// Whether a cookie can be such a name.
    pub(crate) fn is_name(text: &str) -> bool {
        text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// The token of the forms of a browser.
    pub(crate) fn token(&self, browser: &str) -> String {
        let digest = Sha256::new()
            .chain_update(self.0)
            .chain_update(browser.as_bytes())
            .finalize();
        hexadecimal(&digest)
    }

    /// Whether a form comes from a page of this server.
    pub(crate) fn accepts(&self, headers: &HeaderMap, browser: &str, token: Option<&str>) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let is_of_site =
            text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
        let origin = text(ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
        let is_of_origin = match origin {
            // Behind a proxy the two may differ: browsers that send the other header are asked by it.
            Some((_, origin)) => {
                Some(origin) == text(HOST.as_str()) || text("sec-fetch-site").is_some()
            }
            None => true,
        };
        let expected = self.token(browser);
        let is_token = token.is_some_and(|token| is_same(token.as_bytes(), expected.as_bytes()));
        is_of_site && is_of_origin && is_token
    }
}

/// Compares in a time that does not depend on where they differ.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    let differ = left
        .iter()
        .zip(right)
        .fold(0, |differ, (left, right)| differ | (left ^ right));
    left.len() == right.len() && differ == 0
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_accepted_with_its_own_token_only() {
        let (guard, other) = (Guard::new(), Guard::new());
        let (mine, theirs) = (Guard::new_name(), Guard::new_name());
        let headers = HeaderMap::new();
        let token = guard.token(&mine);
        assert!(guard.accepts(&headers, &mine, Some(&token)));
        assert!(!guard.accepts(&headers, &theirs, Some(&token)));
        assert!(!guard.accepts(&headers, &mine, Some(&other.token(&mine))));
        assert!(!guard.accepts(&headers, &mine, None));
    }

    #[test]
    fn a_form_of_another_site_is_refused_even_with_the_token() {
        let guard = Guard::new();
        let mine = Guard::new_name();
        let token = guard.token(&mine);
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", "localhost:9189".parse().unwrap());
            headers.insert(name, value.parse().unwrap());
            assert!(!guard.accepts(&headers, &mine, Some(&token)), "{name}");
        }
    }
}
