//! Requirements on errors of the server.

use tokio_postgres::error::{DbError, ErrorPosition};

/// The codes with which Postgres ends a statement for its own reasons: cancelled, timed out, a deadlock, a transaction
/// that has failed already, a procedure's commit where none is allowed.
const POSTGRES: &[&str] = &[
    "57014", "55P03", "40P01", "40001", "25006", "25P02", "25001", "2D000", "54000",
];
const REFERENCE: &str = include_str!("../../sql/README.md");

/// Words that only belong to a program's internals.
const INSIDES: &[&str] = &[
    "panicked",
    "backtrace",
    ".rs:",
    "unwrap",
    "unreachable",
    "stack backtrace",
    "pgrx",
    "called `",
];

/// Longest message: a few words, and an argument of which at most 100 characters are quoted.
const LONGEST_MESSAGE: usize = 301;

/// What is wrong with an error, if anything.
pub fn complaint(error: &DbError) -> Option<String> {
    let code = error.code().code();
    let (message, detail, hint) = (
        error.message(),
        error.detail().unwrap_or_default(),
        error.hint().unwrap_or_default(),
    );
    if code.starts_with("XX") || code == "54001" {
        return Some("an internal error".to_owned());
    }
    for text in [message, detail, hint] {
        if let Some(word) = INSIDES.iter().find(|word| text.contains(*word)) {
            return Some(format!("it says \"{word}\""));
        }
    }
    // The parser's errors for a literal, before anything is called.
    if matches!(error.position(), Some(ErrorPosition::Original(_))) {
        return (!code.starts_with("22")).then(|| "no such call".to_owned());
    }
    if message.contains('\n') || message.ends_with('.') || message.starts_with(char::is_uppercase) {
        return Some("its message is not one lowercase line".to_owned());
    }
    if message.chars().count() > LONGEST_MESSAGE {
        return Some("its message is too long".to_owned());
    }
    if !POSTGRES.contains(&code) && !REFERENCE.contains(&format!("`{code}`")) {
        return Some("its code is not documented".to_owned());
    }
    let is_ours = code.starts_with("RE")
        || matches!(
            code,
            "22023" | "22004" | "22032" | "54000" | "25006" | "0A000" | "23505"
        );
    if is_ours && (detail.is_empty() || hint.is_empty()) {
        return Some("it has no detail or no hint".to_owned());
    }
    None
}

/// An error on one line.
pub fn line(error: &DbError) -> String {
    let part = |name: &str, text: Option<&str>| match text {
        Some(text) => format!("; {name}: {}", crate::datum::brief(text)),
        None => String::new(),
    };
    format!(
        "{} {}{}{}{}",
        error.code().code(),
        crate::datum::brief(error.message()),
        part("detail", error.detail()),
        part("hint", error.hint()),
        part("where", error.where_()),
    )
}
