//! Requests about batches: a new batch, more items.

use serde_json::Value;

use crate::batch::check_batch;
use crate::document::check_document;
use crate::run_batch::index_refused;
use crate::waitpoint::check_key;
use crate::{Refusal, Timestamp, TriggerOptions};

/// Largest request stored with an item that cannot be triggered, bytes.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// A new batch, as its caller describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBatch {
    /// Number of items announced, if any.
    pub run_count: Option<i32>,
    /// Idempotency key of the batch.
    pub key: Option<String>,
    /// When the key expires.
    pub key_expires_at: Option<Timestamp>,
    /// When the batch is aborted unless it is sealed.
    pub expires_at: Option<Timestamp>,
}

/// An item to add to a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchItem {
    /// Index in the batch; `None` for the next one.
    pub index: Option<i32>,
    /// Options of the item's run.
    pub options: TriggerOptions,
    /// The item as the caller wrote it, stored if it cannot be triggered; `None` if it is too large or too deep to store.
    pub request: Option<Value>,
}

impl NewBatch {
    /// Checks a new batch; `max_batch` is the setting `engine.max_batch`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for a count outside 1..=`max_batch`, or a bad key.
    pub fn new(
        run_count: Option<i32>,
        key: Option<String>,
        key_expires_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
        max_batch: i32,
    ) -> Result<Self, Refusal> {
        match run_count {
            Some(count) if !(1..=max_batch).contains(&count) => Err(Refusal::invalid(
                "run_count",
                format!("{count} is not between 1 and {max_batch}."),
                "Pass the number of items, or omit it and seal the batch with engine_seal_batch.",
            )),
            run_count => Ok(Self {
                run_count,
                key: check_key(key)?,
                key_expires_at,
                expires_at,
            }),
        }
    }
}

impl BatchItem {
    /// Reads items, an array of objects with the keys of `engine_trigger` and `index`; `max_batch` is the setting
    /// `engine.max_batch`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for anything else.
    pub fn many(value: Value, max_batch: i32) -> Result<Vec<Self>, Refusal> {
        let Value::Array(elements) = value else {
            return Err(Refusal::invalid(
                "runs",
                "It is not an array.".to_owned(),
                "Pass an array of objects.",
            ));
        };
        check_batch("runs", elements.len(), max_batch)?;
        let read =
            |(index, element)| Self::read(element).map_err(|no| Refusal::in_element(no, index));
        elements.into_iter().enumerate().map(read).collect()
    }

    fn read(request: Value) -> Result<Self, Refusal> {
        let mut rest = request.clone();
        let index = match rest
            .as_object_mut()
            .and_then(|object| object.remove("index"))
        {
            None | Some(Value::Null) => None,
            Some(index) => Some(
                index
                    .as_i64()
                    .and_then(|index| i32::try_from(index).ok())
                    .ok_or_else(|| index_refused(format!("{index} is not an integer in range.")))?,
            ),
        };
        Ok(Self {
            index,
            options: TriggerOptions::from_json(rest)?,
            request: Some(request).filter(is_kept),
        })
    }
}

/// Whether a request is small enough to be stored.
fn is_kept(request: &Value) -> bool {
    check_document("runs", request).is_ok() && request.to_string().len() <= MAX_REQUEST_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_are_runs_with_an_index() {
        let items = BatchItem::many(json!([{"task": "t", "index": 3}, {"task": "t"}]), 10).unwrap();
        assert_eq!((items[0].index, items[1].index), (Some(3), None));
        assert_eq!(items[0].options.task.as_deref(), Some("t"));
        for bad in [
            json!(5),
            json!([{"taks": "t"}]),
            json!([{"task": "t", "index": "x"}]),
        ] {
            assert_eq!(BatchItem::many(bad, 10).unwrap_err().sqlstate(), "22023");
        }
        assert!(BatchItem::many(json!([{}, {}]), 1).is_err());
    }

    #[test]
    fn a_batch_has_a_size() {
        for count in [0, -1, 11] {
            assert!(NewBatch::new(Some(count), None, None, None, 10).is_err());
        }
        assert!(NewBatch::new(None, None, None, None, 10).is_ok());
    }
}
