//! The primary message of each refusal.

use super::Refusal;
use super::brief::brief;

impl Refusal {
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
            Self::QuotaExceeded {
                environment_id,
                what,
            } => format!(
                "quota {} of environment \"{environment_id}\" is exceeded",
                what.parameter()
            ),
            Self::QueueFull { queue, .. } => format!("queue \"{queue}\" is full"),
            Self::WrongIsolation { .. } => "isolation level must be read committed".to_owned(),
            Self::TestClockOff => "tests may not move the clock of this database".to_owned(),
            Self::InTransaction => "cannot wait in a transaction block".to_owned(),
            Self::ReadOnly { .. } => "read-only transaction cannot write".to_owned(),
            Self::NotGranted { routine, .. } => format!("permission denied for function {routine}"),
            Self::EnvironmentHeld { environment_id, .. } => {
                format!("environment \"{environment_id}\" is being changed")
            }
            Self::ReservesSlots { .. } => {
                "transaction that dequeued within limits cannot be prepared".to_owned()
            }
            Self::VersionMismatch { .. } => {
                "library and catalog of the extension differ".to_owned()
            }
            Self::InvalidValue { parameter, .. } => format!("invalid value for \"{parameter}\""),
            Self::MissingValue { parameter } => format!("\"{parameter}\" must not be null"),
            Self::MalformedCompletion { .. } => "malformed completion".to_owned(),
            Self::TooDeep { parameter, .. } => format!("\"{parameter}\" is nested too deeply"),
            Self::ReservedKey { parameter, .. } => {
                format!("\"{parameter}\" has a key with a reserved name")
            }
            Self::NotJson { parameter, .. } => format!("\"{parameter}\" is not JSON"),
            Self::TooLarge { what, .. } => format!("{what} is too large"),
            Self::RunExists { run_id } | Self::NotCancelled { run_id, .. } => {
                format!("run \"{}\" already exists", run_id.as_str())
            }
            Self::NotRedrivable { run_id, .. } => {
                format!("run \"{}\" cannot be redriven", run_id.as_str())
            }
            Self::NotEnded { run_id, .. } => {
                format!("run \"{}\" cannot be forgotten", run_id.as_str())
            }
            Self::TokenUsed => "one-time token was already used".to_owned(),
            Self::ScheduleTaken { id } => format!("schedule \"{id}\" already exists"),
            Self::UnknownSchedule { id } => format!("schedule \"{id}\" does not exist"),
            Self::EventsRemoved { after, .. } => {
                format!("events after position {after} were removed")
            }
            Self::UnknownEventReader { name } => format!("event reader \"{name}\" does not exist"),
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
            Self::TurnTaken { turn_id } => format!("turn \"{turn_id}\" was not taken"),
            Self::UnknownBulkAction { bulk_id } => {
                format!("bulk action \"{}\" does not exist", bulk_id.as_str())
            }
            Self::MoreThanExpected { .. } => "filter matches more runs than expected".to_owned(),
            Self::ShardElsewhere { shard, .. } => format!("shard {} is not here", shard.number()),
            Self::ShardMoving { shard } => format!("shard {} is being moved", shard.number()),
            Self::InElement { refusal, .. } => refusal.message(),
        }
    }
}
