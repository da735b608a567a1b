//! The arguments of the call that is under way, as text, with the names of their parameters.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::ptr::null_mut;

use engine_core::Given;
use pgrx::{IntoDatum, direct_function_call, pg_sys};

use super::caller;

/// The arguments; none of a procedure.
pub(crate) fn given() -> Vec<Given> {
    match caller::call() {
        // SAFETY: the call is under way, so what Postgres made it with is there.
        Some(call) if !call.info.is_null() => unsafe { of(call.info) },
        _ => Vec::new(),
    }
}

/// # Safety
/// Postgres has made this call, and it is under way.
unsafe fn of(info: pg_sys::FunctionCallInfo) -> Vec<Given> {
    let (mut types, mut names, mut modes) = (null_mut(), null_mut(), null_mut());
    // SAFETY: the catalog describes the function that is called: its input parameters come first, and each has a name, since
    // all functions of the extension name theirs.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::PROCOID as i32;
        let function = (*(*info).flinfo).fn_oid;
        let row = pg_sys::SearchSysCache1(cache, function.into());
        if row.is_null() {
            return Vec::new();
        }
        pg_sys::get_func_arg_info(row, &mut types, &mut names, &mut modes);
        pg_sys::ReleaseSysCache(row);
        let values = (*info).args.as_slice((*info).nargs as usize);
        let given = values.iter().enumerate().map(|(index, value)| {
            let kind = *types.add(index);
            Given {
                parameter: owned(*names.add(index)),
                is_document: kind == pg_sys::JSONBOID,
                default: default(function, index),
                text: (!value.isnull).then(|| text(kind, value.value)),
            }
        });
        given.collect()
    }
}

/// The expression that stands for an argument, counted from 0, where it is not given.
///
/// # Safety
/// The function exists.
unsafe fn default(function: pg_sys::Oid, index: usize) -> Option<String> {
    let number = i32::try_from(index + 1).ok()?;
    let arguments = [function.into_datum(), number.into_datum()];
    // SAFETY: the function of the catalog takes these, and returns a text.
    unsafe { direct_function_call(pg_sys::pg_get_function_arg_default, &arguments) }
}

/// # Safety
/// The value is of this type.
unsafe fn text(kind: pg_sys::Oid, value: pg_sys::Datum) -> String {
    if kind == pg_sys::BOOLOID {
        // As its default is written.
        return (value.value() != 0).to_string();
    }
    let (mut output, mut is_varlena) = (pg_sys::Oid::INVALID, false);
    // SAFETY: the type's own function reads the value.
    unsafe {
        pg_sys::getTypeOutputInfo(kind, &mut output, &mut is_varlena);
        owned(pg_sys::OidOutputFunctionCall(output, value))
    }
}

/// # Safety
/// A C string.
unsafe fn owned(text: *const c_char) -> String {
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}
