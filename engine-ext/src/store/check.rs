//! Invariants.

use engine_core::{ExecutionStatus, RunStatus};

use crate::backend::statement::{Statement, arguments, statement};

static CHECK: Statement = statement!("check.sql").with_bitmaps();

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
    let is_final: Vec<&str> = all
        .filter(|status| status.is_final())
        .map(RunStatus::as_str)
        .collect();
    CHECK.query(
        arguments![
            statuses(ExecutionStatus::is_queued),
            statuses(ExecutionStatus::has_heartbeat),
            statuses(ExecutionStatus::holds_slot),
            is_final,
            statuses(ExecutionStatus::keeps_edges),
        ],
        |cells| Violation {
            kind: cells.value(),
            run_id: cells.nullable(),
            detail: cells.value(),
        },
    )
}
