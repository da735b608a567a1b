//! Batches: runs that are triggered together and awaited together.

use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;

use crate::{BatchId, Error, RunId, Trigger, WaitpointId};

/// A batch to be created.
///
/// ```
/// use engine_client::{NewBatch, RunId};
///
/// let parent = RunId::new("cm3p6vnxk0000yz3x6k1k2m8a");
/// let batch = NewBatch::of(100).awaited_by(parent).idempotency_key("thumbnails-17");
/// ```
#[derive(Debug, Clone)]
pub struct NewBatch {
    pub(crate) run_count: Option<i32>,
    pub(crate) environment_id: String,
    pub(crate) parent_run_id: Option<RunId>,
    pub(crate) resume_parent: bool,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) idempotency_key_expires_at: Option<SystemTime>,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) options: Option<Value>,
}

impl NewBatch {
    /// A batch of `run_count` items, sealed by the last one.
    pub fn of(run_count: i32) -> Self {
        Self {
            run_count: Some(run_count),
            ..Self::open()
        }
    }

    /// A batch that accepts items until it is sealed.
    pub fn open() -> Self {
        Self {
            run_count: None,
            environment_id: "default".to_owned(),
            parent_run_id: None,
            resume_parent: false,
            idempotency_key: None,
            idempotency_key_expires_at: None,
            expires_at: None,
            options: None,
        }
    }

    /// The environment of the batch and its runs. Default: `default`.
    pub fn environment_id(mut self, environment_id: impl Into<String>) -> Self {
        self.environment_id = environment_id.into();
        self
    }

    /// The parent of the items' runs.
    pub fn parent(mut self, run_id: impl Into<RunId>) -> Self {
        self.parent_run_id = Some(run_id.into());
        self
    }

    /// The parent of the items' runs, which waits for all of them from the commit that creates the batch.
    pub fn awaited_by(mut self, run_id: impl Into<RunId>) -> Self {
        self.resume_parent = true;
        self.parent(run_id)
    }

    /// Until the key expires, the batch is created once.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// When the key expires. Default: never.
    pub fn idempotency_key_expires_at(mut self, at: SystemTime) -> Self {
        self.idempotency_key_expires_at = Some(at);
        self
    }

    /// When a batch that is not sealed is aborted. Default: never.
    pub fn expires_at(mut self, at: SystemTime) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Data that is stored with the batch.
    pub fn options(mut self, options: Value) -> Self {
        self.options = Some(options);
        self
    }
}

/// A batch that was created, or that existed with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// The batch's id.
    pub batch_id: BatchId,
    /// `PENDING` for a new one.
    pub status: String,
    /// Whether it existed before the call.
    pub is_cached: bool,
    /// Number of items announced, if any.
    pub run_count: Option<i32>,
    /// Number of items added.
    pub item_count: i32,
    /// The waitpoint of its parent.
    pub waitpoint_id: Option<WaitpointId>,
}

impl Batch {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            batch_id: row.try_get("batch_id")?,
            status: row.try_get("status")?,
            is_cached: row.try_get("is_cached")?,
            run_count: row.try_get("run_count")?,
            item_count: row.try_get("item_count")?,
            waitpoint_id: row.try_get("waitpoint_id")?,
        })
    }
}

/// An item to add to a batch.
//
// Serialized, it is an element of engine_add_to_batch.
///
/// ```
/// use engine_client::{BatchItem, Trigger};
///
/// let item = BatchItem::at(0, Trigger::new("resize").payload("a.png")?);
/// # Ok::<(), engine_client::Error>(())
/// ```
#[derive(Debug, Clone, Serialize)]
pub struct BatchItem {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<i32>,
    #[serde(flatten)]
    trigger: Trigger,
}

impl BatchItem {
    /// An item with an index, which is added once, however often it is sent.
    pub fn at(index: i32, trigger: Trigger) -> Self {
        Self {
            index: Some(index),
            trigger,
        }
    }
}

impl From<Trigger> for BatchItem {
    /// An item after the last one.
    fn from(trigger: Trigger) -> Self {
        Self {
            index: None,
            trigger,
        }
    }
}

/// The outcome for one item.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddedItem {
    /// Index in the batch.
    pub index: i32,
    /// The item's run; a failed one if the item could not be triggered.
    pub run_id: RunId,
    /// Whether this call added it.
    pub enqueued: bool,
    /// Error code, if it could not be triggered.
    pub error_code: Option<String>,
    /// Error message, if it could not be triggered.
    pub error_message: Option<String>,
}

impl AddedItem {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            index: row.try_get("index")?,
            run_id: row.try_get("run_id")?,
            enqueued: row.try_get("enqueued")?,
            error_code: row.try_get("error_code")?,
            error_message: row.try_get("error_message")?,
        })
    }
}

/// The outcome of sealing a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedBatch {
    /// Whether the batch is sealed. If not, items are missing.
    pub sealed: bool,
    /// State of the batch, such as `PROCESSING`.
    pub status: String,
    /// Number of items announced, if any.
    pub run_count: Option<i32>,
    /// Number of items added.
    pub item_count: i32,
    /// Number of items that could not be triggered.
    pub failed_run_count: i32,
}

impl SealedBatch {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            sealed: row.try_get("sealed")?,
            status: row.try_get("status")?,
            run_count: row.try_get("run_count")?,
            item_count: row.try_get("item_count")?,
            failed_run_count: row.try_get("failed_run_count")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_a_trigger_with_an_index() {
        let item = serde_json::to_value(BatchItem::at(3, Trigger::new("sum"))).unwrap();
        assert_eq!((&item["index"], &item["task"]), (&json!(3), &json!("sum")));
        let item = serde_json::to_value(BatchItem::from(Trigger::new("sum"))).unwrap();
        assert_eq!(item.get("index"), None);
    }
}
