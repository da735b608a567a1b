//! Documents: which JSON is accepted, and how it is read so that it is returned unchanged.
//!
//! `serde_json` alone does not read every document faithfully: with arbitrary precision it mistakes an object whose first
//! key is its internal name for numbers for a number, and it stops at a depth of 128, which jsonb does not.

use serde_json::Value;

use crate::Refusal;
use crate::document_reader::Reader;

/// The media type of payloads and outputs that are passed without a type.
pub const JSON_TYPE: &str = "application/json";

/// How the names begin that `serde_json` gives to what it cannot pass otherwise. Readers in Rust take an object with such a key for
/// something else, or fail.
const RESERVED: &str = "$serde_json::private::";

/// Greatest nesting of arrays and objects in an incoming document. Whatever the engine wraps around it stays well below the
/// 128 levels at which readers stop.
pub const MAX_DEPTH: usize = 64;

/// Reads JSON; `None` for text that is not JSON. Objects may have any keys, and depth is no error.
#[must_use]
pub fn read(text: &str) -> Option<Value> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    (reader.at == text.len()).then_some(value)
}

/// Refuses a document that not every reader could read.
///
/// # Errors
/// [`Refusal::TooDeep`], [`Refusal::ReservedKey`] (`22032`).
pub fn check_document(parameter: &'static str, document: &Value) -> Result<(), Refusal> {
    if !is_within(document, MAX_DEPTH) {
        return Err(too_deep(parameter));
    }
    match reserved_key(document) {
        None => Ok(()),
        Some(key) => Err(Refusal::ReservedKey {
            parameter,
            key: key.to_owned(),
        }),
    }
}

/// Refuses text whose media type is JSON and that is not JSON, or that not every reader could read. Other types are opaque.
///
/// # Errors
/// [`Refusal::NotJson`], [`Refusal::TooDeep`], [`Refusal::ReservedKey`] (`22032`).
pub fn check_text(
    parameter: &'static str,
    text: &str,
    media_type: Option<&str>,
) -> Result<(), Refusal> {
    if !media_type.is_none_or(is_json) {
        return Ok(());
    }
    if text_depth(text) > MAX_DEPTH {
        return Err(too_deep(parameter));
    }
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        return Err(Refusal::NotJson {
            parameter,
            line: error.line(),
            column: error.column(),
        });
    }
    match Some(text)
        .filter(|text| text.contains(RESERVED))
        .and_then(read)
    {
        Some(document) => check_document(parameter, &document),
        None => Ok(()),
    }
}

/// Whether a media type is JSON, with any parameters.
fn is_json(media_type: &str) -> bool {
    let name = media_type.split(';').next().unwrap_or_default();
    name.trim().eq_ignore_ascii_case(JSON_TYPE)
}

fn too_deep(parameter: &'static str) -> Refusal {
    Refusal::TooDeep {
        parameter,
        limit: MAX_DEPTH,
    }
}

fn is_within(document: &Value, levels: usize) -> bool {
    let inside = |value: &Value| is_within(value, levels.saturating_sub(1));
    match document {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(values) => levels > 0 && values.iter().all(inside),
        Value::Object(object) => levels > 0 && object.values().all(inside),
    }
}

/// The first key with a reserved name.
fn reserved_key(document: &Value) -> Option<&str> {
    match document {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        Value::Array(values) => values.iter().find_map(reserved_key),
        Value::Object(object) => object.iter().find_map(|(key, value)| {
            if key.starts_with(RESERVED) {
                return Some(key.as_str());
            }
            reserved_key(value)
        }),
    }
}

/// Nesting of the brackets outside strings.
fn text_depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut is_escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match (in_string, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document_reader::READ_DEPTH;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn a_document_comes_back_as_it_was_written() {
        for text in [
            r#"{"$serde_json::private::Number":"1"}"#,
            r#"{"$serde_json::private::RawValue":"[1]"}"#,
            r#"[{"a":{"$serde_json::private::Number":"x"}},1.50,-0,123456789012345678901234567890,1e400]"#,
            r#"{"a\"b":"\\\"ä\u0001","c":[null,true,false,{},[]]}"#,
            "\"x\"",
            &nested(300),
        ] {
            let value = read(text).unwrap();
            assert_eq!(value.to_string().replace("1e+400", "1e400"), text);
        }
        let spaced = read(" { \"a\" : [ 1 , 2 ] } ").unwrap();
        assert_eq!(spaced.to_string(), r#"{"a":[1,2]}"#);
    }

    #[test]
    fn what_is_no_json_is_not_read() {
        for text in [
            "", "x", "[", "[1", "[1,]", "{\"a\"}", "{a:1}", "\"", "1 2", "tru", "ä", "--1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_and_no_depth_exhausts_the_stack() {
        let check = |depth| check_document("d", &read(&nested(depth)).unwrap());
        assert!(check(MAX_DEPTH).is_ok());
        for depth in [MAX_DEPTH + 1, 127, 128, READ_DEPTH + 1, 100_000] {
            assert_eq!(check(depth).unwrap_err().sqlstate(), "22032", "{depth}");
            let refused = check_text("d", &nested(depth), None).unwrap_err();
            assert_eq!(refused.sqlstate(), "22032", "{depth}");
        }
        assert!(check_text("d", &nested(MAX_DEPTH), None).is_ok());
        assert!(check_text("d", r#""[[[[{\"[[""#, None).is_ok());
    }

    #[test]
    fn a_key_that_readers_take_for_something_else_is_refused() {
        for text in [
            r#"{"$serde_json::private::Number": "x"}"#,
            r#"[{"a": {"b": 1, "$serde_json::private::RawValue": []}}]"#,
        ] {
            let refused = check_document("d", &read(text).unwrap()).unwrap_err();
            assert_eq!(refused.sqlstate(), "22032", "{text}");
            assert_eq!(check_text("d", text, None).unwrap_err(), refused, "{text}");
            assert!(check_text("d", text, Some("text/plain")).is_ok());
        }
        for text in [
            r#"{"$serde_json": 1}"#,
            r#"["$serde_json::private::Number"]"#,
        ] {
            assert!(check_document("d", &read(text).unwrap()).is_ok(), "{text}");
            assert!(check_text("d", text, None).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_text_is_json_where_its_type_says_so() {
        for media_type in [
            None,
            Some("application/json"),
            Some("Application/JSON; charset=utf-8"),
        ] {
            let refused = check_text("d", "not json", media_type).unwrap_err();
            assert_eq!(refused.sqlstate(), "22032");
            assert!(check_text("d", "{\"a\": 1}", media_type).is_ok());
        }
        assert!(check_text("d", "not json", Some("text/plain")).is_ok());
        assert!(check_text("d", "not json", Some("application/json-lines")).is_ok());
    }
}
