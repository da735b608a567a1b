//! Tables as text, in Markdown: one column per variant, one line per figure.

use super::figure::{Figure, RATE};
use super::report::{Chapter, Table};
use super::trial::Outcome;

/// Smaller shares are omitted.
const LEAST_SHARE: f64 = 0.02;

/// The cells of a table; the first line is its head, the first column names the lines.
pub(super) fn cells(table: &Table) -> Vec<Vec<String>> {
    let mut lines = vec![line("", table, |outcome| outcome.variant.clone())];
    if let Some(base) = rate_of(table, table.base) {
        let ratio = |outcome: &Outcome| match outcome.spread(RATE) {
            Some(rate) => format!("{:.2} ×", rate.median / base),
            None => "–".to_owned(),
        };
        lines.push(line("rate, compared", table, ratio));
    }
    for figure in figures(table) {
        let spread = |outcome: &Outcome| match outcome.spread(figure) {
            Some(spread) => spread.format(figure),
            None => "–".to_owned(),
        };
        lines.push(line(figure.name, table, spread));
    }
    lines
}

fn line(name: &str, table: &Table, cell: impl Fn(&Outcome) -> String) -> Vec<String> {
    let mut line = vec![name.to_owned()];
    line.extend(table.outcomes.iter().map(cell));
    line
}

/// All figures of all variants, each once.
fn figures(table: &Table) -> Vec<Figure> {
    let mut figures = Vec::new();
    for figure in table.outcomes.iter().flat_map(Outcome::figures) {
        if !figures.contains(&figure) {
            figures.push(figure);
        }
    }
    figures
}

fn rate_of(table: &Table, variant: Option<&str>) -> Option<f64> {
    let mut outcomes = table.outcomes.iter();
    let outcome = outcomes.find(|outcome| Some(outcome.variant.as_str()) == variant)?;
    Some(outcome.spread(RATE)?.median)
}

/// Remarks on the table: waits, and trials that do not count.
pub(super) fn remarks(table: &Table) -> Vec<String> {
    let mut remarks = Vec::new();
    for outcome in &table.outcomes {
        let waits: Vec<String> = outcome
            .waits()
            .into_iter()
            .filter(|(_, share)| *share >= LEAST_SHARE)
            .map(|(name, share)| format!("{name} {:.0} %", share * 100.0))
            .collect();
        if !waits.is_empty() {
            remarks.push(format!(
                "sessions of {}: {}",
                outcome.variant,
                waits.join(", ")
            ));
        }
        let counted = outcome.trials.len();
        remarks.extend(outcome.invalid().map(|why| {
            format!(
                "INVALID: one of {counted} trials of {}: {why}",
                outcome.variant
            )
        }));
    }
    remarks
}

pub(super) fn chapter(chapter: &Chapter) -> String {
    let mut text = format!("\n## {}\n\n{}\n", chapter.name, chapter.about);
    if !chapter.notes.is_empty() {
        text.push_str(&format!("\n- {}\n", chapter.notes.join("\n- ")));
    }
    for table in &chapter.tables {
        text.push_str(&format!(
            "\n### {}\n\n{}",
            table.conditions,
            markdown(&cells(table))
        ));
        let remarks = remarks(table);
        if !remarks.is_empty() {
            text.push_str(&format!("\n- {}\n", remarks.join("\n- ")));
        }
    }
    text
}

/// Columns of equal width, so that the text can be read as it is.
fn markdown(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            match column {
                0 => text.push_str(&format!("| {cell}{padding} |")),
                _ => text.push_str(&format!(" {padding}{cell} |")),
            }
        }
        text.push('\n');
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                match column {
                    0 => text.push_str(&format!("|{}|", "-".repeat(width + 2))),
                    _ => text.push_str(&format!("{}:|", "-".repeat(width + 1))),
                }
            }
            text.push('\n');
        }
    }
    text
}
