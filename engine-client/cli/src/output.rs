//! The standard output of a command: text for people, or JSON.

use std::io::{self, Write};

use serde_json::Value;

use crate::table::{self, Column, Row};

/// Where results go, and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    is_json: bool,
}

impl Output {
    /// Prints JSON, or text.
    pub fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// Whether JSON was requested.
    pub fn is_json(self) -> bool {
        self.is_json
    }

    /// A line of text. A reader that is gone is an error, not a panic.
    pub fn line(self, text: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{text}")
    }

    /// A document, formatted for reading.
    pub fn document(self, value: &Value) -> io::Result<()> {
        self.line(&format!("{value:#}"))
    }

    /// A document on one line: one of a stream.
    pub fn entry(self, value: &Value) -> io::Result<()> {
        self.line(&value.to_string())
    }

    /// The row that a call returned, as a document or as the line that `told` makes of it.
    pub fn answer(self, row: Row, told: impl FnOnce(&Row) -> String) -> io::Result<()> {
        if self.is_json {
            return self.document(&Value::Object(row));
        }
        self.line(&told(&row))
    }

    /// Rows, as an array or as a table; `nothing` is printed if there are none.
    pub fn rows(self, rows: Vec<Row>, columns: &[Column], nothing: &str) -> io::Result<()> {
        if self.is_json {
            return self.document(&rows.into_iter().map(Value::Object).collect());
        }
        if rows.is_empty() {
            return self.line(nothing);
        }
        for line in table::lines(&rows, columns) {
            self.line(&line)?;
        }
        Ok(())
    }
}
