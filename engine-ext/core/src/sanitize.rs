//! Truncates errors to a size that can be stored with every run.

use serde_json::{Map, Value, json};

/// Truncates texts that are too long to be stored with every run. NUL characters never get this far: jsonb has none.
pub(crate) fn sanitize(mut json: Map<String, Value>) -> Map<String, Value> {
    let is_custom = json.get("type").and_then(Value::as_str) == Some("CUSTOM_ERROR");
    for (field, value) in &mut json {
        let Value::String(text) = value else { continue };
        match field.as_str() {
            "raw" if is_custom && text.chars().count() > MAX_TEXT => {
                let preview: String = text.chars().take(MAX_TEXT).collect();
                *text = json!({"truncated": true, "preview": preview}).to_string();
            }
            "message" | "raw" => cut(text, MAX_TEXT, TRUNCATED),
            "name" => cut(text, MAX_NAME, ""),
            "stackTrace" => *text = cut_stack(text),
            _ => {}
        }
    }
    json
}

/// Longest message or raw value, characters.
const MAX_TEXT: usize = 1000;
const TRUNCATED: &str = "…[truncated]";
/// Longest name, characters.
const MAX_NAME: usize = 1024;
/// Lines of a stack that are kept from its top and from its bottom, and the characters kept of each line.
const STACK_TOP: usize = 5;
const STACK_BOTTOM: usize = 45;
const MAX_LINE: usize = 1024;
/// Longest stack, characters.
const MAX_STACK: usize = 16 * 1024;

fn cut(text: &mut String, max: usize, marker: &str) {
    if let Some((end, _)) = text.char_indices().nth(max) {
        text.truncate(end);
        text.push_str(marker);
    }
}

fn cut_stack(stack: &str) -> String {
    let lines: Vec<&str> = stack.lines().collect();
    let kept: Vec<&str> = if lines.len() > STACK_TOP + STACK_BOTTOM {
        let bottom = lines.len() - STACK_BOTTOM;
        lines[..STACK_TOP]
            .iter()
            .chain(&lines[bottom..])
            .copied()
            .collect()
    } else {
        lines
    };
    let short = |line: &&str| line.chars().take(MAX_LINE).collect::<String>();
    let mut text = kept.iter().map(short).collect::<Vec<_>>().join("\n");
    cut(&mut text, MAX_STACK, "");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sanitized(json: Value) -> Value {
        match json {
            Value::Object(object) => Value::Object(sanitize(object)),
            other => other,
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let long = "ä".repeat(2000);
        let stack: Vec<String> = (0..100).map(|line| format!("at line {line}")).collect();
        let json = json!({"type": "BUILT_IN_ERROR", "name": "E", "message": long, "stackTrace": stack.join("\n")});
        let error = sanitized(json);
        let message = error["message"].as_str().unwrap();
        assert_eq!(message.chars().count(), 1000 + TRUNCATED.chars().count());
        let lines: Vec<&str> = error["stackTrace"].as_str().unwrap().lines().collect();
        assert_eq!(
            (lines.len(), lines[4], lines[5], lines[49]),
            (50, "at line 4", "at line 55", "at line 99")
        );
        let custom = sanitized(json!({"type": "CUSTOM_ERROR", "raw": long}));
        let wrapped: Value = serde_json::from_str(custom["raw"].as_str().unwrap()).unwrap();
        assert_eq!(wrapped["truncated"], true);
    }
}
