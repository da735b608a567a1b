//! The tick: who calls it, what it has not done, and when it has last gathered the history.

use serde::Deserialize;

use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;

const TICK: &str = include_str!("sql/tick.sql");
const OVERDUE: &str = include_str!("sql/overdue.sql");

/// Who calls the tick.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Tick {
    /// The session that leads those that call it.
    leader: Option<i32>,
    /// Its name for itself.
    application: Option<String>,
    /// Whether the background worker runs.
    is_worker: bool,
    /// When a tick has last gathered what happened: within ten seconds of whatever happens.
    pub(crate) gathered_at: Option<Moment>,
}

/// Overdue work of a kind.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Overdue {
    pub(crate) kind: String,
    pub(crate) count: i64,
    pub(crate) oldest_ms: i64,
}

impl Tick {
    pub(crate) async fn read(reader: &Reader<'_>) -> Result<Self, Fault> {
        Ok(reader.row(TICK, &[]).await?.unwrap_or_default())
    }

    /// Who leads those that call it, in words.
    pub(crate) fn led_by(&self) -> String {
        match (self.leader, &self.application) {
            (Some(pid), Some(application)) => format!("{application}, session {pid}"),
            (Some(pid), None) => format!("session {pid}"),
            (None, _) if self.is_worker => "the background worker".to_owned(),
            (None, _) => "no session".to_owned(),
        }
    }
}

pub(crate) async fn overdue(reader: &Reader<'_>) -> Result<Vec<Overdue>, Fault> {
    reader.rows(OVERDUE, &[]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_has_its_name_if_it_gave_one() {
        let led_by = |leader, application: Option<&str>, is_worker| {
            let application = application.map(str::to_owned);
            let tick = Tick {
                leader,
                application,
                is_worker,
                gathered_at: None,
            };
            tick.led_by()
        };
        assert_eq!(led_by(Some(7), Some("mail"), true), "mail, session 7");
        assert_eq!(led_by(Some(7), None, false), "session 7");
        assert_eq!(led_by(None, None, true), "the background worker");
        assert_eq!(led_by(None, None, false), "no session");
    }
}
