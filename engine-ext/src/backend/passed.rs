//! The arguments of a call, read one after the other: for functions that have too many to be listed.

#![allow(unsafe_code)]

use engine_core::{Arguments, Refusal, Timestamp, TriggerArguments};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::fcinfo::pg_getarg;
use pgrx::{FromDatum, pg_sys};
use serde_json::Value;

use crate::document::JsonB;
use crate::error::required;

/// The arguments of a call from the next one on.
pub(crate) struct Passed {
    call: pg_sys::FunctionCallInfo,
    next: usize,
}

impl Passed {
    /// Those passed to this call.
    pub(crate) fn to(call: pg_sys::FunctionCallInfo) -> Self {
        Self { call, next: 0 }
    }

    fn take<T: FromDatum>(&mut self) -> Option<T> {
        let index = self.next;
        self.next += 1;
        // SAFETY: Postgres made this call. It is as declared: a test compares the types that are read with the declaration.
        unsafe { pg_getarg(self.call, index) }
    }
}

macro_rules! plain {
    ($($kind:ty),+) => {
        $(impl Arguments<$kind> for Passed {
            fn next(&mut self, _: &'static str) -> Result<Option<$kind>, Refusal> {
                Ok(self.take())
            }
        })+
    };
}

plain!(String, i32, i64, bool);

impl Arguments<Vec<String>> for Passed {
    fn next(&mut self, parameter: &'static str) -> Result<Option<Vec<String>>, Refusal> {
        let texts = self.take::<Vec<Option<String>>>();
        let given = |text| required(parameter, text);
        texts
            .map(|texts| texts.into_iter().map(given).collect())
            .transpose()
    }
}

impl Arguments<Value> for Passed {
    fn next(&mut self, _: &'static str) -> Result<Option<Value>, Refusal> {
        Ok(self.take::<JsonB>().map(|document| document.0))
    }
}

impl Arguments<Timestamp> for Passed {
    fn next(&mut self, parameter: &'static str) -> Result<Option<Timestamp>, Refusal> {
        let time = self.take::<TimestampWithTimeZone>();
        time.map(|time| Timestamp::from_micros(time.into()).check(parameter))
            .transpose()
    }
}

impl TriggerArguments for Passed {}
