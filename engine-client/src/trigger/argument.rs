//! Arguments of `engine_trigger`.

use std::time::SystemTime;

use serde_json::Value;
use tokio_postgres::types::{ToSql, Type};

/// A named argument.
pub(crate) struct Argument<'a> {
    pub(crate) parameter: &'static str,
    pub(crate) kind: Type,
    pub(crate) value: &'a (dyn ToSql + Sync),
}

/// The type of the parameter for an option.
pub(crate) trait Typed {
    const TYPE: Type;
}

macro_rules! typed {
    ($($kind:ty: $type:ident,)+) => {
        $(impl Typed for $kind {
            const TYPE: Type = Type::$type;
        })+
    };
}

typed! {
    String: TEXT,
    i64: INT8,
    i32: INT4,
    bool: BOOL,
    Vec<String>: TEXT_ARRAY,
    Value: JSONB,
    SystemTime: TIMESTAMPTZ,
}
