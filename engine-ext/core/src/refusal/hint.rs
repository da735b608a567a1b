//! The HINT of each refusal.

use super::Refusal;

impl Refusal {
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
                "Only a run that a worker holds can be started, blocked, continued or completed; only a delayed run can be rescheduled.".to_owned()
            }
            Self::ArchivedEnvironment { .. } => "Reopen it with engine_set_environment.".to_owned(),
            Self::QuotaExceeded { what, .. } => what.advice(),
            Self::QueueFull { .. } => "Trigger again later, or raise max_size with engine_set_queue.".to_owned(),
            Self::UnknownEnvironment { .. } => "Omit it to use the environment \"default\".".to_owned(),
            Self::TestClockOff => {
                "In a database for tests, have a superuser set it with alter database, and reconnect.".to_owned()
            }
            Self::InTransaction => {
                "Call it before the transaction begins, as the only statement of its query.".to_owned()
            }
            Self::ReadOnly { is_standby: true } => {
                "Connect to the primary server; a standby answers only reads.".to_owned()
            }
            Self::ReadOnly { is_standby: false } => {
                "Call it in a transaction that is READ WRITE.".to_owned()
            }
            Self::NotGranted { capabilities, .. } => match capabilities.each().next() {
                Some(capability) => format!(
                    "A superuser grants it with engine_grant(role, '{capability}', environment_id)."
                ),
                None => "Only superusers and the owner of the extension may call it.".to_owned(),
            },
            Self::EnvironmentHeld { .. } => {
                "End that transaction, or call again once it has ended.".to_owned()
            }
            Self::ReservesSlots { .. } => "Commit the transaction, or dequeue in one of its own.".to_owned(),
            Self::WrongIsolation { .. } => {
                "Call it in a READ COMMITTED transaction, preferably one of its own.".to_owned()
            }
            Self::VersionMismatch { library, catalog } if numbers(catalog) > numbers(library) => {
                format!("Reconnect; if that changes nothing, install version {catalog} on the server.")
            }
            Self::VersionMismatch { .. } => "Run ALTER EXTENSION engine UPDATE, then reconnect.".to_owned(),
            Self::InvalidValue { hint, .. } => (*hint).to_owned(),
            Self::MissingValue { .. } => "Pass a value.".to_owned(),
            Self::MalformedCompletion { .. } => {
                "Pass {\"ok\": true, \"output\": \"…\"} or {\"ok\": false, \"error\": {\"type\": \"STRING_ERROR\", \"raw\": \"…\"}}."
                    .to_owned()
            }
            Self::TooDeep { .. } => "Flatten it, or pass the inner part as a text.".to_owned(),
            Self::ReservedKey { .. } => "Name it differently.".to_owned(),
            Self::NotJson { .. } => "Pass JSON, or another media type.".to_owned(),
            Self::TooLarge { setting, .. } => {
                format!("Store it elsewhere and pass a reference, or raise {setting}.")
            }
            Self::RunExists { .. } => "Choose another id, or omit it.".to_owned(),
            Self::NotCancelled { .. } => "Use engine_cancel to cancel it.".to_owned(),
            Self::NotRedrivable { .. } => "Only a run that ended without its handler's decision can be redriven; use engine_replay to do the work of any run again as a new one.".to_owned(),
            Self::NotEnded { .. } => "Cancel it with engine_cancel, and forget it once it has ended.".to_owned(),
            Self::TokenUsed => "Request a new token; each one is valid for a single run.".to_owned(),
            Self::ScheduleTaken { .. } => "Choose another id.".to_owned(),
            Self::UnknownSchedule { .. } => "Set it with engine_set_schedule.".to_owned(),
            Self::EventsRemoved { first, .. } => format!(
                "Continue after {}, without the events in between; have engine_event_reader keep events that were not read.",
                first - 1
            ),
            Self::UnknownEventReader { .. } => "Create it with engine_event_reader.".to_owned(),
            Self::UnknownVersion { .. } => "Register it with engine_register_worker.".to_owned(),
            Self::UnknownWaitpoint { .. } => {
                "Check the id: a run waits for waitpoints of its own environment.".to_owned()
            }
            Self::UnknownBatch { .. } => "Create it with engine_create_batch.".to_owned(),
            Self::BatchClosed { .. } => "Put the runs into a new batch.".to_owned(),
            Self::KeyContended { .. } | Self::TurnTaken { .. } => "Call again.".to_owned(),
            Self::UnknownBulkAction { .. } => "Look for its id in the view engine.bulk.".to_owned(),
            Self::MoreThanExpected { .. } => {
                "Look at the runs in another dry run, and pass its count.".to_owned()
            }
            Self::ShardElsewhere { .. } => {
                "Call the database that serves it; the view engine.shard_state lists what this one serves.".to_owned()
            }
            Self::ShardMoving { .. } => "Call again in a moment, there or here.".to_owned(),
            Self::InElement { refusal, .. } => refusal.hint(),
        }
    }
}

/// The numbers of a version such as `0.2.0`, to compare two of them.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split('.');
    parts.map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use crate::Refusal;

    #[test]
    fn the_older_of_library_and_catalog_is_to_be_renewed() {
        let hint = |library: &str, catalog: &str| {
            let (library, catalog) = (library.to_owned(), catalog.to_owned());
            Refusal::VersionMismatch { library, catalog }.hint()
        };
        assert!(hint("0.10.0", "0.9.0").contains("ALTER EXTENSION"));
        assert!(hint("0.10.0", "").contains("ALTER EXTENSION"));
        assert!(hint("0.9.0", "0.10.0").starts_with("Reconnect; "));
    }
}
