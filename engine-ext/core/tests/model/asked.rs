//! Calls of a caller that holds a snapshot.

use std::sync::LazyLock;

use engine_core::{Asked as Repeat, Completion};
use serde_json::{Value, json};

/// A call that names a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Asked {
    Start,
    Complete(End),
    Release,
    /// It makes its run wait.
    Block,
}

/// How a worker reports the end of its attempt: one of every kind that the engine distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    Success,
    /// A failure of the task without a request about a retry: the run's own settings retry it.
    Failure,
    /// A failure whose retry the same worker starts.
    RetryAtOnce,
    /// A failure whose retry goes through the queue.
    RetryLater,
    /// A process that was told to terminate; the run's own settings retry it.
    Terminated,
    /// A machine that was too small.
    OutOfMemory,
    /// A failure that no retry fixes.
    NotRetriable,
    /// The worker abandoned the run because it was cancelled.
    Cancelled,
}

impl Asked {
    pub const ALL: [Self; 11] = [
        Self::Start,
        Self::Release,
        Self::Block,
        Self::Complete(End::Success),
        Self::Complete(End::Failure),
        Self::Complete(End::RetryAtOnce),
        Self::Complete(End::RetryLater),
        Self::Complete(End::Terminated),
        Self::Complete(End::OutOfMemory),
        Self::Complete(End::NotRetriable),
        Self::Complete(End::Cancelled),
    ];

    /// As whose repeat the engine answers it, if the process that asks is the same.
    pub fn as_repeat(self) -> Option<Repeat> {
        match self {
            Self::Start => Some(Repeat::Start),
            Self::Complete(_) => Some(Repeat::Completion),
            Self::Release => Some(Repeat::Release),
            Self::Block => None,
        }
    }
}

impl End {
    const ALL: [Self; 8] = [
        Self::Success,
        Self::Failure,
        Self::RetryAtOnce,
        Self::RetryLater,
        Self::Terminated,
        Self::OutOfMemory,
        Self::NotRetriable,
        Self::Cancelled,
    ];

    /// The completion that the worker sends.
    pub fn completion(self) -> &'static Completion {
        static PARSED: LazyLock<Vec<Completion>> = LazyLock::new(|| {
            let parse = |end: &End| match Completion::parse(&end.json()) {
                Ok(completion) => completion,
                Err(refusal) => unreachable!("{end:?}: {}", refusal.detail()),
            };
            End::ALL.iter().map(parse).collect()
        });
        &PARSED[self as usize]
    }

    /// The same as JSON.
    pub fn json(self) -> Value {
        let user = json!({"type": "STRING_ERROR", "raw": "no"});
        let internal =
            |code: &str| json!({"ok": false, "error": {"type": "INTERNAL_ERROR", "code": code}});
        match self {
            Self::Success => json!({"ok": true}),
            Self::Failure => json!({"ok": false, "error": user}),
            Self::RetryAtOnce => json!({"ok": false, "error": user, "retry": {"delay": 0}}),
            Self::RetryLater => json!({"ok": false, "error": user, "retry": {"delay": 30_000}}),
            Self::Terminated => internal("TASK_PROCESS_SIGTERM"),
            Self::OutOfMemory => internal("TASK_PROCESS_OOM_KILLED"),
            Self::NotRetriable => internal("DISK_SPACE_EXCEEDED"),
            Self::Cancelled => internal("TASK_RUN_CANCELLED"),
        }
    }
}
