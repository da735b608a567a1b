//! Rows in columns.

use console::{Alignment, pad_str, style};
use serde_json::Value;

use crate::form;
use crate::session::Row;

/// How a column shows its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Text,
    /// In the colour of what it means.
    Status,
    /// A whole number.
    Count,
    /// Milliseconds.
    Span,
    /// A time.
    Moment,
    /// Its header if it is true.
    Flag,
}

/// A column: its header, and the key of its values.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    header: &'static str,
    key: &'static str,
    form: Form,
}

impl Column {
    /// A column of the table.
    pub const fn new(header: &'static str, key: &'static str, form: Form) -> Self {
        Self { header, key, form }
    }

    fn cell(&self, row: &Row) -> String {
        let value = row.get(self.key).unwrap_or(&Value::Null);
        match self.form {
            Form::Text | Form::Status => form::text(value),
            Form::Count => form::count(value),
            Form::Span => form::span(value),
            Form::Moment => form::moment(value),
            Form::Flag if *value == Value::Bool(true) => self.header.to_owned(),
            Form::Flag => String::new(),
        }
    }

    fn alignment(&self) -> Alignment {
        match self.form {
            Form::Count | Form::Span => Alignment::Right,
            Form::Text | Form::Status | Form::Moment | Form::Flag => Alignment::Left,
        }
    }

    /// The width that a cell gets, without its colour; the last one needs none behind it.
    fn padded(&self, cell: &str, width: usize, is_last: bool) -> String {
        if is_last && self.alignment() == Alignment::Left {
            return cell.to_owned();
        }
        pad_str(cell, width, self.alignment(), None).into_owned()
    }
}

/// The lines of a table: its header, then one for each row.
pub fn lines(rows: &[Row], columns: &[Column]) -> Vec<String> {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|column| column.cell(row)).collect())
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cells = cells
                .iter()
                .map(|row| console::measure_text_width(&row[index]));
            cells.max().unwrap_or(0).max(column.header.len())
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = String>, is_header: bool| {
        let mut padded = Vec::new();
        for (index, (cell, column)) in cells.zip(columns).enumerate() {
            let cell = column.padded(&cell, widths[index], index + 1 == columns.len());
            padded.push(match column.form {
                _ if is_header => style(cell).dim().to_string(),
                Form::Status => form::status(cell).to_string(),
                Form::Flag => style(cell).yellow().to_string(),
                Form::Text | Form::Count | Form::Span | Form::Moment => cell,
            });
        }
        padded.join("  ").trim_end().to_owned()
    };
    let mut headers = columns.iter().map(|column| column.header.to_uppercase());
    let mut lines = vec![line(&mut headers, true)];
    for row in cells {
        lines.push(line(&mut row.into_iter(), false));
    }
    lines
}
