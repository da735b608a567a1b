//! Invariants.

use engine_core::{ExecutionStatus, RunStatus};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

// Both see the database as the call did when it began.
statement!(
    RUN,
    "check_run.sql",
    with_bitmaps,
    reading_everything,
    with_callers_snapshot
);
statement!(
    LINK,
    "check_link.sql",
    with_bitmaps,
    reading_everything,
    with_callers_snapshot
);

/// A violated invariant.
pub(crate) struct Violation {
    pub(crate) kind: String,
    pub(crate) run_id: Option<String>,
    pub(crate) detail: String,
}

/// All violated invariants.
pub(crate) fn violations() -> Vec<Violation> {
    let mut violations = of_runs();
    violations.extend(of_links());
    violations
}

fn of_runs() -> Vec<Violation> {
    RUN.query(
        arguments!(RUN {
            queued_statuses: execution_statuses(ExecutionStatus::is_queued),
            watched_statuses: execution_statuses(ExecutionStatus::has_heartbeat),
            slot_statuses: execution_statuses(ExecutionStatus::holds_slot),
            final_statuses: run_statuses(RunStatus::is_final)
        }),
        |cells| Violation {
            kind: cell!(cells, RUN.kind),
            run_id: cell!(cells, RUN.run_id),
            detail: cell!(cells, RUN.detail),
        },
    )
}

fn of_links() -> Vec<Violation> {
    LINK.query(
        arguments!(LINK {
            waiting_statuses: execution_statuses(ExecutionStatus::keeps_edges),
            failure_statuses: run_statuses(RunStatus::is_failure)
        }),
        |cells| Violation {
            kind: cell!(cells, LINK.kind),
            run_id: cell!(cells, LINK.run_id),
            detail: cell!(cells, LINK.detail),
        },
    )
}

fn execution_statuses(has: fn(ExecutionStatus) -> bool) -> Vec<&'static str> {
    let all = ExecutionStatus::ALL.iter().copied();
    let those = all.filter(|status| has(*status));
    those.map(ExecutionStatus::as_str).collect()
}

fn run_statuses(has: fn(RunStatus) -> bool) -> Vec<&'static str> {
    let all = RunStatus::ALL.iter().copied();
    let those = all.filter(|status| has(*status));
    those.map(RunStatus::as_str).collect()
}
