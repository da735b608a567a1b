//! Payloads, outputs, metadata: indented JSON with tinted keys and scalars, exact numbers, and without what is hidden.

use maud::{Markup, html};
use serde_json::Value;

use crate::number::size;
use crate::redact::Redactor;

/// Longest value that a page shows whole, in bytes.
const LONGEST: usize = 16 * 1024;

/// A text that is JSON, or is not.
pub(crate) fn document(redactor: &Redactor, text: &str) -> Markup {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return plain(redactor, text);
    };
    let mut budget = LONGEST;
    let shown = part(redactor, &value, 0, &mut budget);
    html! {
        pre tabindex="0" { (shown) }
        @if budget == 0 {
            p class="b t0 small muted" { "Cut: it has " (size(text.len())) ". The command shows it whole: " code { "engine runs show" } }
        }
    }
}

fn plain(redactor: &Redactor, text: &str) -> Markup {
    let text = redactor.text(text);
    let end = text
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| *at >= LONGEST);
    html! {
        pre class="wrap" tabindex="0" { (text[..end.unwrap_or(text.len())]) @if end.is_some() { "…" } }
    }
}

/// A value at a depth, as long as there is room.
fn part(redactor: &Redactor, value: &Value, depth: usize, budget: &mut usize) -> Markup {
    if *budget == 0 {
        return html! { span class="muted" { "…" } };
    }
    let (outer, inner) = ("  ".repeat(depth), "  ".repeat(depth + 1));
    match value {
        Value::Object(fields) if !fields.is_empty() => html! {
            "{\n"
            @for (place, (key, value)) in fields.iter().enumerate() {
                @if *budget > 0 {
                    (inner) span class="k" { (scalar(&Value::String(key.clone()), budget)) } ": "
                    @if redactor.hides(key) && !value.is_null() {
                        span class="redacted" { "redacted, " (Redactor::length(value)) " characters" }
                    } @else {
                        (part(redactor, value, depth + 1, budget))
                    }
                    @if place + 1 < fields.len() { "," }
                    "\n"
                }
            }
            (outer) "}"
        },
        Value::Array(elements) if !elements.is_empty() => html! {
            "[\n"
            @for (place, element) in elements.iter().enumerate() {
                @if *budget > 0 {
                    (inner) (part(redactor, element, depth + 1, budget)) @if place + 1 < elements.len() { "," } "\n"
                }
            }
            (outer) "]"
        },
        other => html! { span class="v" { (scalar(other, budget)) } },
    }
}

fn scalar(value: &Value, budget: &mut usize) -> String {
    let text = value.to_string();
    let left = *budget;
    *budget = budget.saturating_sub(text.len());
    if text.len() <= left {
        return text;
    }
    let end = text
        .char_indices()
        .map(|(at, _)| at)
        .take_while(|at| *at <= left)
        .last();
    format!("{}…", &text[..end.unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn shown(text: &str) -> String {
        document(&Redactor::new(&Options::default()), text).into_string()
    }

    #[test]
    fn numbers_are_exact_and_text_is_inert() {
        let html = shown(
            r#"{"id": 12345678901234567890123, "total": 64.90, "x": "<script>alert(1)</script>"}"#,
        );
        assert!(html.contains("12345678901234567890123"), "{html}");
        assert!(html.contains("64.90"), "{html}");
        assert!(!html.contains("<script>"), "{html}");
    }

    #[test]
    fn hidden_values_leave_only_their_length() {
        let html = shown(r#"{"card": {"number": "4242"}, "deep": [{"api_token": "abcdef"}]}"#);
        assert!(!html.contains("4242") && !html.contains("abcdef"), "{html}");
        assert!(html.contains("redacted, 6 characters"), "{html}");
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        let long = format!("[{}]", vec!["\"0123456789\""; 5000].join(","));
        let html = shown(&long);
        assert!(
            html.len() < 200_000 && html.contains("Cut: it has"),
            "{}",
            html.len()
        );
    }
}
