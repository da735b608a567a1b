//! Rows in columns.

use console::{Alignment, Style, pad_str};
use serde_json::{Map, Value};

use crate::form;

/// A row: every statement returns one document per row, which is what `--json` prints and tables are made of.
pub type Row = Map<String, Value>;

/// How a column shows its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Unchanged.
    Text,
    /// A status in its colour.
    Status,
    /// A whole number.
    Count,
    /// Milliseconds.
    Span,
    /// A rate per second.
    Rate,
    /// A rate per second that should be zero.
    BadRate,
    /// A time.
    Moment,
    /// Shows the header if it is true.
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

    /// The column's header.
    pub fn header(&self) -> &'static str {
        self.header
    }

    /// The value of a row, formatted for people; empty for null.
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
}

/// A column with its values.
struct Shown<'a> {
    column: &'a Column,
    cells: Vec<String>,
    width: usize,
}

impl<'a> Shown<'a> {
    /// None if no row has a value.
    fn new(column: &'a Column, rows: &[Row]) -> Option<Self> {
        let cells: Vec<String> = rows.iter().map(|row| column.cell(row)).collect();
        let widths = cells.iter().map(|cell| console::measure_text_width(cell));
        let widest = widths.max().filter(|width| *width > 0)?;
        Some(Self {
            column,
            cells,
            width: widest.max(column.header.len()),
        })
    }

    /// A text in its style, with spaces around it up to the column's width.
    fn padded(&self, text: &str, style: &Style) -> String {
        let styled = style.apply_to(text).to_string();
        let alignment = self.column.alignment();
        pad_str(&styled, self.width, alignment, None).into_owned()
    }

    fn header(&self) -> String {
        let style = Style::new().dim();
        self.padded(&self.column.header.to_uppercase(), &style)
    }

    fn cell(&self, row: usize) -> String {
        let cell = &self.cells[row];
        self.padded(cell, &self.column.style(cell))
    }
}

/// The lines of a table: its header, then one for each row. A column without a value in any row is omitted.
pub fn lines(rows: &[Row], columns: &[Column]) -> Vec<String> {
    let shown = columns.iter().filter_map(|column| Shown::new(column, rows));
    let shown: Vec<Shown<'_>> = shown.collect();
    let header = shown.iter().map(Shown::header).collect();
    let rows = (0..rows.len()).map(|row| shown.iter().map(|column| column.cell(row)).collect());
    let lines = [header].into_iter().chain(rows);
    lines
        .map(|cells: Vec<String>| cells.join("  ").trim_end().to_owned())
        .collect()
}
