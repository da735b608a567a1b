//! Rows of hot tables, written without a statement; and a text of them, read without one.
//!
//! Half of what a statement for a few rows costs is the executor's start and finish, and the way of its values through arrays and
//! nodes. What is left here is what COPY does for new rows: they go to the table a page at a time, with one WAL record for each,
//! then to its indexes. Constraints hold, triggers run, and replication sees the rows. Two things of an INSERT are missing: defaults
//! (the compiler demands every column that may not be NULL), and the conversion of values (the compiler compares them with the
//! schema). Rows that are there are found by their primary key and changed or deleted as a subscriber does it; a table with
//! triggers is left to a statement that does the same.

#![allow(unsafe_code)]

mod cell;
pub(crate) mod columns;
mod found_row;
mod new_row;
mod reader;
mod relation;
mod trigger;

use engine_core::Shard;

use super::crash;

pub(crate) use self::cell::{Cell, Kept};
use self::found_row::FoundRows;
use self::new_row::NewRows;
use self::reader::Reader;
use self::relation::Relation;

/// A table that is written to without a statement.
pub(crate) struct Table {
    name: &'static str,
}

/// Declares a table of the schema `engine`: its name, and the file of `sql/schema` that creates it.
macro_rules! table {
    ($name:ident, $table:literal, $file:literal) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        pub(crate) enum $name {}

        impl $name {
            const NAME: &'static str = $table;
            const SCHEMA: &'static str = include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../sql/schema/",
                $file
            ));
        }

        static $name: $crate::backend::table::Table =
            $crate::backend::table::Table::new($name::NAME);
    };
}
pub(crate) use table;

/// Appends a row to a table for each element: `append!(RUN, runs, |new| { shard: new.run_id.shard(), … })`. Name the columns in
/// the order of the table. Later statements of the transaction see the rows.
macro_rules! append {
    ($table:ident, $elements:expr, |$element:pat_param| { $($column:ident: $value:expr),+ $(,)? }) => {{
        const COLUMNS: &[&str] = &[$(stringify!($column)),+];
        const _: () = $crate::backend::table::columns::check($table::SCHEMA, $table::NAME, COLUMNS);
        $table.append(COLUMNS, $elements, |$element, cells| {
            $(cells.push($crate::backend::table::value!($table.$column, $value));)+
        });
    }};
}
pub(crate) use append;

/// Changes the rows of runs that this transaction has locked: `change!(RUN_STATE, shard, runs, |run| run.id => { machine: …, … })`;
/// [`Kept`] stands for the value that is there. With `noting column` it returns the runs that have a value there. The table is
/// plain ([`Table::is_plain`]).
macro_rules! change {
    ($table:ident, $shard:expr, $elements:expr, |$element:pat_param| $run_id:expr => { $($column:ident: $value:expr),+ $(,)? }
     $(, noting $noted:ident)?) => {{
        $(const _: $crate::backend::header::Kind = $crate::backend::table::columns::kind(
            $table::SCHEMA,
            $table::NAME,
            stringify!($noted),
        );)?
        const NOTED: &[&str] = &[$(stringify!($noted))?];
        const COLUMNS: &[&str] = &[$(stringify!($column)),+];
        const _: () = $crate::backend::table::columns::check_key($table::SCHEMA, $table::NAME);
        $table.change($shard, COLUMNS, NOTED, $elements, |$element, cells| {
            $(cells.push($crate::backend::table::value!($table.$column, $value));)+
            $run_id
        })
    }};
}
pub(crate) use change;

/// Deletes the rows of runs, and returns those that were there, each with some columns, which are booleans:
/// `delete!(HEARTBEAT, shard, run_ids, [is_counted])`. The table is plain ([`Table::is_plain`]).
macro_rules! delete {
    ($table:ident, $shard:expr, $run_ids:expr, [$($column:ident),*]) => {{
        const _: () = $crate::backend::table::columns::check_key($table::SCHEMA, $table::NAME);
        $(const {
            let kind = $crate::backend::table::columns::kind(
                $table::SCHEMA,
                $table::NAME,
                stringify!($column),
            );
            assert!(kind.of == $crate::backend::header::BOOLEAN && !kind.is_nullable);
        })*
        $table.delete($shard, $run_ids, [$(stringify!($column)),*])
    }};
}
pub(crate) use delete;

/// Reads a text of the rows with these ids, in the tables whose key is (shard, id): `look_up!(RUN, ids, environment_id)`, with pairs of
/// shard and id.
macro_rules! look_up {
    ($table:ident, $ids:expr, $column:ident) => {{
        const _: () = $crate::backend::table::columns::check_look_up(
            $table::SCHEMA,
            $table::NAME,
            stringify!($column),
        );
        $table.look_up(stringify!($column), $ids)
    }};
}
pub(crate) use look_up;

/// A value of a column's type, which the compiler reads in the schema.
macro_rules! value {
    ($table:ident.$column:ident, $value:expr) => {{
        const KIND: $crate::backend::header::Kind = $crate::backend::table::columns::kind(
            $table::SCHEMA,
            $table::NAME,
            stringify!($column),
        );
        let value = $value;
        $crate::backend::table::Cell::new::<{ KIND.of }, { KIND.is_array }, _>(value)
    }};
}
pub(crate) use value;

impl Table {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// Appends a row for each element; `fill` adds its values, in the order of `columns`. Called by [`append!`].
    pub(crate) fn append<E>(
        &self,
        columns: &[&str],
        elements: impl IntoIterator<Item = E>,
        fill: impl Fn(E, &mut Vec<Cell>),
    ) {
        let mut elements = elements.into_iter().peekable();
        if elements.peek().is_none() {
            return;
        }
        let mut rows = NewRows::of(self.name, columns);
        let mut cells = Vec::with_capacity(columns.len());
        for element in elements {
            fill(element, &mut cells);
            rows.add(cells.drain(..));
        }
        crash::point(self.name);
        rows.write();
    }

    /// A text of the row of each of these ids; none of one that does not exist. Called by [`look_up!`].
    pub(crate) fn look_up<'e>(
        &self,
        column: &str,
        ids: impl IntoIterator<Item = (Shard, &'e str)>,
    ) -> Vec<Option<String>> {
        let mut reader = Reader::begin(self.name, column);
        let read = |(shard, id)| reader.read(shard, id);
        let found = ids.into_iter().map(read).collect();
        reader.end();
        found
    }

    /// Whether the table has no triggers and no rules. People add them, and then statements must write to the table. It stays
    /// so until the transaction ends.
    pub(crate) fn is_plain(&self) -> bool {
        let relation = Relation::open(self.name);
        let is_plain = relation.is_plain();
        relation.close();
        is_plain
    }

    /// Changes the row of a run for each element; `fill` adds its values, in the order of `columns`, and names the run. Returns
    /// the runs that have a value in a column of `noted`. Called by [`change!`].
    pub(crate) fn change<'e, E>(
        &self,
        shard: Shard,
        columns: &[&str],
        noted: &[&str],
        elements: impl IntoIterator<Item = E>,
        fill: impl Fn(E, &mut Vec<Cell>) -> &'e str,
    ) -> Vec<&'e str> {
        let mut rows = FoundRows::of(self.name, shard);
        let mut columns = rows.columns(columns);
        let noted = rows.columns(noted);
        let mut cells = Vec::with_capacity(columns.len());
        let mut with_value = Vec::new();
        for element in elements {
            let run_id = fill(element, &mut cells);
            crash::point(self.name);
            let is_there = rows.change(run_id, &mut columns, cells.drain(..));
            if is_there && noted.iter().any(|column| rows.has(column)) {
                with_value.push(run_id);
            }
        }
        rows.close();
        with_value
    }

    /// Deletes the rows of runs, and returns those that were there, each with its values of `columns`. Called by [`delete!`].
    pub(crate) fn delete<'e, const N: usize>(
        &self,
        shard: Shard,
        run_ids: impl IntoIterator<Item = &'e str>,
        columns: [&str; N],
    ) -> Vec<(&'e str, [bool; N])> {
        let mut rows = FoundRows::of(self.name, shard);
        let columns = rows.columns(&columns);
        let mut deleted = Vec::new();
        for run_id in run_ids {
            crash::point(self.name);
            if rows.delete(run_id) {
                let values = std::array::from_fn(|index| rows.is_set(&columns[index]));
                deleted.push((run_id, values));
            }
        }
        rows.close();
        deleted
    }
}
