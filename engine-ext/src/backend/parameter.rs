//! Parameters of statements: the header of a file names each, with its type (`-- :run_ids text[]`), and the body uses these names.
//! A call passes values by the same names, in the same order; the compiler compares both, and the types.

use engine_core::{
    BatchId, BatchStatus, CheckpointId, ExecutionStatus, KeyKind, RunId, RunStatus, Shard,
    SnapshotId, TimerKind, Timestamp, Transition, WaitpointId, WaitpointType,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{IntoDatum, pg_sys};

use super::value::time;
use crate::document::JsonB;

/// A value for a parameter.
pub(crate) struct Argument {
    pub(super) datum: Option<pg_sys::Datum>,
    pub(super) oid: pg_sys::Oid,
}

impl Argument {
    /// A value for a parameter of the type `TYPE`, or of an array of it.
    pub(crate) fn new<const TYPE: u8, const IS_ARRAY: bool, V: Parameter<TYPE, IS_ARRAY>>(
        value: V,
    ) -> Self {
        Self {
            datum: value.datum(),
            oid: V::oid(),
        }
    }
}

/// The values for the parameters of a statement, by name.
macro_rules! arguments {
    ($statement:ident {}) => { &{
        const _: () = $crate::backend::parameter::check($statement::SOURCE, &[]);
        []
    } };
    ($statement:ident { $($name:ident $(: $value:expr)?),+ $(,)? }) => { &{
        const _: () = $crate::backend::parameter::check(
            $statement::SOURCE,
            &[$(stringify!($name)),+],
        );
        [$({
            const KIND: (u8, bool) =
                $crate::backend::parameter::kind($statement::SOURCE, stringify!($name));
            $crate::backend::parameter::Argument::new::<{ KIND.0 }, { KIND.1 }, _>(
                $crate::backend::parameter::arguments!(@value $name $(: $value)?),
            )
        }),+]
    } };
    (@value $name:ident) => { $name };
    (@value $name:ident: $value:expr) => { $value };
}
pub(crate) use arguments;

/// Checks that these are the parameters in the header of a statement, in its order.
pub(crate) const fn check(source: &str, names: &[&str]) {
    let source = source.as_bytes();
    let (mut at, mut index) = (0, 0);
    while let Some(name) = next_parameter(source, at) {
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

/// The type of a parameter, and whether it is an array.
pub(crate) const fn kind(source: &str, name: &str) -> (u8, bool) {
    let (source, name) = (source.as_bytes(), name.as_bytes());
    let mut at = 0;
    while let Some(found) = next_parameter(source, at) {
        if is_word(source, found, name) {
            return type_at(source, found + name.len() + 1);
        }
        at = found;
    }
    panic!("the statement has no such parameter")
}

/// Position of the next parameter name in the header: the comment lines at the beginning.
const fn next_parameter(source: &[u8], mut at: usize) -> Option<usize> {
    while at < source.len() {
        let begins_line = at == 0 || source[at - 1] == b'\n';
        if begins_line {
            if !starts_with(source, at, b"--") {
                return None;
            }
            if starts_with(source, at, b"-- :") {
                return Some(at + 4);
            }
        }
        at += 1;
    }
    None
}

const fn type_at(source: &[u8], at: usize) -> (u8, bool) {
    let mut index = 0;
    while index < TYPES.len() {
        let (kind, name) = TYPES[index];
        if starts_with(source, at, name) {
            let end = at + name.len();
            return (kind, starts_with(source, end, b"[]"));
        }
        index += 1;
    }
    panic!("the header gives a parameter an unknown type")
}

const fn is_word(source: &[u8], at: usize, word: &[u8]) -> bool {
    starts_with(source, at, word) && source[at + word.len()] == b' '
}

const fn starts_with(source: &[u8], at: usize, start: &[u8]) -> bool {
    let mut index = 0;
    while index < start.len() {
        if at + index >= source.len() || source[at + index] != start[index] {
            return false;
        }
        index += 1;
    }
    true
}

const BOOLEAN: u8 = 0;
const SMALLINT: u8 = 1;
const INTEGER: u8 = 2;
const BIGINT: u8 = 3;
const DOUBLE_PRECISION: u8 = 4;
const TEXT: u8 = 5;
const JSONB: u8 = 6;
const TIMESTAMPTZ: u8 = 7;
const BYTEA: u8 = 8;

/// The types of parameters, by their names in headers.
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
];

/// A value for a parameter of the type `TYPE`, or of an array of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value for this parameter: the header of the statement says another type"
)]
pub(crate) trait Parameter<const TYPE: u8, const IS_ARRAY: bool> {
    fn datum(self) -> Option<pg_sys::Datum>;

    fn oid() -> pg_sys::Oid;
}

impl<const TYPE: u8, V: Scalar<TYPE>> Parameter<TYPE, false> for V {
    fn datum(self) -> Option<pg_sys::Datum> {
        self.native()?.into_datum()
    }

    fn oid() -> pg_sys::Oid {
        V::Native::type_oid()
    }
}

impl<const TYPE: u8, V: Scalar<TYPE>> Parameter<TYPE, true> for Vec<V> {
    fn datum(self) -> Option<pg_sys::Datum> {
        let values: Vec<Option<V::Native>> = self.into_iter().map(Scalar::native).collect();
        values.into_datum()
    }

    fn oid() -> pg_sys::Oid {
        Vec::<V::Native>::type_oid()
    }
}

impl<'a, const TYPE: u8, V> Parameter<TYPE, true> for &'a [V]
where
    &'a V: Scalar<TYPE>,
{
    fn datum(self) -> Option<pg_sys::Datum> {
        self.iter().collect::<Vec<&V>>().datum()
    }

    fn oid() -> pg_sys::Oid {
        Vec::<&V>::oid()
    }
}

/// A value of the type `TYPE`.
pub(crate) trait Scalar<const TYPE: u8> {
    /// Its type in pgrx.
    type Native: IntoDatum;

    fn native(self) -> Option<Self::Native>;
}

impl<const TYPE: u8, V: Scalar<TYPE>> Scalar<TYPE> for Option<V> {
    type Native = V::Native;

    fn native(self) -> Option<V::Native> {
        self?.native()
    }
}

impl<'a, const TYPE: u8, V: ?Sized> Scalar<TYPE> for &&'a V
where
    &'a V: Scalar<TYPE>,
{
    type Native = <&'a V as Scalar<TYPE>>::Native;

    fn native(self) -> Option<Self::Native> {
        (*self).native()
    }
}

macro_rules! natives {
    ($($kind:ident: $native:ty),* $(,)?) => {$(
        impl Scalar<$kind> for $native {
            type Native = Self;

            fn native(self) -> Option<Self> {
                Some(self)
            }
        }
    )*};
}

natives!(
    BOOLEAN: bool,
    SMALLINT: i16,
    INTEGER: i32,
    BIGINT: i64,
    DOUBLE_PRECISION: f64,
    TEXT: String,
    JSONB: JsonB,
    TIMESTAMPTZ: TimestampWithTimeZone,
    BYTEA: Vec<u8>,
);

impl<'a> Scalar<TEXT> for &'a str {
    type Native = &'a str;

    fn native(self) -> Option<&'a str> {
        Some(self)
    }
}

macro_rules! texts {
    ($($lifetime:lifetime $name:ty),* $(,)?) => {$(
        impl<$lifetime> Scalar<TEXT> for $name {
            type Native = &$lifetime str;

            fn native(self) -> Option<&$lifetime str> {
                Some(self.as_str())
            }
        }
    )*};
}

texts!(
    'a &'a String,
    'a &'a RunId,
    'a &'a SnapshotId,
    'a &'a WaitpointId,
    'a &'a BatchId,
    'a &'a CheckpointId,
);

macro_rules! names {
    ($($name:ty),* $(,)?) => {$(
        impl Scalar<TEXT> for $name {
            type Native = &'static str;

            fn native(self) -> Option<&'static str> {
                Some(self.as_str())
            }
        }
    )*};
}

names!(
    ExecutionStatus,
    RunStatus,
    Transition,
    TimerKind,
    KeyKind,
    BatchStatus,
    WaitpointType,
);

impl Scalar<SMALLINT> for Shard {
    type Native = i16;

    fn native(self) -> Option<i16> {
        Some(self.number())
    }
}

impl Scalar<TIMESTAMPTZ> for Timestamp {
    type Native = TimestampWithTimeZone;

    fn native(self) -> Option<TimestampWithTimeZone> {
        Some(time(self))
    }
}
