//! The files of `sql/statement`. That a call gives what a header names is a matter of the compiler; the rest is asserted here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::Result;
use engine_harness::Workspace;

#[test]
fn the_body_of_a_statement_uses_what_its_header_names_and_nothing_else() -> Result<()> {
    let statements = statements()?;
    assert!(statements.len() > 100, "{}", statements.len());
    for (file, source) in statements {
        let named = parameters(&source);
        let unused: Vec<_> = named.difference(&used(&source)).cloned().collect();
        let unknown: Vec<_> = used(&source).difference(&named).cloned().collect();
        assert_eq!((unused, unknown), (Vec::new(), Vec::new()), "in {file}");
    }
    Ok(())
}

#[test]
fn statements_that_read_a_run_select_the_same_columns() -> Result<()> {
    let statements = statements()?;
    let columns = |file: &str| columns(&statements[file]);
    let run = columns("run_lock.sql");
    assert!(run.len() > 15, "{run:?}");
    assert_eq!(columns("run_lock_free.sql"), run);
    let candidate = columns("dequeue_lock.sql");
    assert_eq!(candidate[..run.len()], run);
    assert_eq!(columns("dequeue_lock_chosen.sql"), candidate);
    assert_eq!(columns("batch_lock_free.sql"), columns("batch_lock.sql"));
    Ok(())
}

/// The statements that may read history: calls about history and events, calls that are repeated, and two rare decisions.
const READ_HISTORY: [&str; 8] = [
    "check.sql",
    "event_held_back.sql",
    "event_read.sql",
    "execution_read.sql",
    "release_read.sql",
    "snapshot_next_read.sql",
    "snapshot_previous_read.sql",
    "snapshots_since_read.sql",
];

#[test]
fn claims_starts_moves_and_ends_write_history_and_never_read_it() -> Result<()> {
    let statements = statements()?;
    let reads = |source: &str| {
        let code: String = source
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect();
        let code = code.replace("delete from", "delete");
        ["from", "join"]
            .iter()
            .any(|word| code.contains(&format!("{word} engine.snapshot as")))
    };
    let readers: Vec<&str> = statements
        .iter()
        .filter(|(_, source)| reads(source))
        .map(|(file, _)| file.as_str())
        .collect();
    assert_eq!(readers, READ_HISTORY);
    for view in ["execution_data", "completed_waitpoint", "event as"] {
        let users: Vec<&String> = statements
            .iter()
            .filter(|(_, source)| source.contains(&format!("engine.{view}")))
            .map(|(file, _)| file)
            .collect();
        let is_reader = |file: &&String| file.ends_with("_read.sql") || *file == "check.sql";
        assert!(users.iter().all(is_reader), "{view}: {users:?}");
    }
    Ok(())
}

fn statements() -> Result<BTreeMap<String, String>> {
    let folder = Workspace::find()?.root().join("sql/statement");
    fs::read_dir(folder)?
        .map(|entry| {
            let path = entry?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            Ok((file.into_owned(), fs::read_to_string(&path)?))
        })
        .collect()
}

fn parameters(source: &str) -> BTreeSet<String> {
    let header = source.lines().take_while(|line| line.starts_with("--"));
    let name = |line: &str| Some(line.strip_prefix("-- :")?.split(' ').next()?.to_owned());
    header.filter_map(name).collect()
}

/// The names behind single colons, outside of comments and of texts in quotes.
fn used(source: &str) -> BTreeSet<String> {
    let lines = source
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default());
    let code: String = lines.collect::<Vec<_>>().join("\n");
    let unquoted: String = code.split('\'').step_by(2).collect();
    let unquoted = unquoted.replace("::", " cast ");
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    unquoted
        .split(':')
        .skip(1)
        .filter_map(|rest| rest.split(|character| !is_name(character)).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The columns of the last `select` that stands at the beginning of a line, without what is done with them.
fn columns(source: &str) -> Vec<String> {
    let select = source.rsplit("\nselect ").next().unwrap_or_default();
    let list = select.split("\nfrom ").next().unwrap_or_default();
    let (mut columns, mut column, mut depth) = (Vec::new(), String::new(), 0);
    for character in list.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => columns.push(std::mem::take(&mut column)),
            _ => {}
        }
        column.push(character);
    }
    columns.push(column);
    let name = |column: &String| {
        let name = column.rsplit('.').next().unwrap_or_default();
        name.split([':', ')']).next().unwrap_or_default().to_owned()
    };
    columns.iter().map(name).collect()
}
