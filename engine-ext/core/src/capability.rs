//! Capabilities: what a role may do, in which environments, and which functions it needs for that.

use std::collections::BTreeSet;

use crate::Refusal;
use crate::status::named;

/// Stands for every environment in a grant.
pub const EVERYWHERE: &str = "*";

named! {
    /// What a role may be granted.
    Capability {
        /// Trigger runs and batches, cancel them, read their results.
        Trigger = "trigger",
        /// Execute runs: dequeue, start, keep alive, complete; wait in them.
        Work = "work",
        /// Create and complete waitpoints.
        Wait = "wait",
        /// Read runs and their history, and the views; events and figures of the whole database.
        Read = "read",
        /// Set environments, queues, workers, schedules, retention; redrive and forget runs; act on many runs.
        Operate = "operate",
        /// Call the tick.
        Tick = "tick",
    }
}

use Capability::{Operate, Read, Tick, Trigger, Wait, Work};

/// Every function that needs a capability, with those of which one is enough. The others are for the extension's owner.
pub const ROUTINES: &[(&str, &[Capability])] = &[
    ("engine_trigger", &[Trigger]),
    ("engine_trigger_many", &[Trigger]),
    ("engine_create_batch", &[Trigger]),
    ("engine_add_to_batch", &[Trigger]),
    ("engine_seal_batch", &[Trigger]),
    ("engine_replay", &[Trigger, Operate]),
    ("engine_create_cancelled_run", &[Operate]),
    ("engine_create_failed_run", &[Operate]),
    ("engine_reset_idempotency_key", &[Trigger]),
    ("engine_cancel", &[Trigger, Operate]),
    ("engine_reschedule", &[Trigger]),
    ("engine_run_result", &[Trigger, Read]),
    ("engine_dequeue", &[Work]),
    ("engine_wait", &[Work]),
    ("engine_work", &[Work]),
    ("engine_start_attempt", &[Work]),
    ("engine_start_many", &[Work]),
    ("engine_execution", &[Work]),
    ("engine_heartbeat", &[Work]),
    ("engine_heartbeat_many", &[Work]),
    ("engine_moved", &[Work]),
    ("engine_report_worker", &[Work]),
    ("engine_complete_attempt", &[Work]),
    ("engine_succeed", &[Work]),
    ("engine_fail", &[Work]),
    ("engine_complete_many", &[Work]),
    ("engine_release", &[Work]),
    ("engine_create_datetime_waitpoint", &[Work, Wait]),
    ("engine_create_manual_waitpoint", &[Work, Wait]),
    ("engine_run_waitpoint", &[Work]),
    ("engine_block", &[Work]),
    ("engine_complete_waitpoint", &[Wait]),
    ("engine_unblock", &[Work]),
    ("engine_create_checkpoint", &[Work]),
    ("engine_continue", &[Work]),
    ("engine_waitpoint_data", &[Work, Wait, Read]),
    ("engine_batch_data", &[Work, Read]),
    ("engine_execution_data", &[Read]),
    ("engine_snapshots_since", &[Read]),
    ("engine_upcoming_runs", &[Read, Operate]),
    ("engine_events", &[Read]),
    ("engine_event_reader", &[Read]),
    ("engine_event_ack", &[Read]),
    ("engine_delete_event_reader", &[Read]),
    ("engine_check", &[Read, Operate]),
    ("engine_doctor", &[Read, Operate]),
    ("engine_metrics", &[Read, Operate]),
    ("engine_retention", &[Read, Operate]),
    ("engine_redrive", &[Operate]),
    ("engine_forget", &[Operate]),
    ("engine_bulk", &[Operate]),
    ("engine_bulk_stop", &[Operate]),
    ("engine_set_environment", &[Operate]),
    ("engine_set_queue", &[Operate]),
    ("engine_set_quota", &[Operate]),
    ("engine_set_machine", &[Operate]),
    ("engine_set_shard", &[Operate]),
    ("engine_register_worker", &[Operate]),
    ("engine_promote_worker", &[Operate]),
    ("engine_set_schedule", &[Operate]),
    ("engine_run_schedule", &[Operate]),
    ("engine_delete_schedule", &[Operate]),
    ("engine_set_retention", &[Operate]),
    ("engine_delete_retention", &[Operate]),
    ("engine_set_test_clock", &[Operate]),
    ("engine_sweep", &[Operate, Tick]),
    ("engine_tick", &[Operate, Tick]),
    ("engine_lead", &[Operate, Tick]),
    // It is called before an update, too, and checks none.
    ("engine_version", Capability::ALL),
];

/// Functions that are about every environment at once. Their capabilities count only where they are held in all.
const OF_THE_DATABASE: &[&str] = &[
    "engine_events",
    "engine_event_reader",
    "engine_event_ack",
    "engine_delete_event_reader",
    "engine_check",
    "engine_doctor",
    "engine_metrics",
    "engine_set_quota",
    "engine_set_machine",
    "engine_set_shard",
    "engine_set_test_clock",
    "engine_sweep",
    "engine_tick",
    "engine_lead",
];

/// Whether a function is about every environment at once.
#[must_use]
pub fn is_of_the_database(routine: &str) -> bool {
    OF_THE_DATABASE.contains(&routine)
}

impl Capability {
    /// Reads the parameter `capability`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`).
    pub fn check(text: &str) -> Result<Self, Refusal> {
        Self::parse(text).ok_or_else(|| {
            Refusal::invalid(
                "capability",
                format!("\"{text}\" is none."),
                "Pass trigger, work, wait, read, operate or tick.",
            )
        })
    }

    /// Whether it may be granted for one environment. A tick belongs to none alone.
    #[must_use]
    pub const fn is_by_environment(self) -> bool {
        match self {
            Trigger | Work | Wait | Read | Operate => true,
            Tick => false,
        }
    }

    /// Checks the parameter `environment_id` of a grant.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for a capability that is for every environment only.
    pub fn check_environment(self, environment_id: &str) -> Result<(), Refusal> {
        if environment_id == EVERYWHERE || self.is_by_environment() {
            return Ok(());
        }
        Err(Refusal::invalid(
            "environment_id",
            format!("The capability {self} is for every environment."),
            "Omit it, or pass '*'.",
        ))
    }
}

/// Several capabilities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u8);

impl Capabilities {
    /// Those of which one is enough to call a function; none for a function of the owner.
    #[must_use]
    pub const fn of(routine: &str) -> Self {
        let mut index = 0;
        while index < ROUTINES.len() {
            let (name, capabilities) = ROUTINES[index];
            if is_same(name.as_bytes(), routine.as_bytes()) {
                return Self::all_of(capabilities);
            }
            index += 1;
        }
        Self(0)
    }

    const fn all_of(capabilities: &[Capability]) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < capabilities.len() {
            bits |= 1 << capabilities[index] as u8;
            index += 1;
        }
        Self(bits)
    }

    /// Whether this is one of them.
    #[must_use]
    pub const fn has(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u8) != 0
    }

    /// Each of them.
    pub fn each(self) -> impl Iterator<Item = Capability> {
        Capability::ALL
            .iter()
            .copied()
            .filter(move |capability| self.has(*capability))
    }
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// What a role holds, by its own grants and those of roles that it is a member of.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    /// Whether it is a superuser, or a member of the role that owns the extension.
    pub is_owner: bool,
    /// A capability and an environment each, or [`EVERYWHERE`].
    pub grants: Vec<(Capability, String)>,
}

/// Where a call may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// In every environment.
    Everywhere,
    /// In these.
    In(BTreeSet<String>),
}

impl Rights {
    /// Where one of these capabilities is held; `None` for nowhere.
    #[must_use]
    pub fn scope(&self, capabilities: Capabilities) -> Option<Scope> {
        if self.is_owner {
            return Some(Scope::Everywhere);
        }
        let held = self.grants.iter().filter(|(of, _)| capabilities.has(*of));
        let environments: BTreeSet<String> = held.map(|(_, id)| id.clone()).collect();
        match environments {
            environments if environments.contains(EVERYWHERE) => Some(Scope::Everywhere),
            environments if environments.is_empty() => None,
            environments => Some(Scope::In(environments)),
        }
    }
}

impl Scope {
    /// Whether an environment is part of it.
    #[must_use]
    pub fn allows(&self, environment_id: &str) -> bool {
        match self {
            Self::Everywhere => true,
            Self::In(environments) => environments.contains(environment_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(grants: &[(Capability, &str)]) -> Rights {
        Rights {
            is_owner: false,
            grants: grants
                .iter()
                .map(|(of, id)| (*of, (*id).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn one_capability_is_enough_and_its_environments_are_added_up() {
        let rights = rights(&[(Trigger, "a"), (Trigger, "b"), (Work, "c"), (Read, "*")]);
        let scope = |routine| rights.scope(Capabilities::of(routine));
        let named = |ids: &[&str]| Scope::In(ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(scope("engine_trigger"), Some(named(&["a", "b"])));
        assert_eq!(scope("engine_work"), Some(named(&["c"])));
        assert_eq!(scope("engine_run_result"), Some(Scope::Everywhere));
        assert_eq!(scope("engine_tick"), None);
        assert_eq!(scope("engine_grant"), None);
    }

    #[test]
    fn the_owner_may_call_everything_everywhere() {
        let owner = Rights {
            is_owner: true,
            ..Rights::default()
        };
        for routine in ["engine_grant", "engine_trigger"] {
            let scope = owner.scope(Capabilities::of(routine));
            assert_eq!(scope, Some(Scope::Everywhere));
        }
    }

    #[test]
    fn a_scope_allows_its_environments_only() {
        let scope = rights(&[(Work, "a")]).scope(Capabilities::of("engine_work"));
        let scope = scope.unwrap();
        assert!(scope.allows("a") && !scope.allows("b") && !scope.allows("*"));
        assert!(Scope::Everywhere.allows("b"));
    }

    #[test]
    fn what_is_of_the_database_has_a_capability() {
        for routine in OF_THE_DATABASE {
            assert!(Capabilities::of(routine).each().next().is_some());
            assert!(is_of_the_database(routine));
        }
        assert!(!is_of_the_database("engine_trigger"));
    }

    #[test]
    fn what_belongs_to_no_environment_alone_is_granted_for_all() {
        for capability in Capability::ALL {
            assert!(capability.check_environment("*").is_ok());
            let one = capability.check_environment("a");
            assert_eq!(one.is_ok(), capability.is_by_environment());
        }
        assert_eq!(Capability::check("own").unwrap_err().sqlstate(), "22023");
    }
}
