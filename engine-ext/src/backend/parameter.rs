//! Parameters of statements: the header of a file names each, with its type (`-- :run_ids text[]`), and the body uses these names.
//! A call passes values by the same names, in the same order; the compiler compares both, and the types.

use engine_core::{
    BatchId, BatchStatus, CheckpointId, ExecutionStatus, KeyKind, RunId, RunStatus, Shard,
    SnapshotId, TimerKind, Timestamp, Transition, WaitpointId, WaitpointType,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{IntoDatum, pg_sys};

use super::header::{
    BIGINT, BOOLEAN, BYTEA, DOUBLE_PRECISION, INTEGER, JSONB, SMALLINT, TEXT, TIMESTAMPTZ,
};
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
        const _: () = $crate::backend::header::check($statement::SOURCE, &[]);
        []
    } };
    ($statement:ident { $($name:ident $(: $value:expr)?),+ $(,)? }) => { &{
        const _: () = $crate::backend::header::check(
            $statement::SOURCE,
            &[$(stringify!($name)),+],
        );
        [$({
            const KIND: $crate::backend::header::Kind =
                $crate::backend::header::parameter($statement::SOURCE, stringify!($name));
            $crate::backend::parameter::Argument::new::<{ KIND.of }, { KIND.is_array }, _>(
                $crate::backend::parameter::arguments!(@value $name $(: $value)?),
            )
        }),+]
    } };
    (@value $name:ident) => { $name };
    (@value $name:ident: $value:expr) => { $value };
}
pub(crate) use arguments;

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

impl<const TYPE: u8, V: Parameter<TYPE, true>> Parameter<TYPE, true> for Option<V> {
    fn datum(self) -> Option<pg_sys::Datum> {
        self?.datum()
    }

    fn oid() -> pg_sys::Oid {
        V::oid()
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
