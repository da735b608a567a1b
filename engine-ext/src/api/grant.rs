//! Grants: which role may do what, and where.

use engine_core::{Capability, EVERYWHERE, Refusal, check_name};
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::error::{OrRaise, required};
use crate::flow::right::Grantee;
use crate::{api, flow};

entries!(engine_grant, engine_revoke);

/// Grants a capability to a role, for one environment or for all; returns whether the role did not have it.
///
/// The capabilities are `trigger`, `work`, `wait`, `read`, `operate` and `tick`; all but the last may be granted for one
/// environment. With it the role gets the right to execute the functions of the capability, to use their schema, and with `read`
/// to select from views of schema `engine`: from all of them, or with one environment from those that show what it may read.
/// `public` stands for every role. Only superusers and members of the role that owns the function may call it.
///
/// # Errors
/// - `22023` for an unknown role or capability, or an environment where the capability is for all.
/// - `42501` for a caller that does not own the extension.
#[pg_extern(sql = false)]
fn engine_grant(
    role: Option<&str>,
    capability: Option<&str>,
    environment_id: Option<&str>,
) -> bool {
    api::enter_writing().or_raise();
    let environment_id = environment_id.unwrap_or(EVERYWHERE);
    let (role, capability) = read(role, capability, environment_id).or_raise();
    capability.check_environment(environment_id).or_raise();
    flow::right::grant(&role, capability, environment_id)
}

/// Takes a capability back from a role, as it was granted; returns whether it was.
///
/// The role keeps what it may do by another grant, and as a member of another role. It keeps the right to use the schemas.
///
/// # Errors
/// - `22023` for an unknown role or capability.
/// - `42501` for a caller that does not own the extension.
#[pg_extern(sql = false)]
fn engine_revoke(
    role: Option<&str>,
    capability: Option<&str>,
    environment_id: Option<&str>,
) -> bool {
    api::enter_writing().or_raise();
    let environment_id = environment_id.unwrap_or(EVERYWHERE);
    let (role, capability) = read(role, capability, environment_id).or_raise();
    flow::right::revoke(&role, capability, environment_id)
}

fn read<'a>(
    role: Option<&'a str>,
    capability: Option<&str>,
    environment_id: &str,
) -> Result<(Grantee<'a>, Capability), Refusal> {
    let name = required("role", role)?;
    check_name("role", name)?;
    check_name("environment_id", environment_id)?;
    let capability = Capability::check(required("capability", capability)?)?;
    match Grantee::find(name) {
        Some(role) => Ok((role, capability)),
        None => Err(Refusal::unknown_role(name)),
    }
}
