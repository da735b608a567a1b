//! The options of a trigger, as arguments of a call.

use serde_json::Value;

use crate::{Refusal, Timestamp};

/// Arguments of the type `T`.
pub trait Arguments<T> {
    /// The next argument, which the parameter of this name has; `None` for NULL.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`), [`Refusal::MissingValue`] (`22004`) for a value that has the right type and is refused.
    fn next(&mut self, parameter: &'static str) -> Result<Option<T>, Refusal>;
}

/// Arguments of each type that a trigger has.
pub trait TriggerArguments:
    Arguments<String>
    + Arguments<Vec<String>>
    + Arguments<i32>
    + Arguments<i64>
    + Arguments<bool>
    + Arguments<Value>
    + Arguments<Timestamp>
{
}

/// The type of a parameter.
pub(crate) trait Parameter {
    /// Its name in SQL.
    const TYPE: &'static str;
}

macro_rules! parameters {
    ($($kind:ty: $name:literal,)+) => {
        $(impl Parameter for $kind {
            const TYPE: &'static str = $name;
        })+
    };
}

parameters! {
    String: "text",
    Vec<String>: "text[]",
    i32: "integer",
    i64: "bigint",
    bool: "boolean",
    Value: "jsonb",
    Timestamp: "timestamptz",
}
