//! Grants: what roles may do.

use engine_core::{Capability, Timestamp};
use pgrx::pg_sys;

use crate::backend::cache;
use crate::backend::cells::cell;
use crate::backend::locks;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "grant_read.sql");
statement!(OF_ROLE, "grant_of_role.sql");
statement!(SET, "grant_set.sql");
statement!(DELETE, "grant_delete.sql");
statement!(FORGET, "grant_forget.sql");

/// What a role may do, and where, including what it may do as a member of other roles.
pub(crate) fn held_by(role: pg_sys::Oid) -> Vec<(Capability, String)> {
    cache::watch();
    READ.query(arguments!(READ { role: number(role) }), |cells| {
        let capability = capability(&cell!(cells, READ.capability as String));
        (capability, cell!(cells, READ.environment_id))
    })
}

/// What was granted to a role itself, and where.
pub(crate) fn granted_to(role: pg_sys::Oid) -> Vec<(Capability, String)> {
    OF_ROLE.query(arguments!(OF_ROLE { role: number(role) }), |cells| {
        let capability = capability(&cell!(cells, OF_ROLE.capability as String));
        (capability, cell!(cells, OF_ROLE.environment_id))
    })
}

/// Makes sessions that grant or revoke do so one after the other, until each has ended its transaction: Postgres lets only one at a
/// time change the rights to a function.
pub(crate) fn lock() {
    locks::alone_among_writers(c"grant");
}

/// Grants a capability; returns whether it was not granted before.
pub(crate) fn set(
    role: pg_sys::Oid,
    capability: Capability,
    environment_id: &str,
    now: Timestamp,
) -> bool {
    FORGET.execute(arguments!(FORGET {}));
    let set = SET.execute(arguments!(SET {
        role: number(role),
        capability: capability.as_str(),
        environment_id,
        now
    }));
    cache::changed();
    set > 0
}

/// Takes a grant back; returns whether it existed.
pub(crate) fn delete(role: pg_sys::Oid, capability: Capability, environment_id: &str) -> bool {
    FORGET.execute(arguments!(FORGET {}));
    let deleted = DELETE.execute(arguments!(DELETE {
        role: number(role),
        capability: capability.as_str(),
        environment_id
    }));
    cache::changed();
    deleted > 0
}

fn number(role: pg_sys::Oid) -> i64 {
    i64::from(role.to_u32())
}

fn capability(text: &str) -> Capability {
    match Capability::parse(text) {
        Some(capability) => capability,
        None => unreachable!("the table checks the capability"),
    }
}
