//! The files of `sql/statement`. That a call gives the parameters and reads the columns that a header names is a matter of the
//! compiler; that the header is true is asserted here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};
use engine_harness::{Database, Session, Workspace};
use tokio_postgres::types::{Kind, Type};

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

#[tokio::test]
async fn a_statement_returns_the_columns_that_its_header_names() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let lists = files("columns")?;
    for (file, source) in statements()? {
        let list = source
            .lines()
            .find_map(|line| line.strip_prefix("-- -> the columns in columns/"));
        let header = list.map_or(&source, |list| &lists[list]);
        let text = numbered(&source, list.map(|list| body(&lists[list])));
        let prepared = session.client.prepare(&text).await;
        let prepared = prepared.with_context(|| format!("{file}: {text}"))?;
        let returned: Vec<String> = prepared
            .columns()
            .iter()
            .map(|column| format!("{} {}", column.name(), type_name(column.type_())))
            .collect();
        assert_eq!(named(header), returned, "in {file}");
    }
    Ok(())
}

#[test]
fn a_candidate_of_a_dequeue_begins_with_the_columns_of_a_run() -> Result<()> {
    let lists = files("columns")?;
    let run = named(&lists["run.sql"]);
    assert!(run.len() > 15, "{run:?}");
    assert_eq!(named(&lists["candidate.sql"])[..run.len()], run);
    Ok(())
}

/// A new status is decided on in core, where the compiler asks for it; a list of statuses in SQL would be forgotten.
#[test]
fn every_list_of_statuses_in_sql_is_one_that_core_decides() -> Result<()> {
    use engine_core::ExecutionStatus as Status;
    let listed = |is_in: fn(Status) -> bool| -> BTreeSet<&str> {
        let all = Status::ALL.iter().filter(|status| is_in(**status));
        all.map(|status| status.as_str()).collect()
    };
    let decided = [
        listed(Status::is_queued),
        // Those that unblock leads out of: with edges, and not cancelled.
        listed(|status| status.keeps_edges() && status != Status::PendingCancel),
    ];
    let names: BTreeSet<&str> = listed(|_| true);
    let mut sources = statements()?;
    sources.extend(files("../view")?);
    let mut count = 0;
    for (file, source) in sources {
        for part in body(&source).split("execution_status").skip(1) {
            let part = part.trim_start().trim_start_matches("::text ");
            let Some(list) = ["in (", "not in ("]
                .iter()
                .find_map(|of| part.strip_prefix(of))
            else {
                continue;
            };
            let list = list.split(')').next().unwrap_or_default();
            let list: BTreeSet<&str> = list.split('\'').skip(1).step_by(2).collect();
            assert!(list.is_subset(&names), "{file}: {list:?}");
            assert!(decided.contains(&list), "{file}: {list:?}");
            count += 1;
        }
    }
    assert!(count >= 4, "{count}");
    Ok(())
}

/// The page that explains a run's life has every status.
#[test]
fn the_map_has_every_execution_status() -> Result<()> {
    let map = fs::read_to_string(Workspace::find()?.root().join("sql/schema/README.md"))?;
    for status in engine_core::ExecutionStatus::ALL {
        assert!(map.contains(&format!("| {status} |")), "{status}");
    }
    Ok(())
}

/// The statements that may read history: calls about history and events, calls that are repeated, forgetting and removal, serving a
/// shard, and three rare decisions.
const READ_HISTORY: [&str; 15] = [
    "check_link.sql",
    "check_run.sql",
    "event_ahead.sql",
    "event_held_back.sql",
    "event_read.sql",
    "execution_read.sql",
    "forget_find.sql",
    "heartbeat_beat.sql",
    "release_read.sql",
    "removal_held.sql",
    "removal_snapshot_delete.sql",
    "snapshot_next_read.sql",
    "snapshot_previous_read.sql",
    "snapshots_since_read.sql",
    "turn_start_read.sql",
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
        ["snapshot", "history", "unfiltered_history"]
            .iter()
            .any(|name| {
                ["from", "join"]
                    .iter()
                    .any(|word| code.contains(&format!("{word} engine.{name} as")))
            })
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
        let is_reader = |file: &&String| file.ends_with("_read.sql") || file.starts_with("check_");
        assert!(users.iter().all(is_reader), "{view}: {users:?}");
    }
    Ok(())
}

fn statements() -> Result<BTreeMap<String, String>> {
    files("")
}

/// The files of a folder in `sql/statement`, by their names.
fn files(folder: &str) -> Result<BTreeMap<String, String>> {
    let folder = Workspace::find()?.root().join("sql/statement").join(folder);
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            files.insert(file.into_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(files)
}

/// The columns that a header names, each with its type.
fn named(source: &str) -> Vec<String> {
    let lines = source
        .lines()
        .filter_map(|line| line.strip_prefix("-- -> "));
    let columns = lines.flat_map(|line| line.trim_end_matches(',').split(", "));
    columns
        .map(|column| column.trim_end_matches(" null").to_owned())
        .collect()
}

/// A statement for the server: numbers with types for its parameters, `columns` for `:columns`.
fn numbered(source: &str, columns: Option<String>) -> String {
    let header = source.lines().filter_map(|line| line.strip_prefix("-- :"));
    let mut text = body(source);
    for (index, parameter) in header.enumerate() {
        let (name, rest) = parameter.split_once(' ').unwrap_or_default();
        let of = rest.split(':').next().unwrap_or_default();
        let number = format!("(${}::{of})", index + 1);
        text = replaced(&text, name, &number);
    }
    replaced(&text, "columns", &columns.unwrap_or_default())
}

/// The text with `:name` replaced, except in texts in quotes, which have no such names.
fn replaced(text: &str, name: &str, value: &str) -> String {
    let marked = format!(":{name}");
    let mut pieces = text.split(&marked);
    let mut replaced = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let is_longer = piece.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
        if is_longer || replaced.ends_with(':') {
            replaced.push_str(&marked);
        } else {
            replaced.push_str(value);
        }
        replaced.push_str(piece);
    }
    replaced
}

/// Without comments.
fn body(source: &str) -> String {
    let lines = source
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// A type's name in headers.
fn type_name(of: &Type) -> String {
    match of.kind() {
        Kind::Array(element) => format!("{}[]", type_name(element)),
        _ => match of.name() {
            "bool" => "boolean",
            "int2" => "smallint",
            "int4" => "integer",
            "int8" => "bigint",
            "float8" => "double precision",
            name => name,
        }
        .to_owned(),
    }
}

fn parameters(source: &str) -> BTreeSet<String> {
    let header = source.lines().take_while(|line| line.starts_with("--"));
    let name = |line: &str| Some(line.strip_prefix("-- :")?.split(' ').next()?.to_owned());
    header.filter_map(name).collect()
}

/// The names behind single colons, outside of comments and of texts in quotes.
fn used(source: &str) -> BTreeSet<String> {
    let unquoted: String = body(source).split('\'').step_by(2).collect();
    let unquoted = unquoted.replace("::", " cast ");
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    unquoted
        .split(':')
        .skip(1)
        .filter_map(|rest| rest.split(|character| !is_name(character)).next())
        .filter(|name| !name.is_empty() && *name != "columns")
        .map(str::to_owned)
        .collect()
}
