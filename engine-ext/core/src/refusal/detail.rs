//! The DETAIL of each refusal.

use super::Refusal;
use super::brief::{brief, printable};
use crate::{Capabilities, Capability, EVERYWHERE};

impl Refusal {
    /// Facts, in full sentences.
    #[must_use]
    pub fn detail(&self) -> String {
        let detail = self.whole_detail();
        if self.leads_elsewhere() {
            printable(&detail)
        } else {
            brief(&detail)
        }
    }

    /// Whether it says where a shard is: clients go there, so that is not truncated. A place has a bound of its own.
    fn leads_elsewhere(&self) -> bool {
        match self {
            Self::InElement { refusal, .. } => refusal.leads_elsewhere(),
            other => matches!(other, Self::ShardElsewhere { .. }),
        }
    }

    fn whole_detail(&self) -> String {
        match self {
            Self::UnknownRun { .. } => "The environment has no run with this id.".to_owned(),
            Self::StaleSnapshot {
                given,
                latest,
                status,
                ..
            } => {
                format!(
                    "The caller's snapshot is \"{}\", the latest is \"{}\" ({status}).",
                    given.as_str(),
                    latest.as_str()
                )
            }
            Self::RunFinished { status, .. } => format!("Its status is {status}."),
            Self::WrongStatus { reason, .. } => reason.clone(),
            Self::UnknownEnvironment { .. } => {
                "No environment with this id has been set.".to_owned()
            }
            Self::ArchivedEnvironment { .. } => "It takes no new runs.".to_owned(),
            Self::QuotaExceeded { what, .. } => what.to_string(),
            Self::QueueFull { queued, limit, .. } => {
                format!("It has {queued} queued runs, the limit is {limit}.")
            }
            Self::WrongIsolation { level } => format!("The transaction's level is {level}."),
            Self::TestClockOff => "Setting engine.allow_test_clock is off.".to_owned(),
            Self::InTransaction => {
                "Its snapshot and its locks would be held during the whole wait.".to_owned()
            }
            Self::ReadOnly { is_standby: true } => "The server is a standby.".to_owned(),
            Self::ReadOnly { is_standby: false } => {
                "The transaction, or the session, was set to read only.".to_owned()
            }
            Self::NotGranted {
                role,
                capabilities,
                environment_id,
                ..
            } => not_granted(role, *capabilities, environment_id.as_deref()),
            Self::EnvironmentHeld { holder, .. } => {
                let holder = holder.as_deref().unwrap_or("several sessions in turn");
                format!(
                    "A session has changed the environment or its queues, and has not committed: {holder}."
                )
            }
            Self::ReservesSlots { slots } => format!("The transaction has reserved {slots} slots."),
            Self::VersionMismatch { library, catalog } => {
                format!("The library is version {library}, the catalog version {catalog}.")
            }
            Self::InvalidValue { detail, .. } | Self::MalformedCompletion { detail } => {
                detail.clone()
            }
            Self::MissingValue { parameter } => format!("NULL was passed for \"{parameter}\"."),
            Self::TooDeep { limit, .. } => {
                format!("It has more than {limit} levels of arrays and objects.")
            }
            Self::ReservedKey { key, .. } => {
                format!("Readers in Rust take it for something else: \"{key}\".")
            }
            Self::NotJson { line, column, .. } => {
                format!("It cannot be read from line {line}, column {column}.")
            }
            Self::TooLarge { bytes, limit, .. } => {
                format!("It has {bytes} bytes, the limit is {limit}.")
            }
            Self::RunExists { .. } => "The id was passed as \"run_id\".".to_owned(),
            // A fixed text, which callers search for.
            Self::NotCancelled { run_id, status } => format!(
                "createCancelledRun conflict: existing run {} has status {status}.",
                run_id.friendly()
            ),
            Self::NotRedrivable { status, .. } | Self::NotEnded { status, .. } => {
                format!("Its status is {status}.")
            }
            Self::TokenUsed => "A run has been triggered with it.".to_owned(),
            Self::ScheduleTaken { .. } => {
                "It belongs to an environment that the caller may not set.".to_owned()
            }
            Self::UnknownSchedule { .. } => "No schedule with this id has been set.".to_owned(),
            Self::EventsRemoved { first, .. } => {
                format!("The first position that can be read is {first}.")
            }
            Self::UnknownEventReader { .. } => {
                "No reader with this name has been created.".to_owned()
            }
            Self::UnknownVersion { .. } => {
                "No worker of this version has registered in the environment.".to_owned()
            }
            // A fixed text, which callers search for.
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
            Self::TurnTaken { .. } => {
                "Another call of the worker has taken it meanwhile.".to_owned()
            }
            Self::UnknownBulkAction { .. } => "No bulk action has this id.".to_owned(),
            Self::MoreThanExpected { expected, found } => {
                format!("It matches {found} runs or more, {expected} were expected.")
            }
            Self::ShardElsewhere {
                place: Some(place), ..
            } => format!("It is at \"{place}\"."),
            Self::ShardElsewhere { place: None, .. } => {
                "This database does not serve it, and does not know where it is.".to_owned()
            }
            Self::ShardMoving { .. } => {
                "Another database is about to serve it; what is in it here is not changed any more."
                    .to_owned()
            }
            Self::InElement { index, refusal } => format!("Element {index}: {}", refusal.detail()),
        }
    }
}

fn not_granted(role: &str, capabilities: Capabilities, environment_id: Option<&str>) -> String {
    let names: Vec<&str> = capabilities.each().map(Capability::as_str).collect();
    let what = match names.as_slice() {
        [] => return format!("Role \"{role}\" does not own the extension."),
        [one] => format!("not the capability {one}"),
        several => format!("none of the capabilities {}", several.join(", ")),
    };
    match environment_id {
        Some(EVERYWHERE) => format!("Role \"{role}\" has {what} in every environment."),
        Some(id) => format!("Role \"{role}\" has {what} in environment \"{id}\"."),
        None => format!("Role \"{role}\" has {what}."),
    }
}
