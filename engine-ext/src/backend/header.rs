//! The headers of statements, read by the compiler: the comment lines at the beginning of a file name its parameters
//! (`-- :run_ids text[]`) and the columns of its result, in order (`-- -> run_id text, version text null`).

pub(crate) const BOOLEAN: u8 = 0;
pub(crate) const SMALLINT: u8 = 1;
pub(crate) const INTEGER: u8 = 2;
pub(crate) const BIGINT: u8 = 3;
pub(crate) const DOUBLE_PRECISION: u8 = 4;
pub(crate) const TEXT: u8 = 5;
pub(crate) const JSONB: u8 = 6;
pub(crate) const TIMESTAMPTZ: u8 = 7;
pub(crate) const BYTEA: u8 = 8;
pub(crate) const EXECUTION_STATUS: u8 = 9;
pub(crate) const RUN_STATUS: u8 = 10;
pub(crate) const TRANSITION: u8 = 11;
pub(crate) const ENVIRONMENT_TYPE: u8 = 12;

/// The types, by their names in headers, and in the schema.
const TYPES: &[(u8, &[u8])] = &[
    (BOOLEAN, b"boolean"),
    (SMALLINT, b"smallint"),
    (INTEGER, b"integer"),
    (BIGINT, b"bigint"),
    (DOUBLE_PRECISION, b"double precision"),
    (TEXT, b"text"),
    (JSONB, b"jsonb"),
    (TIMESTAMPTZ, b"timestamptz"),
    (BYTEA, b"bytea"),
    (EXECUTION_STATUS, b"engine.execution_status"),
    (RUN_STATUS, b"engine.run_status"),
    (TRANSITION, b"engine.transition"),
    (ENVIRONMENT_TYPE, b"engine.environment_type"),
];

/// What a header says of a parameter or a column.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// Its type, or that of its elements.
    pub(crate) of: u8,
    pub(crate) is_array: bool,
    /// Whether a column may be NULL. A parameter may, if its value may.
    pub(crate) is_nullable: bool,
}

/// Checks that these are the parameters in the header of a statement, in its order.
pub(crate) const fn check(source: &str, names: &[&str]) {
    let source = source.as_bytes();
    let (mut at, mut index) = (0, 0);
    while let Some(name) = next_line(source, at, b"-- :") {
        assert!(index < names.len(), "the statement has more parameters");
        assert!(
            is_word(source, name, names[index].as_bytes()),
            "the statement has another parameter here"
        );
        index += 1;
        at = name;
    }
    assert!(index == names.len(), "the statement has fewer parameters");
}

/// Checks that the header of a statement names this file of `columns` as the list of its columns; none, if the name is empty.
pub(crate) const fn check_list(source: &str, file: &str) {
    let source = source.as_bytes();
    match next_line(source, 0, b"-- -> the columns in columns/") {
        Some(named) => assert!(
            !file.is_empty()
                && starts_with(source, named, file.as_bytes())
                && source[named + file.len()] == b'\n',
            "the header of the statement names another list of columns"
        ),
        None => assert!(
            file.is_empty(),
            "the header of the statement names no list of columns"
        ),
    }
}

/// The type of a parameter.
pub(crate) const fn parameter(source: &str, name: &str) -> Kind {
    let (source, name) = (source.as_bytes(), name.as_bytes());
    let mut at = 0;
    while let Some(found) = next_line(source, at, b"-- :") {
        if is_word(source, found, name) {
            return kind_at(source, found + name.len() + 1);
        }
        at = found;
    }
    panic!("the statement has no such parameter")
}

/// The number of a column, the first is 1, and its type.
pub(crate) const fn column(source: &str, name: &str) -> (i32, Kind) {
    let (source, name) = (source.as_bytes(), name.as_bytes());
    let (mut at, mut number) = (0, 0);
    while let Some(line) = next_line(source, at, b"-- -> ") {
        at = line;
        loop {
            number += 1;
            if is_word(source, at, name) {
                return (number, kind_at(source, at + name.len() + 1));
            }
            while source[at] != b',' && source[at] != b'\n' {
                at += 1;
            }
            if source[at] == b'\n' || source[at + 1] == b'\n' {
                break;
            }
            at += 2;
        }
    }
    panic!("the statement has no such column")
}

/// Position behind `start`, in the next line of the header that begins with it.
const fn next_line(source: &[u8], mut at: usize, start: &[u8]) -> Option<usize> {
    while at < source.len() {
        let begins_line = at == 0 || source[at - 1] == b'\n';
        if begins_line {
            if !starts_with(source, at, b"--") {
                return None;
            }
            if starts_with(source, at, start) {
                return Some(at + start.len());
            }
        }
        at += 1;
    }
    None
}

pub(super) const fn kind_at(source: &[u8], at: usize) -> Kind {
    let mut index = 0;
    while index < TYPES.len() {
        let (of, name) = TYPES[index];
        if starts_with(source, at, name) {
            let end = at + name.len();
            let is_array = starts_with(source, end, b"[]");
            let end = if is_array { end + 2 } else { end };
            return Kind {
                of,
                is_array,
                is_nullable: starts_with(source, end, b" null"),
            };
        }
        index += 1;
    }
    panic!("the header says an unknown type")
}

const fn is_word(source: &[u8], at: usize, word: &[u8]) -> bool {
    starts_with(source, at, word) && source[at + word.len()] == b' '
}

pub(super) const fn starts_with(source: &[u8], at: usize, start: &[u8]) -> bool {
    let mut index = 0;
    while index < start.len() {
        if at + index >= source.len() || source[at + index] != start[index] {
            return false;
        }
        index += 1;
    }
    true
}
