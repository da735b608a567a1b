//! The form of the pages: links lead somewhere, tables fit a terminal, figures have a source.

use anyhow::{Context, Result};
use engine_harness::{Page, Workspace};

/// Longest row of a table, characters.
const WIDEST: usize = 160;

#[test]
fn every_link_to_a_file_or_section_leads_somewhere() -> Result<()> {
    let root = Workspace::find()?.root().to_owned();
    for page in Page::all()? {
        for part in page.text.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            if target.contains("://") {
                continue;
            }
            let place = || format!("{}: {target}", page.path.display());
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let path = root
                .join(page.path.parent().context("no directory")?)
                .join(file);
            assert!(file.is_empty() || path.exists(), "{}", place());
            if !section.is_empty() {
                let text = if file.is_empty() {
                    page.text.clone()
                } else {
                    std::fs::read_to_string(&path)?
                };
                assert!(
                    text.lines().any(|line| anchor(line) == section),
                    "{}",
                    place()
                );
            }
        }
    }
    Ok(())
}

/// The anchor of a heading.
fn anchor(line: &str) -> String {
    let heading = line.trim_start_matches('#');
    if heading.len() == line.len() {
        return String::new();
    }
    let letters = heading.trim().chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        _ if letter.is_alphanumeric() || letter == '-' => Some(letter.to_ascii_lowercase()),
        _ => None,
    });
    letters.collect()
}

#[test]
fn every_table_fits_a_terminal() -> Result<()> {
    for page in Page::all()? {
        // Figures are as wide as they have variants.
        if page.path.starts_with("tests/bench") {
            continue;
        }
        for line in page.text.lines().filter(|line| line.starts_with('|')) {
            let width = line.chars().count();
            assert!(width <= WIDEST, "{}: {width}: {line}", page.path.display());
        }
    }
    Ok(())
}

#[test]
fn every_figure_of_the_front_page_is_one_of_the_benchmark() -> Result<()> {
    let front = Page::read("README.md")?.text;
    let benchmark = Page::read("tests/bench/README.md")?.text;
    let (_, rest) = front
        .split_once("\n## Performance\n")
        .context("no figures")?;
    let section = rest.split("\n## ").next().unwrap_or_default();
    let is_part = |letter: char| letter.is_ascii_digit() || ",.".contains(letter);
    let mut count = 0;
    for figure in section.split(|letter| !is_part(letter)) {
        let figure = figure.trim_matches([',', '.']);
        if figure.len() > 1 {
            assert!(benchmark.contains(figure), "{figure} was not measured");
            count += 1;
        }
    }
    assert!(count > 8, "{count}");
    Ok(())
}
