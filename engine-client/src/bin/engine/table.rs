//! Rows in columns.

use console::{Alignment, Style, pad_str};
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
    /// So many per second.
    Rate,
    /// So many per second, better none.
    BadRate,
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

    /// What stands above its values.
    pub fn header(&self) -> &'static str {
        self.header
    }

    /// The value of a row, as people read it; empty for null.
    pub fn cell(&self, row: &Row) -> String {
        let value = row.get(self.key).unwrap_or(&Value::Null);
        match self.form {
            Form::Text | Form::Status => form::text(value),
            Form::Count => form::count(value),
            Form::Span => form::span(value),
            Form::Moment => form::moment(value),
            Form::Rate | Form::BadRate => form::rate(value),
            Form::Flag if *value == Value::Bool(true) => self.header.to_owned(),
            Form::Flag => String::new(),
        }
    }

    fn alignment(&self) -> Alignment {
        match self.form {
            Form::Count | Form::Span | Form::Rate | Form::BadRate => Alignment::Right,
            Form::Text | Form::Status | Form::Moment | Form::Flag => Alignment::Left,
        }
    }

    /// The colour of a value.
    pub fn style(&self, cell: &str) -> Style {
        match self.form {
            Form::Status => form::status(cell),
            Form::Flag => Style::new().yellow(),
            Form::BadRate if cell != form::NONE_PER_SECOND => Style::new().red(),
            Form::Text | Form::Count | Form::Span | Form::Moment | Form::Rate | Form::BadRate => {
                Style::new()
            }
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

/// The lines of a table: its header, then one for each row. A column that has no value in any row is left out.
pub fn lines(rows: &[Row], columns: &[Column]) -> Vec<String> {
    let mut shown = Vec::new();
    for column in columns {
        let cells: Vec<String> = rows.iter().map(|row| column.cell(row)).collect();
        let widths = cells.iter().map(|cell| console::measure_text_width(cell));
        let widest = widths.max().unwrap_or(0);
        if widest > 0 {
            shown.push((column, cells, widest.max(column.header.len())));
        }
    }
    let line = |cell: &dyn Fn(&Column, &[String]) -> (String, Style)| {
        let mut line = Vec::new();
        for (index, (column, cells, width)) in shown.iter().enumerate() {
            let (text, style) = cell(column, cells);
            let is_last = index + 1 == shown.len();
            let padded = column.padded(&text, *width, is_last);
            line.push(style.apply_to(padded).to_string());
        }
        line.join("  ").trim_end().to_owned()
    };
    let header = line(&|column, _| (column.header.to_uppercase(), Style::new().dim()));
    let rows = (0..rows.len())
        .map(|index| line(&|column, cells| (cells[index].clone(), column.style(&cells[index]))));
    [header].into_iter().chain(rows).collect()
}
