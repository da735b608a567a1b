//! What every page says: the database, the role, and what the role may do.

use serde::Deserialize;

use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;

const SESSION: &str = include_str!("sql/session.sql");

/// The caller and its rights.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Facts {
    pub(crate) now: Moment,
    pub(crate) database: String,
    pub(crate) server: Option<String>,
    pub(crate) role: String,
    pub(crate) version: String,
    pub(crate) is_standby: bool,
    is_owner: bool,
    operates: bool,
    triggers_in: Vec<String>,
    sees_payloads: bool,
    pub(crate) environments: Vec<String>,
    /// Failures of the last hour.
    pub(crate) failures: i64,
    /// Bulk operations under way.
    pub(crate) bulk_running: i64,
}

impl Facts {
    pub(crate) async fn read(reader: &Reader<'_>) -> Result<Self, Fault> {
        let facts: Option<Self> = reader.row(SESSION, &[]).await?;
        let mut facts = facts.ok_or_else(|| Fault::missing("the database says nothing"))?;
        facts.failures = super::failure::count(reader).await?;
        facts.bulk_running = super::bulk::running(reader).await?;
        Ok(facts)
    }

    /// Whether there is anything that it may do.
    pub(crate) fn may_act(&self) -> bool {
        self.may_operate() || (!self.is_standby && !self.triggers_in.is_empty())
    }

    /// Whether it may set queues, environments and schedules, and redrive runs.
    pub(crate) fn may_operate(&self) -> bool {
        !self.is_standby && (self.is_owner || self.operates)
    }

    /// Whether it may trigger runs of an environment, and reschedule them.
    pub(crate) fn may_trigger(&self, environment: &str) -> bool {
        let is_granted = || {
            self.triggers_in
                .iter()
                .any(|name| name == "*" || name == environment)
        };
        !self.is_standby && (self.is_owner || is_granted())
    }

    /// Whether it may cancel and replay runs of an environment.
    pub(crate) fn may_cancel(&self, environment: &str) -> bool {
        self.may_operate() || self.may_trigger(environment)
    }

    pub(crate) fn sees_payloads(&self) -> bool {
        self.sees_payloads
    }
}
