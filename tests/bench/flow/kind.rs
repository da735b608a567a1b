//! The flows that are measured: what each begins with, what it writes, and the call that does it.

use std::time::Duration;

use serde_json::{Value, json};

/// The defaults of `engine.heartbeat_executing_ms`, `engine.heartbeat_pending_cancel_ms` and `engine.heartbeat_suspended_ms`.
const EXECUTING_MS: i64 = 60_000;
const PENDING_CANCEL_MS: i64 = 60_000;
const SUSPENDED_MS: i64 = 600_000;

/// Usage of a failed attempt, from its completion.
pub(super) const USAGE_MS: i32 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    RetryAtOnce,
    RetryByQueue,
    Requeue,
    Checkpoint,
    CancelQueued,
    CancelExecuting,
}

/// A statement of the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    DeleteEdges,
    UpdateUsage,
    UpdateState,
    InsertSnapshot,
    InsertCheckpoint,
    MoveHeartbeat,
    Nack,
    DeleteItem,
}

/// The effect of a flow on a run.
pub(super) struct Change {
    pub(super) transition: &'static str,
    pub(super) execution_status: &'static str,
    pub(super) run_status: &'static str,
    pub(super) description: &'static str,
    /// Usage that the update of the state adds.
    pub(super) usage_ms: i32,
    pub(super) queue_attempts: i32,
    pub(super) error: Option<Value>,
    pub(super) detail: Option<Value>,
    /// When the next attempt may start, from now.
    pub(super) retry: Option<Duration>,
    pub(super) interval_ms: i64,
    pub(super) holds_slot: bool,
}

impl Flow {
    pub(super) const ALL: [Self; 6] = [
        Self::RetryAtOnce,
        Self::RetryByQueue,
        Self::Requeue,
        Self::Checkpoint,
        Self::CancelQueued,
        Self::CancelExecuting,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RetryAtOnce => "retry at once",
            Self::RetryByQueue => "retry through the queue",
            Self::Requeue => "requeue of a run that nobody started",
            Self::Checkpoint => "checkpoint",
            Self::CancelQueued => "cancel, queued",
            Self::CancelExecuting => "cancel, executing",
        }
    }

    /// The execution status of its runs, if a worker holds them; else they are queued.
    pub(super) fn held(self) -> Option<&'static str> {
        match self {
            Self::RetryAtOnce | Self::RetryByQueue | Self::CancelExecuting => Some("EXECUTING"),
            Self::Requeue => Some("PENDING_EXECUTING"),
            Self::Checkpoint => Some("EXECUTING_WITH_WAITPOINTS"),
            Self::CancelQueued => None,
        }
    }

    /// The engine's call, with the run as `$1` and its snapshot as `$2`. Returns the resulting execution status.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::RetryAtOnce => {
                r#"select execution_status from engine_complete_attempt($1, $2,
                   '{"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "usage": {"durationMs": 100},
                     "retry": {"delay": 0}}')"#
            }
            Self::RetryByQueue => {
                r#"select execution_status from engine_complete_attempt($1, $2,
                   '{"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "usage": {"durationMs": 100},
                     "retry": {"delay": 3600000}}')"#
            }
            Self::Requeue => {
                "select case sum(processed) when 1 then 'QUEUED' else 'nothing' end from engine_tick(max_items => 1)"
            }
            Self::Checkpoint => {
                "select execution_status from engine_create_checkpoint($1, $2, 'DOCKER', 'here')"
            }
            Self::CancelQueued | Self::CancelExecuting => {
                "select execution_status from engine_cancel($1)"
            }
        }
    }

    /// The commits of trigger.dev's run engine, in order. `Nack`, `DeleteItem` and `MoveHeartbeat` go to another
    /// store there.
    pub(super) fn writes(self) -> &'static [Write] {
        use Write::*;
        match self {
            Self::RetryAtOnce => &[DeleteEdges, UpdateState, InsertSnapshot, MoveHeartbeat],
            Self::RetryByQueue => &[DeleteEdges, UpdateUsage, Nack, UpdateState, InsertSnapshot],
            Self::Requeue => &[Nack, UpdateState, InsertSnapshot],
            Self::Checkpoint => &[UpdateState, InsertCheckpoint, InsertSnapshot, MoveHeartbeat],
            Self::CancelQueued => &[UpdateState, DeleteItem, InsertSnapshot],
            Self::CancelExecuting => &[UpdateState, MoveHeartbeat, InsertSnapshot],
        }
    }

    /// How many of its commits go to the same database: the others go to another store.
    pub(super) fn counted(self) -> usize {
        let is_counted = |write: &&Write| {
            !matches!(
                write,
                Write::Nack | Write::DeleteItem | Write::MoveHeartbeat
            )
        };
        self.writes().iter().filter(is_counted).count()
    }

    pub(super) fn change(self) -> Change {
        let retried = json!({"error": {"type": "STRING_ERROR", "raw": "no"}});
        let reason = "Canceled by user";
        let cancelled = json!({"type": "STRING_ERROR", "raw": reason});
        match self {
            Self::RetryAtOnce => Change {
                usage_ms: USAGE_MS,
                detail: Some(retried),
                retry: Some(Duration::ZERO),
                holds_slot: true,
                ..change("RETRIED", "EXECUTING", "EXECUTING", "Retried at once")
            },
            Self::RetryByQueue => Change {
                detail: Some(retried),
                retry: Some(Duration::from_secs(3600)),
                ..change(
                    "RETRIED_BY_QUEUE",
                    "QUEUED",
                    "PENDING",
                    "Retried through the queue",
                )
            },
            Self::Requeue => Change {
                queue_attempts: 1,
                ..change(
                    "REQUEUED",
                    "QUEUED",
                    "PENDING",
                    "Requeued: no worker started it in time",
                )
            },
            Self::Checkpoint => Change {
                interval_ms: SUSPENDED_MS,
                ..change("SUSPENDED", "SUSPENDED", "WAITING_TO_RESUME", "Suspended")
            },
            Self::CancelQueued => Change {
                error: Some(cancelled),
                detail: Some(json!({"reason": reason})),
                ..change("CANCELED", "FINISHED", "CANCELED", "Cancelled")
            },
            Self::CancelExecuting => Change {
                error: Some(cancelled),
                interval_ms: PENDING_CANCEL_MS,
                ..change(
                    "CANCEL_REQUESTED",
                    "PENDING_CANCEL",
                    "CANCELED",
                    "Cancelled: its worker is asked to stop",
                )
            },
        }
    }
}

fn change(
    transition: &'static str,
    execution_status: &'static str,
    run_status: &'static str,
    description: &'static str,
) -> Change {
    Change {
        transition,
        execution_status,
        run_status,
        description,
        usage_ms: 0,
        queue_attempts: 0,
        error: None,
        detail: None,
        retry: None,
        interval_ms: EXECUTING_MS,
        holds_slot: false,
    }
}
