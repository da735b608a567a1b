//! Items of batches.

use engine_core::{Batch, BatchId, RunId, Shard, Timestamp};
use serde_json::Value;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::document::JsonB;

statement!(READ, "batch_item_read.sql");
statement!(INSERT, "batch_item_insert.sql");

/// An existing item.
pub(crate) struct Item {
    pub(crate) index: i32,
    pub(crate) run_id: String,
    pub(crate) error_code: Option<String>,
    pub(crate) error: Option<String>,
}

/// The taken indexes among these, of a locked batch.
pub(crate) fn read(batch: &Batch, indexes: &[i32]) -> Vec<Item> {
    READ.query(
        arguments!(READ {
            shard: batch.id.shard(),
            batch_id: batch.id.as_str(),
            indexes: indexes.to_vec()
        }),
        |cells| Item {
            index: cell!(cells, READ.item_index),
            run_id: cell!(cells, READ.run_id),
            error_code: cell!(cells, READ.error_code),
            error: cell!(cells, READ.error),
        },
    )
}

/// An item to write.
pub(crate) struct NewItem<'a> {
    pub(crate) batch_id: &'a BatchId,
    pub(crate) index: i32,
    pub(crate) run_id: &'a RunId,
    /// The error, if it could not be triggered.
    pub(crate) failure: Option<ItemFailure>,
}

/// The error of an item that could not be triggered.
#[derive(Clone)]
pub(crate) struct ItemFailure {
    pub(crate) code: Option<&'static str>,
    pub(crate) message: String,
    /// The item as the caller wrote it.
    pub(crate) request: Option<Value>,
}

/// Writes items of locked batches of one shard.
pub(crate) fn insert(shard: Shard, items: &[NewItem<'_>], now: Timestamp) {
    let failure = |item: &NewItem<'_>| item.failure.clone();
    INSERT.execute(arguments!(INSERT {
        shard,
        now,
        batch_id: column(items, |item| item.batch_id.as_str()),
        item_index: column(items, |item| item.index),
        run_id: column(items, |item| item.run_id.as_str()),
        error_code: column(items, |item| failure(item).and_then(|failure| failure.code)),
        error: column(items, |item| failure(item).map(|failure| failure.message)),
        request: column(items, |item| failure(item)
            .and_then(|failure| failure.request)
            .map(JsonB))
    }));
}
