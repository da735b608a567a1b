//! The errors, each with the facts that its texts need.

use crate::{BatchId, ExecutionStatus, RunId, RunStatus, SnapshotId, WaitpointId};

/// Why a call did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// `RE001`: no such run, or not in the environment that the caller named.
    UnknownRun {
        /// The id that was given.
        run_id: RunId,
    },
    /// `RE002`: the caller's snapshot is not the latest one.
    StaleSnapshot {
        /// The run.
        run_id: RunId,
        /// What the caller holds.
        given: SnapshotId,
        /// What is the latest.
        latest: SnapshotId,
        /// Its execution status.
        status: ExecutionStatus,
    },
    /// `RE003`: the run is over.
    RunFinished {
        /// The run.
        run_id: RunId,
        /// How it ended.
        status: RunStatus,
    },
    /// `RE004`: the run's status does not allow this.
    WrongStatus {
        /// The run.
        run_id: RunId,
        /// What was asked, as a participle: "started", "completed".
        asked: &'static str,
        /// Why not: a full sentence.
        reason: String,
    },
    /// `RE005`: nobody has set this environment.
    UnknownEnvironment {
        /// The id that was given.
        environment_id: String,
    },
    /// `RE005`: this environment is closed for good.
    ArchivedEnvironment {
        /// Its id.
        environment_id: String,
    },
    /// `RE008`: the queue takes no more runs.
    QueueFull {
        /// The queue.
        queue: String,
        /// How many runs it has.
        queued: i64,
        /// How many it may have.
        limit: i32,
    },
    /// `RE006`: the transaction's isolation level is stricter than READ COMMITTED.
    WrongIsolation {
        /// The level, in SQL's words.
        level: &'static str,
    },
    /// `25001`: the call ends transactions, and somebody else has begun this one.
    InTransaction,
    /// `25006`: the call writes, and the transaction may not.
    ReadOnly {
        /// Whether that is since the server is a standby.
        is_standby: bool,
    },
    /// `55P03`: claims of an environment are under way for too long.
    EnvironmentHeld {
        /// Its id.
        environment_id: String,
        /// Who has set it: which session, and since when.
        holder: Option<String>,
    },
    /// `0A000`: a transaction that is to be prepared has reserved slots.
    ReservesSlots {
        /// How many.
        slots: i64,
    },
    /// `RE007`: the library and the catalog are of different versions.
    VersionMismatch {
        /// Version of the loaded library.
        library: String,
        /// Version of the catalog.
        catalog: String,
    },
    /// `22023`: a value that is not allowed.
    InvalidValue {
        /// Name of the parameter.
        parameter: &'static str,
        /// A full sentence of facts.
        detail: String,
        /// A full sentence of advice.
        hint: &'static str,
    },
    /// `22004`: NULL where a value is needed.
    MissingValue {
        /// Name of the parameter.
        parameter: &'static str,
    },
    /// `22032`: JSON that is not a completion.
    MalformedCompletion {
        /// A full sentence of facts.
        detail: String,
    },
    /// `22032`: a document whose arrays and objects stand too deep in each other.
    TooDeep {
        /// Name of the parameter, or of the field of a completion.
        parameter: &'static str,
        /// How deep they may.
        limit: usize,
    },
    /// `22032`: a text that its media type says is JSON, and that is none.
    NotJson {
        /// Name of the parameter, or of the field of a completion.
        parameter: &'static str,
        /// Where reading ended, from 1.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// `54000`: more bytes than allowed.
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
        /// The setting that holds the limit.
        setting: &'static str,
    },
    /// `23505`: the id that the caller chose for a new run is taken.
    RunExists {
        /// The id.
        run_id: RunId,
    },
    /// `RE004`: the queue has not given the run up.
    NotRedrivable {
        /// The run.
        run_id: RunId,
        /// What it is.
        status: RunStatus,
    },
    /// `RE009`: the one-time token was used.
    TokenUsed,
    /// `RE014`: nobody has set this schedule.
    UnknownSchedule {
        /// The id that was given.
        id: String,
    },
    /// `RE013`: no worker of this version has registered.
    UnknownVersion {
        /// The version that was given.
        version: String,
    },
    /// `23505`: a run of this id exists, and is not cancelled.
    NotCancelled {
        /// The id.
        run_id: RunId,
        /// What the run is.
        status: RunStatus,
    },
    /// `RE010`: no such waitpoint, or not in the environment of the run that is to wait for it.
    UnknownWaitpoint {
        /// The id that was given.
        waitpoint_id: WaitpointId,
    },
    /// `RE011`: no such batch.
    UnknownBatch {
        /// The id that was given.
        batch_id: BatchId,
    },
    /// `RE012`: the batch takes no more items.
    BatchClosed {
        /// The batch.
        batch_id: BatchId,
        /// Why not: a full sentence.
        reason: String,
    },
    /// `40001`: others take and give back the same idempotency key all the time.
    KeyContended {
        /// How often the call has tried.
        attempts: usize,
    },
    /// Any of the others, in one element of an array.
    InElement {
        /// Position in the array, from 0.
        index: usize,
        /// What is wrong with it.
        refusal: Box<Refusal>,
    },
}
