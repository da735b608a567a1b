//! What people did.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;

const LIST: &str = include_str!("sql/audit_list.sql");

/// An action that somebody took.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Entry {
    pub(crate) acted_at: Moment,
    pub(crate) actor: String,
    pub(crate) role: String,
    /// The function.
    pub(crate) action: String,
    pub(crate) arguments: Map<String, Value>,
}

/// The newest entries, the newest first.
pub(crate) async fn newest(reader: &Reader<'_>) -> Result<Vec<Entry>, Fault> {
    reader.rows(LIST, &[]).await
}
