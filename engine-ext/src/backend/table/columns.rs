//! The columns of a table, read by the compiler where the schema creates it: a line `    run_id text collate "C" not null,` each.

use crate::backend::header::{Kind, TEXT, kind_at, starts_with};

const BEGIN: &[u8] = b"create table engine.";

/// Checks that a table has these columns, and that those that may not be NULL are among them: defaults are not applied.
pub(crate) const fn check(schema: &str, table: &str, names: &[&str]) {
    let schema = schema.as_bytes();
    let mut index = 0;
    while index < names.len() {
        find(schema, table, names[index]);
        index += 1;
    }
    let mut at = Some(first(schema, table.as_bytes()));
    while let Some(column) = at {
        if !is_nullable(schema, column) {
            assert!(
                is_among(schema, column, names),
                "a column without a value may not be NULL"
            );
        }
        at = next(schema, column);
    }
}

/// Checks that the primary key of a table is a shard and a run id.
pub(crate) const fn check_key(schema: &str, table: &str) {
    check_primary(schema, table, b"primary key (shard, run_id)");
}

/// Checks that the primary key of a table is a shard and an id, and that a column is a text that may not be NULL.
pub(crate) const fn check_look_up(schema: &str, table: &str, column: &str) {
    check_primary(schema, table, b"primary key (shard, id)");
    let kind = kind(schema, table, column);
    assert!(
        kind.of == TEXT && !kind.is_array && !kind.is_nullable,
        "only a text is read that may not be NULL"
    );
}

const fn check_primary(schema: &str, table: &str, key: &[u8]) {
    let schema = schema.as_bytes();
    let mut at = first(schema, table.as_bytes());
    while !starts_with(schema, at, b");") && !starts_with(schema, at, b") with") {
        if starts_with(schema, at, key) {
            return;
        }
        at += 1;
    }
    panic!("the table has another primary key")
}

/// The type of a column.
pub(crate) const fn kind(schema: &str, table: &str, name: &str) -> Kind {
    let schema = schema.as_bytes();
    let column = find(schema, table, name);
    let mut at = column + name.len();
    while schema[at] == b' ' {
        at += 1;
    }
    Kind {
        is_nullable: is_nullable(schema, column),
        ..kind_at(schema, at)
    }
}

/// Position of a column's name.
const fn find(schema: &[u8], table: &str, name: &str) -> usize {
    let mut at = Some(first(schema, table.as_bytes()));
    while let Some(column) = at {
        if is_named(schema, column, name.as_bytes()) {
            return column;
        }
        at = next(schema, column);
    }
    panic!("the table has no such column")
}

/// Position of the first column's name.
const fn first(schema: &[u8], table: &[u8]) -> usize {
    let mut line = 0;
    while line < schema.len() {
        let name = line + BEGIN.len();
        if starts_with(schema, line, BEGIN)
            && starts_with(schema, name, table)
            && schema[name + table.len()] == b' '
        {
            return end_of_line(schema, line) + INDENT.len() + 1;
        }
        line = end_of_line(schema, line) + 1;
    }
    panic!("the schema has no such table")
}

const INDENT: &[u8] = b"    ";

/// Position of the next column's name; none behind the last one.
const fn next(schema: &[u8], column: usize) -> Option<usize> {
    let line = end_of_line(schema, column) + 1;
    let name = line + INDENT.len();
    let is_column = starts_with(schema, line, INDENT) && !starts_with(schema, name, b"constraint ");
    if is_column { Some(name) } else { None }
}

const fn is_nullable(schema: &[u8], column: usize) -> bool {
    let end = end_of_line(schema, column);
    let mut at = column;
    while at < end {
        if starts_with(schema, at, b" not null") {
            return false;
        }
        at += 1;
    }
    true
}

const fn is_among(schema: &[u8], column: usize, names: &[&str]) -> bool {
    let mut index = 0;
    while index < names.len() {
        if is_named(schema, column, names[index].as_bytes()) {
            return true;
        }
        index += 1;
    }
    false
}

const fn is_named(schema: &[u8], column: usize, name: &[u8]) -> bool {
    starts_with(schema, column, name) && schema[column + name.len()] == b' '
}

const fn end_of_line(source: &[u8], mut at: usize) -> usize {
    while at < source.len() && source[at] != b'\n' {
        at += 1;
    }
    at
}
