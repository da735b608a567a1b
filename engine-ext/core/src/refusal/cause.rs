//! The errors, each with the facts that its texts need.

use crate::{
    BatchId, BulkId, Capabilities, Exceeded, ExecutionStatus, RunId, RunStatus, Shard, SnapshotId,
    WaitpointId,
};

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// `RE001`: there is no such run, or not in the environment that the caller named.
    UnknownRun {
        /// The caller's id.
        run_id: RunId,
    },
    /// `RE002`: the caller's snapshot is not the latest one.
    StaleSnapshot {
        /// The run of the snapshots.
        run_id: RunId,
        /// The caller's snapshot.
        given: SnapshotId,
        /// The latest snapshot.
        latest: SnapshotId,
        /// The run's execution status.
        status: ExecutionStatus,
    },
    /// `RE003`: the run has ended.
    RunFinished {
        /// The ended run.
        run_id: RunId,
        /// Its final status.
        status: RunStatus,
    },
    /// `RE004`: the run's status does not allow the command.
    WrongStatus {
        /// The run that was not changed.
        run_id: RunId,
        /// The command, as a participle: "started", "completed".
        asked: &'static str,
        /// The reason, as a full sentence.
        reason: String,
    },
    /// `RE005`: the environment does not exist.
    UnknownEnvironment {
        /// The caller's id.
        environment_id: String,
    },
    /// `RE005`: the environment is archived.
    ArchivedEnvironment {
        /// The caller's id.
        environment_id: String,
    },
    /// `RE008`: the queue accepts no more runs.
    QueueFull {
        /// Name of the queue.
        queue: String,
        /// Number of its queued runs.
        queued: i64,
        /// Its maximum size.
        limit: i32,
    },
    /// `RE017`: the environment has used up a quota.
    QuotaExceeded {
        /// Its id.
        environment_id: String,
        /// The quota.
        what: Exceeded,
    },
    /// `RE006`: the transaction's isolation level is stricter than READ COMMITTED.
    WrongIsolation {
        /// The transaction's level, in SQL's words.
        level: &'static str,
    },
    /// `25001`: the call ends transactions, and runs inside a transaction block.
    InTransaction,
    /// `25006`: the call writes in a read-only transaction.
    ReadOnly {
        /// Whether the server is a standby.
        is_standby: bool,
    },
    /// `42501`: the caller's role has none of the capabilities that the function takes.
    NotGranted {
        /// The function.
        routine: &'static str,
        /// The caller's role.
        role: String,
        /// Those of which one would be enough; none for a function of the extension's owner.
        capabilities: Capabilities,
        /// Where it has none; `None` for anywhere.
        environment_id: Option<String>,
    },
    /// `55000`: tests may not move the clock of this database.
    TestClockOff,
    /// `55P03`: a session has been changing the environment for too long.
    EnvironmentHeld {
        /// Id of the environment.
        environment_id: String,
        /// The session that changes it, and since when.
        holder: Option<String>,
    },
    /// `0A000`: a transaction that is to be prepared has reserved slots.
    ReservesSlots {
        /// Number of reserved slots.
        slots: i64,
    },
    /// `RE007`: library and catalog have different versions.
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
    /// `22032`: JSON that is not a valid completion.
    MalformedCompletion {
        /// A full sentence of facts.
        detail: String,
    },
    /// `22032`: a document with too many levels of arrays and objects.
    TooDeep {
        /// Name of the parameter, or of the field of a completion.
        parameter: &'static str,
        /// Most levels allowed.
        limit: usize,
    },
    /// `22032`: a document with a key that readers in Rust take for something else.
    ReservedKey {
        /// Name of the parameter, or of the field of a completion.
        parameter: &'static str,
        /// The key.
        key: String,
    },
    /// `22032`: text whose media type is JSON, and that is not JSON.
    NotJson {
        /// Name of the parameter, or of the field of a completion.
        parameter: &'static str,
        /// Line at which reading failed, from 1.
        line: usize,
        /// Column in that line.
        column: usize,
    },
    /// `54000`: more bytes than allowed.
    TooLarge {
        /// Name of the value.
        what: &'static str,
        /// Size of the value.
        bytes: usize,
        /// Most bytes allowed.
        limit: usize,
        /// The setting that holds the limit.
        setting: &'static str,
    },
    /// `23505`: another run has the id that the caller chose.
    RunExists {
        /// The chosen id.
        run_id: RunId,
    },
    /// `RE004`: the run is not one that can be redriven.
    NotRedrivable {
        /// The run that was not changed.
        run_id: RunId,
        /// Its status.
        status: RunStatus,
    },
    /// `RE004`: the run has not ended, and cannot be forgotten.
    NotEnded {
        /// The run that was not changed.
        run_id: RunId,
        /// Its status.
        status: RunStatus,
    },
    /// `RE009`: the one-time token was already used.
    TokenUsed,
    /// `RE014`: the schedule does not exist.
    UnknownSchedule {
        /// The caller's id.
        id: String,
    },
    /// `23505`: a schedule of another tenant has this id.
    ScheduleTaken {
        /// Id that was passed.
        id: String,
    },
    /// `RE015`: events that the reader has not read were removed.
    EventsRemoved {
        /// The position after which it wanted to continue.
        after: i64,
        /// The first position that can be read.
        first: i64,
    },
    /// `RE016`: the named reader of events does not exist.
    UnknownEventReader {
        /// The caller's name.
        name: String,
    },
    /// `RE013`: no worker of this version has registered.
    UnknownVersion {
        /// The caller's version.
        version: String,
    },
    /// `23505`: a run with this id exists, and is not cancelled.
    NotCancelled {
        /// The chosen id.
        run_id: RunId,
        /// Status of the existing run.
        status: RunStatus,
    },
    /// `RE010`: there is no such waitpoint, or not in the environment of the waiting run.
    UnknownWaitpoint {
        /// The caller's id.
        waitpoint_id: WaitpointId,
    },
    /// `RE011`: there is no such batch.
    UnknownBatch {
        /// The caller's id.
        batch_id: BatchId,
    },
    /// `RE012`: the batch accepts no more items.
    BatchClosed {
        /// The closed batch.
        batch_id: BatchId,
        /// The reason, as a full sentence.
        reason: String,
    },
    /// `40001`: other sessions keep taking and releasing the same idempotency key.
    KeyContended {
        /// Number of attempts of the call.
        attempts: usize,
    },
    /// `40001`: another call of the same worker has taken the turn meanwhile.
    TurnTaken {
        /// The turn that was not taken.
        turn_id: String,
    },
    /// `RE018`: the bulk action does not exist.
    UnknownBulkAction {
        /// The caller's id.
        bulk_id: BulkId,
    },
    /// `RE019`: the filter matches more runs than its caller expects.
    MoreThanExpected {
        /// How many runs the caller expects.
        expected: i64,
        /// How many were found before the call gave up counting.
        found: i64,
    },
    /// `RE020`: the shard is served by another database.
    ShardElsewhere {
        /// The shard.
        shard: Shard,
        /// Where it is, if that is known.
        place: Option<String>,
    },
    /// `RE021`: the shard is about to be served by another database, and is not written to meanwhile.
    ShardMoving {
        /// The shard.
        shard: Shard,
    },
    /// Any other refusal, of one element of an array.
    InElement {
        /// Position in the array, from 0.
        index: usize,
        /// The element's refusal.
        refusal: Box<Refusal>,
    },
}
