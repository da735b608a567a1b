//! New rows of hot tables, written without a statement.
//!
//! Half of what an INSERT of a few rows costs is the executor's start and finish, and the way of its values through arrays and
//! nodes. What is left here is what COPY does: rows go to the table a page at a time, with one WAL record for each, then to
//! its indexes. Constraints hold, triggers run, and replication sees the rows. Two things of an INSERT are missing: defaults (the
//! compiler demands every column that may not be NULL), and the conversion of values (the compiler compares them with the schema).

#![allow(unsafe_code)]

mod cell;
pub(crate) mod columns;
mod target;
mod trigger;

pub(crate) use self::cell::Cell;
use self::target::Target;

/// A table that rows are appended to.
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
            $({
                const KIND: $crate::backend::header::Kind = $crate::backend::table::columns::kind(
                    $table::SCHEMA,
                    $table::NAME,
                    stringify!($column),
                );
                let value = $value;
                cells.push($crate::backend::table::Cell::new::<{ KIND.of }, { KIND.is_array }, _>(value));
            })+
        });
    }};
}
pub(crate) use append;

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
        let mut target = Target::open(self.name, columns);
        let mut cells = Vec::with_capacity(columns.len());
        for element in elements {
            fill(element, &mut cells);
            target.add(cells.drain(..));
        }
        target.write();
    }
}
