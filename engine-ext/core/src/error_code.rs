//! The codes of internal errors.

use crate::status::named;

named! {
    /// The codes of `INTERNAL_ERROR` that the engine itself raises.
    ErrorCode {
        /// The queue's attempts are used up.
        DequeuedMaxRetries = "TASK_RUN_DEQUEUED_MAX_RETRIES",
        /// The worker of a running attempt stopped beating.
        StalledExecuting = "TASK_RUN_STALLED_EXECUTING",
        /// The worker of a waiting attempt stopped beating.
        StalledExecutingWithWaitpoints = "TASK_RUN_STALLED_EXECUTING_WITH_WAITPOINTS",
        /// The worker stopped beating, where that is taken for running out of memory.
        OutOfMemory = "TASK_PROCESS_OOM_KILLED",
        /// The run had a queue item although it was not queued.
        DequeuedInvalidState = "TASK_DEQUEUED_INVALID_STATE",
        /// The run has started as many attempts as any run may.
        Crashed = "TASK_RUN_CRASHED",
    }
}

pub(crate) const EXITED: &str = "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE";

/// The internal codes that no retry can fix.
pub(crate) const NOT_RETRIABLE: &[&str] = &[
    "COULD_NOT_FIND_EXECUTOR",
    "COULD_NOT_FIND_TASK",
    "COULD_NOT_IMPORT_TASK",
    "CONFIGURED_INCORRECTLY",
    "TASK_ALREADY_RUNNING",
    "TASK_PROCESS_SIGKILL_TIMEOUT",
    "TASK_PROCESS_OOM_KILLED",
    "TASK_PROCESS_MAYBE_OOM_KILLED",
    "TASK_RUN_CANCELLED",
    "MAX_DURATION_EXCEEDED",
    "DISK_SPACE_EXCEEDED",
    "OUTDATED_SDK_VERSION",
    "TASK_RUN_HEARTBEAT_TIMEOUT",
    "TASK_DID_CONCURRENT_WAIT",
    "RECURSIVE_WAIT_DEADLOCK",
    "TASK_DEQUEUED_INVALID_STATE",
    "TASK_DEQUEUED_QUEUE_NOT_FOUND",
    "TASK_HAS_N0_EXECUTION_SNAPSHOT",
    "TASK_RUN_DEQUEUED_MAX_RETRIES",
    "BATCH_ITEM_COULD_NOT_TRIGGER",
    "PAYLOAD_TOO_LARGE",
    "UNSPECIFIED_ERROR",
];
