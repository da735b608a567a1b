//! A value of an argument: as SQL, as a field of a document, and short enough to be read.

use serde_json::{Value, json};

/// Stands for half a character in a text of a document: an escape that JSON allows and Postgres refuses.
pub const HALF: &str = "@half@";

/// Printed part of a value.
const PRINTED: usize = 160;

/// A value.
#[derive(Clone, Debug)]
pub enum Datum {
    Null,
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// In Postgres's format.
    Time(String),
    Texts(Vec<Option<String>>),
    Integers(Vec<Option<i64>>),
    Document(Value),
    /// Anything else, as SQL.
    Sql(String),
}

impl Datum {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// As an expression of the type `kind`.
    pub fn sql(&self, kind: &str) -> String {
        let value = match self {
            Self::Null => "null".to_owned(),
            Self::Text(text) | Self::Time(text) => quoted(text),
            Self::Integer(number) => quoted(&number.to_string()),
            Self::Float(number) => quoted(&number.to_string()),
            Self::Boolean(value) => value.to_string(),
            Self::Texts(texts) => array(texts, |text| quoted(text)),
            Self::Integers(numbers) => array(numbers, |number| quoted(&number.to_string())),
            Self::Document(document) => quoted(&document_text(document)),
            Self::Sql(sql) => return sql.clone(),
        };
        format!("{value}::{kind}")
    }

    /// As a field of a document.
    pub fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) | Self::Time(text) | Self::Sql(text) => json!(text),
            Self::Integer(number) => json!(number),
            Self::Float(number) => json!(number),
            Self::Boolean(value) => json!(value),
            Self::Texts(texts) => json!(texts),
            Self::Integers(numbers) => json!(numbers),
            Self::Document(document) => document.clone(),
        }
    }
}

/// A document as text for the server.
pub fn document_text(document: &Value) -> String {
    document.to_string().replace(HALF, r"\ud800")
}

/// A text short enough for a reader.
pub fn brief(text: &str) -> String {
    if text.len() <= PRINTED {
        return text.to_owned();
    }
    let head: String = text.chars().take(PRINTED / 2).collect();
    format!("{head}… ({} bytes)", text.len())
}

/// A literal. Postgres cannot be sent a zero byte, so none is.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''").replace('\0', ""))
}

fn array<T>(elements: &[Option<T>], sql: impl Fn(&T) -> String) -> String {
    let elements = elements.iter().map(|element| match element {
        Some(element) => sql(element),
        None => "null".to_owned(),
    });
    format!("array[{}]", elements.collect::<Vec<_>>().join(", "))
}
