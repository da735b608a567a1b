//! The commands of a history: they name their runs and snapshots by position, so that a shortened history, tried to
//! find the shortest one that fails, is still meaningful.

/// A run, by its position among those that the history has triggered.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// One to which the command applies, if there is any.
    Fitting(u8),
    /// Any.
    Any(u8),
    /// None: its id belongs to no run.
    Unknown,
}

/// A run, and which of its snapshots the caller holds: the latest, or how many before it.
#[derive(Debug, Clone, Copy)]
pub struct Hold {
    pub which: Which,
    pub age: u8,
}

/// The options of a new run.
#[derive(Debug, Clone)]
pub struct Options {
    pub is_in_development: bool,
    pub priority_ms: i64,
    pub max_attempts: Option<i32>,
    pub machine: Option<&'static str>,
    pub retry: Option<Retry>,
    pub parent: Option<Which>,
}

/// Retry settings.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    pub max_attempts: i32,
    pub is_upgraded_when_out_of_memory: bool,
}

/// The end of an attempt, as its worker reports it.
#[derive(Debug, Clone)]
pub struct End {
    pub how: How,
    pub duration_ms: u32,
}

#[derive(Debug, Clone)]
pub enum How {
    Success {
        output: Option<&'static str>,
    },
    Failure {
        error: Error,
        retry_delay_ms: Option<i64>,
    },
    Malformed,
}

#[derive(Debug, Clone, Copy)]
pub enum Error {
    Text,
    BuiltIn,
    Custom,
    Internal(&'static str),
    /// A process that was ended by a signal.
    Exited(&'static str),
}

/// How a run is cancelled.
#[derive(Debug, Clone)]
pub struct Cancel {
    pub reason: Option<&'static str>,
    pub finalize: Option<bool>,
    pub is_dated: bool,
    pub attempt_duration_ms: Option<i64>,
    pub bulk_action_id: Option<&'static str>,
}

/// The process of the worker that calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    One,
    Another,
    /// It gives its worker's id only, and so no answer is given to it twice.
    Unnamed,
}

impl By {
    /// The id that it gives.
    pub fn runner(self) -> Option<&'static str> {
        match self {
            Self::One => Some("one"),
            Self::Another => Some("another"),
            Self::Unnamed => None,
        }
    }
}

/// One step of a history.
#[derive(Debug, Clone)]
pub enum Step {
    New(By, Command),
    /// An earlier call of a worker, counted from the last one, that is made again; by the same process unless another is
    /// named. An answer was lost, or a process takes what is not its own.
    Again(u8, Option<By>),
}

/// One command.
#[derive(Debug, Clone)]
pub enum Command {
    Trigger(Options),
    TriggerMany(Vec<Options>),
    Dequeue {
        max_runs: i32,
        environment: Option<&'static str>,
    },
    Start(Hold),
    Complete(Hold, End),
    CompleteMany(Vec<(Hold, End)>),
    Work {
        ends: Vec<(Hold, End)>,
        max_runs: i32,
        environment: Option<&'static str>,
        turn: Option<u8>,
    },
    Release(Hold),
    Block(Hold),
    /// What a run waits for is completed.
    Unblock(Which),
    Beat(Hold),
    BeatMany(Vec<Hold>),
    Cancel(Which, Cancel),
    Tick,
    Redrive(Which),
    Replay(Which),
    /// Time passes: a deadline.
    Lapse(Which),
    /// Time passes: a run may be claimed.
    Due(Which),
    /// A table is damaged: a run that is not queued gets a queue item. Then a worker dequeues.
    Stray(Which),
}
