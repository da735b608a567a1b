//! What roles are granted, and what that takes of Postgres.

use engine_core::{Capabilities, Capability, EVERYWHERE, ROUTINES};
use pgrx::pg_sys;

use crate::backend::acl::{self, Objects};
use crate::{flow, store};

/// The role to which something is granted.
pub(crate) struct Grantee<'a> {
    /// `None` for PUBLIC.
    name: Option<&'a str>,
    role: pg_sys::Oid,
}

impl<'a> Grantee<'a> {
    /// Looks a role up; `public` stands for all of them.
    pub(crate) fn find(name: &'a str) -> Option<Self> {
        if name == "public" {
            return Some(Self {
                name: None,
                role: pg_sys::Oid::INVALID,
            });
        }
        let role = acl::role(name)?;
        Some(Self {
            name: Some(name),
            role,
        })
    }
}

/// Grants a capability, and the rights of Postgres that it takes; returns whether it was not granted before.
pub(crate) fn grant(to: &Grantee<'_>, capability: Capability, environment_id: &str) -> bool {
    store::grant::lock();
    let is_new = store::grant::set(to.role, capability, environment_id, flow::now());
    let schema = store::extension::function_schema();
    // The schema may be older than the extension, and outlive it: a right to it that the role does not need would keep the role.
    if !store::extension::is_public(&schema) {
        acl::change(true, &Objects::Schema(&schema), to.name);
    }
    let routines = routines(|of| of.has(capability));
    acl::change(true, &Objects::Routines(&schema, &routines), to.name);
    if capability == Capability::Read {
        acl::change(true, &Objects::Schema("engine"), to.name);
        let views = store::extension::views(environment_id == EVERYWHERE);
        acl::change(true, &Objects::Relations("engine", &views), to.name);
    }
    is_new
}

/// Takes a capability back, and the rights of Postgres that no other one takes; returns whether it was granted.
pub(crate) fn revoke(from: &Grantee<'_>, capability: Capability, environment_id: &str) -> bool {
    store::grant::lock();
    let existed = store::grant::delete(from.role, capability, environment_id);
    let rest = store::grant::granted_to(from.role);
    let schema = store::extension::function_schema();
    let unused = routines(|of| of.has(capability) && !rest.iter().any(|(left, _)| of.has(*left)));
    acl::change(false, &Objects::Routines(&schema, &unused), from.name);
    if capability == Capability::Read {
        revoke_views(from, &rest);
    }
    existed
}

/// Takes the right to read views back, but for those that what is left still takes.
fn revoke_views(from: &Grantee<'_>, rest: &[(Capability, String)]) {
    let left = rest.iter().filter(|(of, _)| *of == Capability::Read);
    let left: Vec<&str> = left.map(|(_, environment_id)| &**environment_id).collect();
    if left.contains(&EVERYWHERE) {
        return;
    }
    let mut views = store::extension::views(true);
    if !left.is_empty() {
        let kept = store::extension::views(false);
        views.retain(|view| !kept.contains(view));
    }
    acl::change(false, &Objects::Relations("engine", &views), from.name);
}

/// The functions whose capabilities match.
fn routines(are: impl Fn(Capabilities) -> bool) -> Vec<&'static str> {
    let names = ROUTINES.iter().map(|(name, _)| *name);
    names.filter(|name| are(Capabilities::of(name))).collect()
}
