//! `jsonb` in the library.
//!
//! pgrx's own type reads with `serde_json` alone, which fails for documents that Postgres accepts, and changes others
//! (`engine_core::read_document`).

#![allow(unsafe_code)]

use std::ffi::CStr;

use engine_core::read_document;
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::nullable::Nullable;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{FromDatum, IntoDatum, direct_function_call, pg_sys};
use serde_json::Value;

/// A `jsonb` that is read or written here.
#[derive(Debug)]
pub(crate) struct JsonB(pub(crate) Value);

/// A `jsonb` that is only passed on and never decoded, so that everything that is stored can be returned.
#[derive(Debug, Clone)]
pub(crate) struct Stored(Vec<u8>);

impl Stored {
    /// As it would be stored.
    pub(crate) fn new(value: Value) -> Self {
        let document = JsonB(value).into_datum();
        // SAFETY: a jsonb that has just been made.
        match document.and_then(|document| unsafe { Self::from_datum(document, false) }) {
            Some(document) => document,
            None => unreachable!("it is not null"),
        }
    }
}

impl FromDatum for JsonB {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the caller has a jsonb, and Postgres prints it in the encoding of the database.
        let text = unsafe { direct_function_call::<&CStr>(pg_sys::jsonb_out, &[Some(datum)]) };
        match text
            .and_then(|text| text.to_str().ok())
            .and_then(read_document)
        {
            Some(value) => Some(Self(value)),
            None => unreachable!("a jsonb prints as JSON"),
        }
    }
}

impl IntoDatum for JsonB {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        pgrx::JsonB(self.0).into_datum()
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONBOID
    }
}

impl FromDatum for Stored {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the caller has a jsonb, a varlena. It is copied whole, header and all, before its memory is gone.
        unsafe {
            let whole = pg_sys::pg_detoast_datum(datum.cast_mut_ptr());
            let length = pgrx::varsize(whole);
            Some(Self(
                std::slice::from_raw_parts(whole.cast::<u8>(), length).to_vec(),
            ))
        }
    }
}

impl IntoDatum for Stored {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        // SAFETY: `palloc` returns that many bytes, aligned for a varlena.
        unsafe {
            let copy = pg_sys::palloc(self.0.len()).cast::<u8>();
            std::ptr::copy_nonoverlapping(self.0.as_ptr(), copy, self.0.len());
            Some(pg_sys::Datum::from(copy))
        }
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONBOID
    }
}

/// The traits that pgrx requires of a type in function signatures.
macro_rules! is_jsonb {
    ($($name:ident),*) => {$(
        // SAFETY: the type is read from and written to a datum of jsonb above.
        unsafe impl SqlTranslatable for $name {
            const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!($name);
            const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
            const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> =
                Ok(SqlMappingRef::literal("jsonb"));
            const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
                Ok(ReturnsRef::One(SqlMappingRef::literal("jsonb")));
        }

        // SAFETY: as above.
        unsafe impl<'fcx> ArgAbi<'fcx> for $name {
            unsafe fn unbox_arg_unchecked(argument: Arg<'_, 'fcx>) -> Self {
                // SAFETY: the argument is declared as jsonb.
                match unsafe { argument.unbox_arg_using_from_datum() } {
                    Some(value) => value,
                    None => unreachable!("an argument that may be null is an option"),
                }
            }

            unsafe fn unbox_nullable_arg(argument: Arg<'_, 'fcx>) -> Nullable<Self> {
                // SAFETY: the argument is declared as jsonb.
                unsafe { argument.unbox_arg_using_from_datum().into() }
            }
        }

        // SAFETY: as above.
        unsafe impl BoxRet for $name {
            unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> pgrx::datum::Datum<'fcx> {
                match self.into_datum() {
                    // SAFETY: a datum of the declared type.
                    Some(datum) => unsafe { fcinfo.return_raw_datum(datum) },
                    None => fcinfo.return_null(),
                }
            }
        }
    )*};
}

is_jsonb!(JsonB, Stored);
