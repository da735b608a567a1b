//! Documents: which JSON is accepted, and how it is read so that it is returned unchanged.
//!
//! `serde_json` alone does not read every document faithfully: with arbitrary precision it mistakes an object whose first
//! key is its internal name for numbers for a number, and it stops at a depth of 128, which jsonb does not.

use serde_json::{Map, Number, Value};

use crate::Refusal;

/// Greatest nesting of arrays and objects in an incoming document. Whatever the engine wraps around it stays well below the
/// 128 levels at which readers stop.
pub const MAX_DEPTH: usize = 64;

/// Greatest nesting that [`read`] follows. Deeper values are read as null, and the document is refused for its depth anyway:
/// recursion must end before the stack does.
const READ_DEPTH: usize = 512;

/// Reads JSON; `None` for text that is not JSON. Objects may have any keys, and depth is no error.
#[must_use]
pub fn read(text: &str) -> Option<Value> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    (reader.at == text.len()).then_some(value)
}

/// Refuses a document that is too deep.
///
/// # Errors
/// [`Refusal::TooDeep`] (`22032`).
pub fn check_depth(parameter: &'static str, document: &Value) -> Result<(), Refusal> {
    if is_within(document, MAX_DEPTH) {
        Ok(())
    } else {
        Err(too_deep(parameter))
    }
}

/// Refuses text whose media type is JSON and that is not JSON, or too deep. Other types are opaque.
///
/// # Errors
/// [`Refusal::NotJson`], [`Refusal::TooDeep`] (`22032`).
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
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::NotJson {
            parameter,
            line: error.line(),
            column: error.column(),
        }),
    }
}

/// Whether a media type is JSON, with any parameters.
fn is_json(media_type: &str) -> bool {
    let name = media_type.split(';').next().unwrap_or_default();
    name.trim().eq_ignore_ascii_case("application/json")
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

/// A position in a text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_space();
        match self.peek()? {
            b'[' | b'{' if depth >= READ_DEPTH => self.skip_nested(),
            b'[' => self.array(depth),
            b'{' => self.object(depth),
            b'"' => self.string().map(Value::String),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        let mut values = Vec::new();
        self.at += 1;
        if self.takes(b']') {
            return Some(Value::Array(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            if self.takes(b']') {
                return Some(Value::Array(values));
            }
            if !self.takes(b',') {
                return None;
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut object = Map::new();
        self.at += 1;
        if self.takes(b'}') {
            return Some(Value::Object(object));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            if !self.takes(b':') {
                return None;
            }
            object.insert(key, self.value(depth + 1)?);
            if self.takes(b'}') {
                return Some(Value::Object(object));
            }
            if !self.takes(b',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at;
        let mut is_escaped = false;
        loop {
            self.at += 1;
            match self.peek()? {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => break,
                _ => {}
            }
        }
        self.at += 1;
        serde_json::from_str(&self.text[start..self.at]).ok()
    }

    fn number(&mut self) -> Option<Value> {
        let rest = &self.text[self.at..];
        let is_part = |character: char| {
            character.is_ascii_digit() || matches!(character, '+' | '-' | '.' | 'e' | 'E')
        };
        let length = rest
            .find(|character| !is_part(character))
            .unwrap_or(rest.len());
        let number: Number = serde_json::from_str(&rest[..length]).ok()?;
        self.at += length;
        Some(Value::Number(number))
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        self.text[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    /// Skips an array or object without reading it.
    fn skip_nested(&mut self) -> Option<Value> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(Value::Null);
            }
        }
    }

    fn takes(&mut self, wanted: u8) -> bool {
        self.skip_space();
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_space(&mut self) {
        while self
            .peek()
            .is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let check = |depth| check_depth("d", &read(&nested(depth)).unwrap());
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
