//! Every error that a user of the engine can cause, with its SQLSTATE, message, detail and hint.
//!
//! Class `RE` is ours; the other codes are the standard's. HTTP statuses map to them one to one: 404 is `RE001`, `RE005`,
//! `RE010` or `RE011`, 409 and the 400 for a snapshot that is not the latest are `RE002`, the 400 for a run that has ended
//! is `RE003`, the other 400s are `RE004`.

mod brief;
mod cause;
mod detail;
mod hint;
mod message;
mod sqlstate;

pub use cause::Refusal;

use crate::Shard;

impl Refusal {
    /// Makes a [`Refusal::InvalidValue`].
    pub(crate) fn invalid(parameter: &'static str, detail: String, hint: &'static str) -> Self {
        Self::InvalidValue {
            parameter,
            detail,
            hint,
        }
    }

    /// Refuses a parent or a batch on one shard for runs on another.
    #[must_use]
    pub fn other_shard(of_runs: Shard, of_parent: Shard) -> Self {
        Self::invalid(
            "environment_id",
            format!(
                "It lives on shard {}, the parent or the batch on shard {}: what waits for each other is on one shard.",
                of_runs.number(),
                of_parent.number()
            ),
            "Create environments that share batches or wait for each other's runs with the same shard, by engine_set_environment(shard => …); or trigger the run without parent and batch, and have it complete a manual waitpoint.",
        )
    }

    /// Refuses a role that does not exist.
    #[must_use]
    pub fn unknown_role(name: &str) -> Self {
        Self::invalid(
            "role",
            format!("Role \"{name}\" does not exist."),
            "Pass the name of a role, or public.",
        )
    }

    /// Refuses a run's wait for its own end.
    #[must_use]
    pub fn own_end(parameter: &'static str) -> Self {
        Self::invalid(
            parameter,
            "The run would wait for its own end, which never comes.".to_owned(),
            "Have it wait for another run.",
        )
    }

    /// Wraps this refusal as that of the element at `index`.
    #[must_use]
    pub fn in_element(self, index: usize) -> Self {
        Self::InElement {
            index,
            refusal: Box::new(self),
        }
    }
}
