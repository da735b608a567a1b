//! The audit: which actions somebody took, for sessions that say who acts.

use engine_core::{Refusal, RunId, check_actor, kept};

use crate::backend::{caller, given};
use crate::store::audit_entry::{self, Entry};
use crate::{flow, guc};

/// Notes the present call, if it is an action and the session says who acts. What is refused later, or rolled back, leaves no entry:
/// it is written in the transaction of the action.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for a name of more than 1024 bytes.
pub(crate) fn note() -> Result<(), Refusal> {
    let Some(call) = caller::call().filter(|call| call.capabilities.are_of_actions()) else {
        return Ok(());
    };
    let Some(actor) = check_actor(guc::actor())? else {
        return Ok(());
    };
    let given = given::given();
    let Some(arguments) = kept(&given) else {
        return Ok(());
    };
    let of = |name| {
        let mut named = given.iter().filter(|given| given.parameter == name);
        named.next().and_then(|given| given.text.as_deref())
    };
    audit_entry::insert(&Entry {
        now: flow::moment(),
        actor: &actor,
        role: &call.role_name(),
        action: call.routine,
        environment_id: of("environment_id"),
        run_id: of("run_id").map(RunId::parse),
        schedule_id: of("id"),
        arguments: &arguments,
    });
    Ok(())
}
