//! Every error that a user of the engine can cause: SQLSTATE, message, detail and hint in one place.
//!
//! Class `RE` is ours; the rest are the standard's. What an HTTP API would answer by 400, 404 and 409 maps one to one: 404 is
//! `RE001`, `RE005`, `RE010` or `RE011`, 409 and the 400 for a snapshot that is not the latest are `RE002`, the 400 for a run that is over
//! is `RE003`, the other 400s are `RE004`.

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

impl Refusal {
    /// A [`Refusal::InvalidValue`].
    pub(crate) fn invalid(parameter: &'static str, detail: String, hint: &'static str) -> Self {
        Self::InvalidValue {
            parameter,
            detail,
            hint,
        }
    }

    /// A wait for a run, or a batch of runs, that live elsewhere.
    #[must_use]
    pub fn other_shard() -> Self {
        Self::invalid(
            "environment_id",
            "It lives on another shard than the parent or the batch.".to_owned(),
            "Give the environment of the parent.",
        )
    }

    /// A wait of a run for its own end.
    #[must_use]
    pub fn own_end(parameter: &'static str) -> Self {
        Self::invalid(
            parameter,
            "The run would wait for its own end, which never comes.".to_owned(),
            "Have it wait for another run.",
        )
    }

    /// This refusal, of the element at `index`.
    #[must_use]
    pub fn in_element(self, index: usize) -> Self {
        Self::InElement {
            index,
            refusal: Box::new(self),
        }
    }

    /// Its SQLSTATE.
    #[must_use]
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::UnknownRun { .. } => "RE001",
            Self::StaleSnapshot { .. } => "RE002",
            Self::RunFinished { .. } => "RE003",
            Self::WrongStatus { .. } | Self::NotRedrivable { .. } => "RE004",
            Self::UnknownEnvironment { .. } | Self::ArchivedEnvironment { .. } => "RE005",
            Self::QueueFull { .. } => "RE008",
            Self::TokenUsed => "RE009",
            Self::UnknownSchedule { .. } => "RE014",
            Self::UnknownVersion { .. } => "RE013",
            Self::WrongIsolation { .. } => "RE006",
            Self::InTransaction => "25001",
            Self::ReadOnly { .. } => "25006",
            Self::EnvironmentHeld { .. } => "55P03",
            Self::ReservesSlots { .. } => "0A000",
            Self::VersionMismatch { .. } => "RE007",
            Self::InvalidValue { .. } => "22023",
            Self::MissingValue { .. } => "22004",
            Self::MalformedCompletion { .. } | Self::TooDeep { .. } | Self::NotJson { .. } => {
                "22032"
            }
            Self::TooLarge { .. } => "54000",
            Self::RunExists { .. } | Self::NotCancelled { .. } => "23505",
            Self::UnknownWaitpoint { .. } => "RE010",
            Self::UnknownBatch { .. } => "RE011",
            Self::BatchClosed { .. } => "RE012",
            Self::KeyContended { .. } => "40001",
            Self::InElement { refusal, .. } => refusal.sqlstate(),
        }
    }

    /// How a batch tells why one of its items could not be triggered.
    #[must_use]
    pub fn item_code(&self) -> &'static str {
        match self {
            Self::QueueFull { .. } => "QUEUE_SIZE_LIMIT_EXCEEDED",
            other => other.sqlstate(),
        }
    }

    /// One lowercase line.
    #[must_use]
    pub fn message(&self) -> String {
        brief(&self.whole_message())
    }

    fn whole_message(&self) -> String {
        match self {
            Self::UnknownRun { run_id } => format!("run \"{}\" does not exist", run_id.as_str()),
            Self::StaleSnapshot { run_id, .. } => {
                format!("snapshot is not the latest of run \"{}\"", run_id.as_str())
            }
            Self::RunFinished { run_id, .. } => format!("run \"{}\" is finished", run_id.as_str()),
            Self::WrongStatus { run_id, asked, .. } => {
                format!("run \"{}\" cannot be {asked}", run_id.as_str())
            }
            Self::UnknownEnvironment { environment_id } => {
                format!("environment \"{environment_id}\" does not exist")
            }
            Self::ArchivedEnvironment { environment_id } => {
                format!("environment \"{environment_id}\" is archived")
            }
            Self::QueueFull { queue, .. } => format!("queue \"{queue}\" is full"),
            Self::WrongIsolation { .. } => "isolation level must be read committed".to_owned(),
            Self::InTransaction => "cannot wait in a transaction block".to_owned(),
            Self::ReadOnly { .. } => "read-only transaction cannot write".to_owned(),
            Self::EnvironmentHeld { environment_id, .. } => {
                format!("environment \"{environment_id}\" is being set")
            }
            Self::ReservesSlots { .. } => "claims within a limit cannot be prepared".to_owned(),
            Self::VersionMismatch { .. } => {
                "library and catalog of the extension differ".to_owned()
            }
            Self::InvalidValue { parameter, .. } => format!("invalid value for \"{parameter}\""),
            Self::MissingValue { parameter } => format!("\"{parameter}\" must not be null"),
            Self::MalformedCompletion { .. } => "malformed completion".to_owned(),
            Self::TooDeep { parameter, .. } => format!("\"{parameter}\" is nested too deep"),
            Self::NotJson { parameter, .. } => format!("\"{parameter}\" is not JSON"),
            Self::TooLarge { what, .. } => format!("{what} is too large"),
            Self::RunExists { run_id } | Self::NotCancelled { run_id, .. } => {
                format!("run \"{}\" exists already", run_id.as_str())
            }
            Self::NotRedrivable { run_id, .. } => {
                format!("run \"{}\" cannot be redriven", run_id.as_str())
            }
            Self::TokenUsed => "one-time token was used".to_owned(),
            Self::UnknownSchedule { id } => format!("schedule \"{id}\" does not exist"),
            Self::UnknownVersion { version } => format!("version \"{version}\" does not exist"),
            Self::UnknownWaitpoint { waitpoint_id } => {
                format!("waitpoint \"{}\" does not exist", waitpoint_id.as_str())
            }
            Self::UnknownBatch { batch_id } => {
                format!("batch \"{}\" does not exist", batch_id.as_str())
            }
            Self::BatchClosed { batch_id, .. } => {
                format!("batch \"{}\" takes no items", batch_id.as_str())
            }
            Self::KeyContended { .. } => "idempotency key is contended".to_owned(),
            Self::InElement { refusal, .. } => refusal.message(),
        }
    }

    /// Facts, in full sentences.
    #[must_use]
    pub fn detail(&self) -> String {
        brief(&self.whole_detail())
    }

    fn whole_detail(&self) -> String {
        match self {
            Self::UnknownRun { .. } => "No run of this id is in the environment.".to_owned(),
            Self::StaleSnapshot {
                given,
                latest,
                status,
                ..
            } => {
                format!(
                    "Given was \"{}\", the latest is \"{}\" ({status}).",
                    given.as_str(),
                    latest.as_str()
                )
            }
            Self::RunFinished { status, .. } => format!("Its status is {status}."),
            Self::WrongStatus { reason, .. } => reason.clone(),
            Self::UnknownEnvironment { .. } => "Nobody has set this environment.".to_owned(),
            Self::ArchivedEnvironment { .. } => "It takes no new runs.".to_owned(),
            Self::QueueFull { queued, limit, .. } => {
                format!("It has {queued} queued runs, the limit is {limit}.")
            }
            Self::WrongIsolation { level } => format!("The transaction's level is {level}."),
            Self::InTransaction => {
                "Its snapshot and its locks would be kept for as long as the wait lasts.".to_owned()
            }
            Self::ReadOnly { is_standby: true } => "The server is a standby.".to_owned(),
            Self::ReadOnly { is_standby: false } => {
                "The transaction, or the session, was set to read only.".to_owned()
            }
            Self::EnvironmentHeld { holder, .. } => {
                let holder = holder.as_deref().unwrap_or("one session after the other");
                format!(
                    "It has set the environment, or something of it, and has not committed: {holder}."
                )
            }
            Self::ReservesSlots { slots } => format!("The transaction has reserved {slots} slots."),
            Self::VersionMismatch { library, catalog } => {
                format!("The library is version {library}, the catalog version {catalog}.")
            }
            Self::InvalidValue { detail, .. } | Self::MalformedCompletion { detail } => {
                detail.clone()
            }
            Self::MissingValue { parameter } => format!("NULL was given for \"{parameter}\"."),
            Self::TooDeep { limit, .. } => {
                format!("Its arrays and objects are more than {limit} deep.")
            }
            Self::NotJson { line, column, .. } => {
                format!("Reading it ends at line {line}, column {column}.")
            }
            Self::TooLarge { bytes, limit, .. } => {
                format!("It has {bytes} bytes, the limit is {limit}.")
            }
            Self::RunExists { .. } => "The id was given as \"run_id\".".to_owned(),
            // The words of the reference, which its callers look for.
            Self::NotCancelled { run_id, status } => format!(
                "createCancelledRun conflict: existing run {} has status {status}.",
                run_id.friendly()
            ),
            Self::NotRedrivable { status, .. } => {
                format!("Its status is {status}.")
            }
            Self::TokenUsed => "A run was triggered with it.".to_owned(),
            Self::UnknownSchedule { .. } => "Nobody has set this schedule.".to_owned(),
            Self::UnknownVersion { .. } => {
                "No worker of this version has registered in the environment.".to_owned()
            }
            // The words of the reference, which its callers look for.
            Self::UnknownWaitpoint { .. } => "Waitpoint not found.".to_owned(),
            Self::UnknownBatch { batch_id } => {
                format!(
                    "Batch {} not found or not initialized.",
                    batch_id.friendly()
                )
            }
            Self::BatchClosed { reason, .. } => reason.clone(),
            Self::KeyContended { attempts } => {
                format!("Failed to create it after {attempts} attempts due to conflicts.")
            }
            Self::InElement { index, refusal } => format!("Element {index}: {}", refusal.detail()),
        }
    }

    /// Advice, in full sentences.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownRun { .. } => "Check the id, and the environment if one was given.".to_owned(),
            Self::StaleSnapshot { .. } => {
                "The run has moved on: stop the work, or read its latest snapshot with engine_execution_data.".to_owned()
            }
            Self::RunFinished { .. } => "Nothing is left to do; trigger a new run to do the work again.".to_owned(),
            Self::WrongStatus { .. } => {
                "Only a run that a worker holds can be started, blocked, continued and completed, only one that is delayed can be rescheduled.".to_owned()
            }
            Self::ArchivedEnvironment { .. } => "Open it again with engine_set_environment.".to_owned(),
            Self::QueueFull { .. } => "Trigger again later, or raise max_size with engine_set_queue.".to_owned(),
            Self::UnknownEnvironment { .. } => "Leave it out to use the environment \"default\".".to_owned(),
            Self::InTransaction => {
                "Call it before the transaction begins, as the only statement of its query.".to_owned()
            }
            Self::ReadOnly { is_standby: true } => {
                "Connect to the primary server; a standby answers reads alone.".to_owned()
            }
            Self::ReadOnly { is_standby: false } => {
                "Call it in a transaction that is READ WRITE.".to_owned()
            }
            Self::EnvironmentHeld { .. } => {
                "End that transaction, or call again once it has ended.".to_owned()
            }
            Self::ReservesSlots { .. } => "Commit it, or claim in one of its own.".to_owned(),
            Self::WrongIsolation { .. } => {
                "Call it in a READ COMMITTED transaction, best in one of its own.".to_owned()
            }
            Self::VersionMismatch { .. } => "Run ALTER EXTENSION engine UPDATE, then reconnect.".to_owned(),
            Self::InvalidValue { hint, .. } => (*hint).to_owned(),
            Self::MissingValue { .. } => "Give a value.".to_owned(),
            Self::MalformedCompletion { .. } => {
                "Give {\"ok\": true, \"output\": \"…\"} or {\"ok\": false, \"error\": {\"type\": \"STRING_ERROR\", \"raw\": \"…\"}}."
                    .to_owned()
            }
            Self::TooDeep { .. } => "Flatten it, or pass the inner part as a text.".to_owned(),
            Self::NotJson { .. } => "Give JSON, or another media type.".to_owned(),
            Self::TooLarge { setting, .. } => {
                format!("Store it elsewhere and pass a reference, or raise {setting}.")
            }
            Self::RunExists { .. } => "Choose another id, or leave it out.".to_owned(),
            Self::NotCancelled { .. } => "Use engine_cancel to cancel it.".to_owned(),
            Self::NotRedrivable { .. } => "Redrive a run that ended although its handler had not said so; use engine_replay to do the work of any run again as a new one.".to_owned(),
            Self::TokenUsed => "Ask for a new token; this one is good for a single run.".to_owned(),
            Self::UnknownSchedule { .. } => "Set it with engine_set_schedule.".to_owned(),
            Self::UnknownVersion { .. } => "Register it with engine_register_worker.".to_owned(),
            Self::UnknownWaitpoint { .. } => {
                "Check the id: a run waits for waitpoints of its own environment.".to_owned()
            }
            Self::UnknownBatch { .. } => "Make it with engine_create_batch.".to_owned(),
            Self::BatchClosed { .. } => "Put the runs into a new batch.".to_owned(),
            Self::KeyContended { .. } => "Call again.".to_owned(),
            Self::InElement { refusal, .. } => refusal.hint(),
        }
    }
}

/// Longest part of a text that is quoted, characters.
const MAX_QUOTED: usize = 100;

/// Longest text of an error in characters, if a value in it has quotes itself.
const MAX_TEXT: usize = 300;

/// The text with what it quotes, or tells of a caller's value, cut where it is long, and on one line.
fn brief(text: &str) -> String {
    let cut = |(place, part): (usize, &str)| {
        // Every other part stands in quotes; the words around them are ours, and shorter than twice that.
        let longest = if place % 2 == 1 {
            MAX_QUOTED
        } else {
            2 * MAX_QUOTED
        };
        match part.char_indices().nth(longest) {
            Some((end, _)) => format!("{}…", &part[..end]),
            None => part.to_owned(),
        }
    };
    let parts: Vec<String> = text.split('"').enumerate().map(cut).collect();
    let text = printable(&parts.join("\""));
    // A value that has quotes itself looks like many.
    match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if first < last && text.chars().nth(MAX_TEXT).is_some() => {
            let quoted: String = text[first + 1..last].chars().take(MAX_QUOTED).collect();
            format!("{}{quoted}…{}", &text[..=first], &text[last..])
        }
        _ => text,
    }
}

/// The text with escapes in the place of control characters.
fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_it_quotes() {
        let refusal = Refusal::UnknownVersion {
            version: "a\nb\u{1}".to_owned(),
        };
        assert_eq!(refusal.message(), "version \"a\\nb\\u{1}\" does not exist");
    }

    #[test]
    fn a_message_quotes_at_most_a_hundred_characters() {
        let refusal = Refusal::UnknownEnvironment {
            environment_id: "ä".repeat(5_000_000),
        };
        let quoted = format!("environment \"{}…\" does not exist", "ä".repeat(100));
        assert_eq!(refusal.message(), quoted);
        let refusal = Refusal::UnknownEnvironment {
            environment_id: "[\"a\", ".repeat(1_000),
        };
        let quoted = "[\"a\", ".repeat(16);
        let message = format!("environment \"{quoted}[\"a\"…\" does not exist");
        assert_eq!(refusal.message(), message);
        let detail = format!("{} is not an integer in range.", "9".repeat(5_000_000));
        let refusal = Refusal::invalid("index", detail, "Give one.").in_element(1);
        assert!(refusal.detail().chars().count() < 250);
        let short = Refusal::MissingValue { parameter: "task" };
        assert_eq!(short.message(), "\"task\" must not be null");
    }
}
