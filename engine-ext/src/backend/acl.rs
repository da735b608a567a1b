//! Postgres's own grants: the commands GRANT and REVOKE, built as parse nodes: no name becomes part of the text of a command.

#![allow(unsafe_code)]

use std::ffi::{CString, c_void};
use std::mem::size_of;
use std::ptr;

use pgrx::pg_sys::{self, NodeTag, ObjectType};

/// A role by its name, or PUBLIC.
pub(crate) type Grantee<'a> = Option<&'a str>;

/// The objects of a right.
pub(crate) enum Objects<'a> {
    /// The right to execute these routines of a schema.
    Routines(&'a str, &'a [&'a str]),
    /// The right to read these relations of a schema.
    Relations(&'a str, &'a [String]),
    /// The right to use a schema.
    Schema(&'a str),
}

/// Grants a right, or revokes it, as the owner of the objects.
pub(crate) fn change(is_grant: bool, objects: &Objects<'_>, to: Grantee<'_>) {
    let (kind, privilege, list) = match objects {
        Objects::Routines(schema, names) => (
            ObjectType::OBJECT_ROUTINE,
            "execute",
            list(names.iter().map(|name| routine(schema, name))),
        ),
        Objects::Relations(schema, names) => (
            ObjectType::OBJECT_TABLE,
            "select",
            list(names.iter().map(|name| relation(schema, name))),
        ),
        Objects::Schema(name) => (ObjectType::OBJECT_SCHEMA, "usage", list([string(name)])),
    };
    if list.is_null() {
        return;
    }
    let privileges = node::<pg_sys::AccessPriv>(NodeTag::T_AccessPriv, |node| {
        node.priv_name = text(privilege);
    });
    let grantee = node::<pg_sys::RoleSpec>(NodeTag::T_RoleSpec, |node| {
        node.location = -1;
        match to {
            Some(name) => {
                node.roletype = pg_sys::RoleSpecType::ROLESPEC_CSTRING;
                node.rolename = text(name);
            }
            None => node.roletype = pg_sys::RoleSpecType::ROLESPEC_PUBLIC,
        }
    });
    let statement = node::<pg_sys::GrantStmt>(NodeTag::T_GrantStmt, |node| {
        node.is_grant = is_grant;
        node.targtype = pg_sys::GrantTargetType::ACL_TARGET_OBJECT;
        node.objtype = kind;
        node.objects = list;
        node.privileges = self::list([privileges]);
        node.grantees = self::list([grantee]);
        node.behavior = pg_sys::DropBehavior::DROP_RESTRICT;
    });
    // SAFETY: a complete node, as the parser would have made it; what it changes is visible to later commands.
    unsafe {
        pg_sys::ExecuteGrantStmt(statement.cast());
        pg_sys::CommandCounterIncrement();
    }
}

/// The OID of a role; `None` if no role has this name.
pub(crate) fn role(name: &str) -> Option<pg_sys::Oid> {
    let name = CString::new(name).ok()?;
    // SAFETY: a C string, which is read only.
    let role = unsafe { pg_sys::get_role_oid(name.as_ptr(), true) };
    (role != pg_sys::Oid::INVALID).then_some(role)
}

fn routine(schema: &str, name: &str) -> *mut c_void {
    node::<pg_sys::ObjectWithArgs>(NodeTag::T_ObjectWithArgs, |node| {
        node.objname = list([string(schema), string(name)]);
        node.args_unspecified = true;
    })
}

fn relation(schema: &str, name: &str) -> *mut c_void {
    // SAFETY: both are copies that live as long as the statement.
    unsafe { pg_sys::makeRangeVar(text(schema), text(name), -1).cast() }
}

fn string(value: &str) -> *mut c_void {
    // SAFETY: a copy that lives as long as the statement.
    unsafe { pg_sys::makeString(text(value)).cast() }
}

fn list(items: impl IntoIterator<Item = *mut c_void>) -> *mut pg_sys::List {
    let append = |list, item| {
        // SAFETY: a list of this function, or null for an empty one.
        unsafe { pg_sys::lappend(list, item) }
    };
    items.into_iter().fold(ptr::null_mut(), append)
}

/// A parse node, all zeros but for what `fill` sets.
fn node<T>(tag: NodeTag, fill: impl FnOnce(&mut T)) -> *mut c_void {
    // SAFETY: zeroed memory of the node's size, which is a valid node of any kind; its tag is its first field.
    unsafe {
        let node = pg_sys::palloc0(size_of::<T>());
        *node.cast::<NodeTag>() = tag;
        fill(&mut *node.cast::<T>());
        node
    }
}

/// A C string that lives as long as the call. Names come from the catalog, or were looked up in it.
fn text(value: &str) -> *mut std::ffi::c_char {
    let value = CString::new(value).unwrap_or_default();
    // SAFETY: copies a C string.
    unsafe { pg_sys::pstrdup(value.as_ptr()) }
}
