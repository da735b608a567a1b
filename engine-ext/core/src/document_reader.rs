//! Reads JSON without losing anything: numbers of any size, keys of any name, any depth.

use serde_json::{Map, Number, Value};

/// Greatest nesting that the reader follows. Deeper values are read as null, and the document is refused for its depth anyway:
/// recursion must end before the stack does.
pub(crate) const READ_DEPTH: usize = 512;

/// A position in a text.
pub(crate) struct Reader<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

impl Reader<'_> {
    pub(crate) fn value(&mut self, depth: usize) -> Option<Value> {
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

    pub(crate) fn skip_space(&mut self) {
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
