//! The report as one self-contained page.

use std::fmt::Write;

use anyhow::Result;

use super::report::{Chapter, Report, Table};
use super::{plot, table};

const STYLE: &str = "body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1200px; padding: 0 1em } \
    table { border-collapse: collapse; margin: 1em 0 } \
    th, td { border-bottom: 1px solid #ddd; padding: .25em .7em; text-align: right; vertical-align: top } \
    th:first-child, td:first-child { text-align: left } \
    .facts td { text-align: left } \
    .plots { display: flex; flex-wrap: wrap; gap: 1em } \
    svg { max-width: 100% }";

pub(super) fn page(report: &Report) -> Result<String> {
    let mut page = String::new();
    writeln!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"
    )?;
    writeln!(page, "<title>Benchmark {}</title>", report.started_at)?;
    writeln!(
        page,
        "<style>{STYLE}</style>\n</head>\n<body>\n<h1>Benchmark</h1>"
    )?;
    writeln!(page, "<table class=\"facts\">")?;
    for (name, fact) in report.facts() {
        writeln!(page, "<tr><td>{name}</td><td>{}</td></tr>", escaped(&fact))?;
    }
    writeln!(page, "</table>")?;
    for chapter in &report.chapters {
        write_chapter(&mut page, chapter)?;
    }
    writeln!(page, "</body>\n</html>")?;
    Ok(page)
}

fn write_chapter(page: &mut String, chapter: &Chapter) -> Result<()> {
    writeln!(page, "<h2>{}</h2>", chapter.name)?;
    writeln!(page, "<p>{}</p>", escaped(chapter.about))?;
    write_list(page, &chapter.notes)?;
    for table in &chapter.tables {
        write_table(page, table)?;
    }
    Ok(())
}

fn write_table(page: &mut String, table: &Table) -> Result<()> {
    writeln!(page, "<h3>{}</h3>\n<table>", escaped(&table.conditions))?;
    for (number, line) in table::cells(table).iter().enumerate() {
        let tag = if number == 0 { "th" } else { "td" };
        write!(page, "<tr>")?;
        for cell in line {
            write!(page, "<{tag}>{}</{tag}>", escaped(cell))?;
        }
        writeln!(page, "</tr>")?;
    }
    writeln!(page, "</table>\n<div class=\"plots\">")?;
    for plot in plot::of(table)? {
        writeln!(page, "{plot}")?;
    }
    writeln!(page, "</div>")?;
    write_list(page, &table::remarks(table))
}

fn write_list(page: &mut String, items: &[String]) -> Result<()> {
    writeln!(page, "<ul>")?;
    for item in items {
        writeln!(page, "<li>{}</li>", escaped(item))?;
    }
    writeln!(page, "</ul>")?;
    Ok(())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
