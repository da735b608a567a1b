//! Entries of the audit.

use engine_core::{RunId, Timestamp};

use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;

statement!(INSERT, "audit_insert.sql");

/// An action that somebody takes.
pub(crate) struct Entry<'a> {
    pub(crate) now: Timestamp,
    /// Who acts, in the words of the session.
    pub(crate) actor: &'a str,
    /// The role that calls.
    pub(crate) role: &'a str,
    /// The function.
    pub(crate) action: &'a str,
    /// What the action is about, as far as it names it.
    pub(crate) environment_id: Option<&'a str>,
    pub(crate) run_id: Option<RunId>,
    pub(crate) schedule_id: Option<&'a str>,
    /// Parameters and values.
    pub(crate) arguments: &'a [(&'a str, Option<String>)],
}

/// Writes an entry.
pub(crate) fn insert(entry: &Entry<'_>) {
    INSERT.execute(arguments!(INSERT {
        now: entry.now,
        actor: entry.actor,
        role: entry.role,
        action: entry.action,
        environment_id: entry.environment_id,
        shard: entry.run_id.as_ref().map(RunId::shard),
        run_id: entry.run_id.as_ref(),
        schedule_id: entry.schedule_id,
        parameter: column(entry.arguments, |(parameter, _)| *parameter),
        value: column(entry.arguments, |(_, value)| value.as_deref())
    }));
}
