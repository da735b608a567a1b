//! The SQLSTATE of each refusal.

use super::Refusal;

impl Refusal {
    /// Five characters, as Postgres reports them.
    #[must_use]
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::UnknownRun { .. } => "RE001",
            Self::StaleSnapshot { .. } => "RE002",
            Self::RunFinished { .. } => "RE003",
            Self::WrongStatus { .. } | Self::NotRedrivable { .. } | Self::NotEnded { .. } => {
                "RE004"
            }
            Self::UnknownEnvironment { .. } | Self::ArchivedEnvironment { .. } => "RE005",
            Self::QueueFull { .. } => "RE008",
            Self::QuotaExceeded { .. } => "RE017",
            Self::TokenUsed => "RE009",
            Self::UnknownSchedule { .. } => "RE014",
            Self::EventsRemoved { .. } => "RE015",
            Self::UnknownEventReader { .. } => "RE016",
            Self::UnknownBulkAction { .. } => "RE018",
            Self::MoreThanExpected { .. } => "RE019",
            Self::ShardElsewhere { .. } => "RE020",
            Self::ShardMoving { .. } => "RE021",
            Self::UnknownVersion { .. } => "RE013",
            Self::WrongIsolation { .. } => "RE006",
            Self::TestClockOff => "55000",
            Self::InTransaction => "25001",
            Self::ReadOnly { .. } => "25006",
            Self::NotGranted { .. } => "42501",
            Self::EnvironmentHeld { .. } => "55P03",
            Self::ReservesSlots { .. } => "0A000",
            Self::VersionMismatch { .. } => "RE007",
            Self::InvalidValue { .. } => "22023",
            Self::MissingValue { .. } => "22004",
            Self::MalformedCompletion { .. }
            | Self::TooDeep { .. }
            | Self::ReservedKey { .. }
            | Self::NotJson { .. } => "22032",
            Self::TooLarge { .. } => "54000",
            Self::RunExists { .. } | Self::NotCancelled { .. } | Self::ScheduleTaken { .. } => {
                "23505"
            }
            Self::UnknownWaitpoint { .. } => "RE010",
            Self::UnknownBatch { .. } => "RE011",
            Self::BatchClosed { .. } => "RE012",
            Self::KeyContended { .. } | Self::TurnTaken { .. } => "40001",
            Self::InElement { refusal, .. } => refusal.sqlstate(),
        }
    }

    /// The code stored with a batch item that could not be triggered.
    #[must_use]
    pub fn item_code(&self) -> &'static str {
        match self {
            Self::QueueFull { .. } => "QUEUE_SIZE_LIMIT_EXCEEDED",
            Self::QuotaExceeded { .. } => "QUOTA_EXCEEDED",
            other => other.sqlstate(),
        }
    }
}
