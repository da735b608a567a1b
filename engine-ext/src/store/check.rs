//! Invariants.

use engine_core::{ExecutionStatus, RunStatus};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(CHECK, "check.sql", with_bitmaps, reading_everything);

/// A violated invariant.
pub(crate) struct Violation {
    pub(crate) kind: String,
    pub(crate) run_id: Option<String>,
    pub(crate) detail: String,
}

/// All violated invariants.
pub(crate) fn violations() -> Vec<Violation> {
    let statuses = |has: fn(ExecutionStatus) -> bool| {
        let all = ExecutionStatus::ALL.iter().copied();
        all.filter(|status| has(*status))
            .map(ExecutionStatus::as_str)
            .collect::<Vec<_>>()
    };
    let all = RunStatus::ALL.iter().copied();
    let which = |has: fn(RunStatus) -> bool| {
        let which = all.clone().filter(|status| has(*status));
        which.map(RunStatus::as_str).collect::<Vec<_>>()
    };
    CHECK.query(
        arguments!(CHECK {
            queued_statuses: statuses(ExecutionStatus::is_queued),
            watched_statuses: statuses(ExecutionStatus::has_heartbeat),
            slot_statuses: statuses(ExecutionStatus::holds_slot),
            final_statuses: which(RunStatus::is_final),
            failure_statuses: which(RunStatus::is_failure),
            waiting_statuses: statuses(ExecutionStatus::keeps_edges)
        }),
        |cells| Violation {
            kind: cell!(cells, CHECK.kind),
            run_id: cell!(cells, CHECK.run_id),
            detail: cell!(cells, CHECK.detail),
        },
    )
}
