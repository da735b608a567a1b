//! The page of the tests has both sizes of every test that has two.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use engine_harness::{Page, Workspace};

/// What the arguments of `Scale::new` say: the thing that is counted, and both numbers.
fn scales(source: &str) -> Vec<(String, String, String)> {
    let calls = source.split("Scale::new(").skip(1);
    let scales = calls.filter_map(|call| {
        let arguments = call.split_once(')')?.0.replace('_', "");
        let mut arguments = arguments.split(',').map(str::trim);
        let what = arguments.next()?.strip_prefix('"')?.strip_suffix('"')?;
        Some((
            what.to_owned(),
            arguments.next()?.to_owned(),
            arguments.next()?.to_owned(),
        ))
    });
    scales.collect()
}

/// Checks the sources below a directory against the rows of the page; returns how many numbers it has found.
fn check(tests: &Path, directory: &Path, page: &Page) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            count += check(tests, &path, page)?;
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let name = path.strip_prefix(tests)?.display().to_string();
        for (what, short, full) in scales(&fs::read_to_string(&path)?) {
            let start = format!("| `{name}` |");
            let row = page.text.lines().find(|line| line.starts_with(&start));
            let row = row.with_context(|| format!("the page has no row of {name}"))?;
            let cells: Vec<&str> = row.split(" | ").collect();
            for (cell, number) in [(1, short), (2, full)] {
                let said = format!("{number} {what}");
                assert!(
                    cells[cell].contains(&said),
                    "{name}: {said} is not in {row}"
                );
            }
            count += 1;
        }
    }
    Ok(count)
}

#[test]
fn the_page_of_the_tests_has_both_sizes_of_every_test_that_has_two() -> Result<()> {
    let root = Workspace::find()?.root().to_owned();
    let page = Page::read("tests/README.md")?;
    let (tests, mut count) = (root.join("tests"), 0);
    for suite in ["concurrency", "crash", "oracle", "fuzz"] {
        count += check(&tests, &tests.join(suite), &page)?;
    }
    assert!(count > 10, "{count}: are they still found?");
    Ok(())
}
