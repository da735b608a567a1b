//! A statement of `sql/statement`: prepared once per session, planned once, executed through SPI.
//!
//! Values become text in it as they do in every other session (`format`).
//!
//! SPI is called directly, for three things that pgrx's client does not do: it pins the generic plan (with a LIMIT parameter
//! Postgres would plan again on every call, a quarter of the cost of a dequeue), it plans for large tables (`planner`), and it
//! leaves a call that writes nothing without a transaction id, so that a dequeue that finds nothing commits nothing.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{CString, c_char, c_int};
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pgrx::pg_sys;

use super::cells::Cells;
use super::crash;
use super::format::OneFormat;
use super::parameter::Argument;
use super::planner::{LargeTables, with_simple_plans};

/// A file of `sql/statement`, and its plan in this backend. `C` stands for the columns of its result.
pub(crate) struct Statement<C> {
    file: &'static str,
    source: &'static str,
    /// The list of its columns, where it shares that with other statements.
    columns: &'static str,
    /// Null before the first execution. Atomic only because statics must be `Sync`: a backend is one thread.
    plan: AtomicPtr<pg_sys::_SPI_plan>,
    /// Whether it reads so much that a bitmap of pages is worth its cost.
    uses_bitmaps: bool,
    /// Whether it uses the snapshot of the statement that called the function, and does not see later commits.
    keeps_callers_snapshot: bool,
    /// Whether it reads whole tables, and is planned at each execution for the tables as they are.
    reads_everything: bool,
    of: PhantomData<fn() -> C>,
}

thread_local! {
    static PLANS_MADE: Cell<u64> = const { Cell::new(0) };
}

/// How many plans the backend has made so far: making one reads pages of the catalog.
pub(super) fn plans_made() -> u64 {
    PLANS_MADE.get()
}

/// Declares a statement: a file of `sql/statement`; with `-> NAME`, its columns are those that [`columns!`] declares, and
/// `:columns` stands for them in the file.
///
/// The name stands for the statement among values, and for its text among types, for the compiler to read.
macro_rules! statement {
    ($name:ident, $file:literal $(, $option:ident)*) => {
        $crate::backend::statement::statement!(@text $name, $file);

        impl $name {
            /// The header that names its columns.
            #[allow(dead_code, reason = "not every statement has a result")]
            pub(crate) const COLUMNS: &'static str = Self::SOURCE;
        }

        const _: () = $crate::backend::header::check_list($name::SOURCE, "");

        static $name: $crate::backend::statement::Statement<$name> =
            $crate::backend::statement::Statement::new($file, $name::SOURCE, "")$(.$option())*;
    };
    ($name:ident, $file:literal -> $columns:ident $(, $option:ident)*) => {
        $crate::backend::statement::statement!(@text $name, $file);

        const _: () = $crate::backend::header::check_list($name::SOURCE, $columns::FILE);

        static $name: $crate::backend::statement::Statement<$columns> =
            $crate::backend::statement::Statement::new(
                $file,
                $name::SOURCE,
                $columns::COLUMNS,
            )$(.$option())*;
    };
    (@text $name:ident, $file:literal) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        pub(crate) enum $name {}

        impl $name {
            const SOURCE: &'static str = include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../sql/statement/",
                $file
            ));
        }
    };
}
pub(crate) use statement;

/// Declares the columns that several statements return: a file of `sql/statement/columns`.
macro_rules! columns {
    ($name:ident, $file:literal) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        pub(crate) enum $name {}

        impl $name {
            pub(crate) const FILE: &'static str = $file;
            pub(crate) const COLUMNS: &'static str = include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../sql/statement/columns/",
                $file
            ));
        }
    };
}
pub(crate) use columns;

impl<C> Statement<C> {
    pub(crate) const fn new(
        file: &'static str,
        source: &'static str,
        columns: &'static str,
    ) -> Self {
        Self {
            file,
            source,
            columns,
            plan: AtomicPtr::new(ptr::null_mut()),
            uses_bitmaps: false,
            keeps_callers_snapshot: false,
            reads_everything: false,
            of: PhantomData,
        }
    }

    /// This statement, planned at each execution for the tables as they are: a plan for large tables would prepare hash
    /// joins of millions of rows for a few.
    pub(crate) const fn reading_everything(self) -> Self {
        Self {
            reads_everything: true,
            ..self
        }
    }

    /// This statement, planned with bitmaps where they help.
    pub(crate) const fn with_bitmaps(self) -> Self {
        Self {
            uses_bitmaps: true,
            ..self
        }
    }

    /// This statement, which must only read, with the snapshot of the call's beginning.
    pub(crate) const fn with_callers_snapshot(self) -> Self {
        Self {
            keeps_callers_snapshot: true,
            ..self
        }
    }

    /// Executes a statement without a result; returns the number of rows.
    pub(crate) fn execute(&self, arguments: &[Argument]) -> u64 {
        self.run(arguments, || {
            // SAFETY: a plain integer that SPI_execute_plan has just set.
            unsafe { pg_sys::SPI_processed }
        })
    }

    /// Executes a statement and decodes each row.
    pub(crate) fn query<R>(
        &self,
        arguments: &[Argument],
        decode: impl Fn(&Cells<C>) -> R,
    ) -> Vec<R> {
        self.run(arguments, || {
            // SAFETY: SPI_execute_plan has just set both; the table lives until SPI_finish.
            let (table, count) = unsafe { (pg_sys::SPI_tuptable, pg_sys::SPI_processed as usize) };
            if table.is_null() {
                return Vec::new();
            }
            (0..count)
                .map(|row| {
                    // SAFETY: the table holds `count` tuples.
                    let (tuple, descriptor) =
                        unsafe { (*(*table).vals.add(row), (*table).tupdesc) };
                    decode(&Cells::new(tuple, descriptor))
                })
                .collect()
        })
    }

    /// Connects to SPI, executes, and reads the result with `read`.
    fn run<R>(&self, arguments: &[Argument], read: impl FnOnce() -> R) -> R {
        crash::point(self.file);
        let mut values: Vec<pg_sys::Datum> = Vec::with_capacity(arguments.len());
        let mut nulls: Vec<c_char> = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(argument.datum.unwrap_or_else(|| pg_sys::Datum::from(0)));
            nulls.push(if argument.datum.is_some() { b' ' } else { b'n' } as c_char);
        }
        // SAFETY: paired with SPI_finish below; an error in between aborts the transaction, which ends the connection.
        check("SPI_connect", unsafe { pg_sys::SPI_connect() });
        let _large = (!self.reads_everything).then(LargeTables::assumed);
        let _format = OneFormat::set();
        let (plan, is_planned) = self.plan(arguments);
        // SAFETY: the plan is kept and takes this many values. In SPI, a read-only statement uses the snapshot of the
        // calling statement; any other sees what was committed before it.
        let mut execute = || unsafe {
            let (values, nulls) = (values.as_mut_ptr(), nulls.as_ptr());
            pg_sys::SPI_execute_plan(plan, values, nulls, self.keeps_callers_snapshot, 0)
        };
        let code = if is_planned {
            execute()
        } else {
            PLANS_MADE.set(PLANS_MADE.get() + 1);
            with_simple_plans(self.uses_bitmaps, execute)
        };
        check("SPI_execute_plan", code);
        let result = read();
        // SAFETY: ends the connection above; `result` owns what it holds.
        check("SPI_finish", unsafe { pg_sys::SPI_finish() });
        result
    }

    /// The prepared statement, and whether its plan is ready.
    fn plan(&self, arguments: &[Argument]) -> (pg_sys::SPIPlanPtr, bool) {
        let kept = self.plan.load(Ordering::Relaxed);
        if !kept.is_null() {
            // SAFETY: a plan that SPI_keepplan made, never freed.
            let is_valid = unsafe { pg_sys::SPI_plan_is_valid(kept) };
            return (kept, is_valid && !self.reads_everything);
        }
        let source = positional(self.source, self.columns);
        let kind = if self.reads_everything {
            pg_sys::CURSOR_OPT_CUSTOM_PLAN
        } else {
            pg_sys::CURSOR_OPT_GENERIC_PLAN
        };
        let mut types: Vec<pg_sys::Oid> = arguments.iter().map(|argument| argument.oid).collect();
        // SAFETY: the source is a C string; `types` has as many elements as said.
        let plan = unsafe {
            pg_sys::SPI_prepare_cursor(
                source.as_ptr(),
                types.len() as c_int,
                types.as_mut_ptr(),
                kind as c_int,
            )
        };
        assert!(!plan.is_null(), "SPI_prepare_cursor failed");
        // SAFETY: a fresh plan of this connection.
        check("SPI_keepplan", unsafe { pg_sys::SPI_keepplan(plan) });
        self.plan.store(plan, Ordering::Relaxed);
        (plan, false)
    }
}

/// A failure of SPI itself is a bug of this crate: errors of statements are thrown, not returned.
fn check(call: &str, code: c_int) {
    assert!(code >= 0, "{call} returned {code}");
}

/// The text of a statement as Postgres takes it: `$1` for the first parameter that the header names, and so on; the list for
/// `:columns`; no comments.
fn positional(source: &str, columns: &str) -> CString {
    let header = source.lines().take_while(|line| line.starts_with("--"));
    let names: Vec<&str> = header
        .filter_map(|line| line.strip_prefix("-- :")?.split(' ').next())
        .collect();
    let mut text = String::with_capacity(source.len());
    for line in source.lines() {
        let line = line.split("--").next().unwrap_or_default();
        let mut quoted = false;
        let mut rest = line;
        while let Some(at) = rest.find([':', '\'']) {
            let (before, mark) = rest.split_at(at);
            text.push_str(before);
            quoted ^= mark.starts_with('\'');
            let word = word(&mark[1..]);
            if quoted || word.is_empty() || text.ends_with(':') {
                text.push_str(&mark[..1]);
                rest = &mark[1..];
                continue;
            }
            match names.iter().position(|name| *name == word) {
                Some(index) => text.push_str(&format!("${}", index + 1)),
                None if word == "columns" => {
                    let list = columns.lines().filter(|line| !line.starts_with("--"));
                    list.for_each(|line| text.push_str(line));
                }
                None => unreachable!("the header of the statement names no parameter {word}"),
            }
            rest = &mark[1 + word.len()..];
        }
        text.push_str(rest);
        text.push('\n');
    }
    match CString::new(text) {
        Ok(text) => text,
        Err(_) => unreachable!("a statement has no NUL"),
    }
}

/// The name at the beginning of a text, if there is one.
fn word(text: &str) -> &str {
    let end = text.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    &text[..end.unwrap_or(text.len())]
}
